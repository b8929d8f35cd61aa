"""What Azure and the providers compute: resource ids from names, endpoints, the ids of identities.

Every template is filled with the resource's own arguments. A computed value that is not here stays null.
"""

import uuid
from typing import Any

from tests.infra.terraform.values import dynamic

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TENANT = "00000000-0000-0000-0000-000000000002"
CALLER = "00000000-0000-0000-0000-000000000003"

_GROUP = "/subscriptions/{subscription}/resourceGroups/{resource_group_name}/providers/"
_COSMOS = _GROUP + "Microsoft.DocumentDB/databaseAccounts/{account_name}"

# https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations names the types
RESOURCE_IDS = {
    "azurerm_resource_group": "/subscriptions/{subscription}/resourceGroups/{name}",
    "azurerm_virtual_network": _GROUP + "Microsoft.Network/virtualNetworks/{name}",
    "azurerm_subnet": _GROUP + "Microsoft.Network/virtualNetworks/{virtual_network_name}/subnets/{name}",
    "azurerm_public_ip": _GROUP + "Microsoft.Network/publicIPAddresses/{name}",
    "azurerm_nat_gateway": _GROUP + "Microsoft.Network/natGateways/{name}",
    "azurerm_nat_gateway_public_ip_association": "{nat_gateway_id}|{public_ip_address_id}",
    "azurerm_subnet_nat_gateway_association": "{subnet_id}",
    "azurerm_private_dns_zone": _GROUP + "Microsoft.Network/privateDnsZones/{name}",
    "azurerm_private_dns_zone_virtual_network_link": "{private_dns_zone_id}/virtualNetworkLinks/{name}",
    "azurerm_private_endpoint": _GROUP + "Microsoft.Network/privateEndpoints/{name}",
    "azurerm_user_assigned_identity": _GROUP + "Microsoft.ManagedIdentity/userAssignedIdentities/{name}",
    "azurerm_federated_identity_credential": "{user_assigned_identity_id}/federatedIdentityCredentials/{name}",
    "azurerm_key_vault": _GROUP + "Microsoft.KeyVault/vaults/{name}",
    "azurerm_cosmosdb_account": _GROUP + "Microsoft.DocumentDB/databaseAccounts/{name}",
    "azurerm_cosmosdb_sql_database": _COSMOS + "/sqlDatabases/{name}",
    "azurerm_cosmosdb_sql_container": _COSMOS + "/sqlDatabases/{database_name}/containers/{name}",
    "azurerm_cosmosdb_sql_role_definition": _COSMOS + "/sqlRoleDefinitions/{role_definition_id}",
    "azurerm_cosmosdb_sql_role_assignment": _COSMOS + "/sqlRoleAssignments/{name}",
    "azurerm_storage_account": _GROUP + "Microsoft.Storage/storageAccounts/{name}",
    "azurerm_storage_container": "{storage_account_id}/blobServices/default/containers/{name}",
    "azurerm_servicebus_namespace": _GROUP + "Microsoft.ServiceBus/namespaces/{name}",
    "azurerm_servicebus_queue": "{namespace_id}/queues/{name}",
    "azurerm_container_registry": _GROUP + "Microsoft.ContainerRegistry/registries/{name}",
    "azurerm_container_registry_cache_rule": "{container_registry_id}/cacheRules/{name}",
    "azurerm_container_registry_agent_pool": _GROUP
    + "Microsoft.ContainerRegistry/registries/{container_registry_name}/agentPools/{name}",
    "azurerm_log_analytics_workspace": _GROUP + "Microsoft.OperationalInsights/workspaces/{name}",
    "azurerm_monitor_data_collection_rule": _GROUP + "Microsoft.Insights/dataCollectionRules/{name}",
    "azurerm_monitor_data_collection_rule_association": "{target_resource_id}"
    "/providers/Microsoft.Insights/dataCollectionRuleAssociations/{name}",
    "azurerm_monitor_scheduled_query_rules_alert_v2": _GROUP + "Microsoft.Insights/scheduledQueryRules/{name}",
    "azurerm_monitor_diagnostic_setting": "{target_resource_id}|{name}",
    "azurerm_kubernetes_cluster": _GROUP + "Microsoft.ContainerService/managedClusters/{name}",
    "azurerm_kubernetes_cluster_node_pool": "{kubernetes_cluster_id}/agentPools/{name}",
    "azurerm_role_definition": "{role_definition_resource_id}|{scope}",
    "azurerm_role_assignment": "{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
    "azurerm_resource_group_policy_assignment": "{resource_group_id}"
    "/providers/Microsoft.Authorization/policyAssignments/{name}",
    "azapi_resource": "{parent_id}/{child_type}/{name}",
    "azapi_update_resource": "{resource_id}",
    "azapi_resource_action": "{resource_id}",
    "azuread_application": "/applications/{object_id}",
    "azuread_service_principal": "/servicePrincipals/{object_id}",
    "azuread_application_federated_identity_credential": "{application_id}/federatedIdentityCredential/{display_name}",
}

COMPUTED = {
    "azurerm_public_ip": {"ip_address": "203.0.113.7"},  # RFC 5737: an address for documentation
    "azurerm_key_vault": {"vault_uri": "https://{name}.vault.azure.net/"},
    "azurerm_cosmosdb_account": {"endpoint": "https://{name}.documents.azure.com:443/"},
    "azurerm_storage_account": {"primary_blob_endpoint": "https://{name}.blob.core.windows.net/"},
    "azurerm_servicebus_namespace": {"endpoint": "https://{name}.servicebus.windows.net:443/"},
    "azurerm_container_registry": {"login_server": "{name}.azurecr.io"},
    "azurerm_kubernetes_cluster": {
        "oidc_issuer_url": "https://{location}.oic.prod-aks.azure.com/{tenant}/{guid_of_issuer}/",
    },
    "azurerm_log_analytics_workspace": {"workspace_id": "{guid_of_workspace}"},
    "azurerm_user_assigned_identity": {
        "principal_id": "{guid_of_principal}",
        "client_id": "{guid_of_client}",
        "tenant_id": "{tenant}",
    },
    "azurerm_role_definition": {
        "role_definition_resource_id": "{scope}/providers/Microsoft.Authorization/roleDefinitions/{role_definition_id}",
    },
    "azuread_application": {"object_id": "{guid_of_application}", "client_id": "{guid_of_client}"},
    "azuread_service_principal": {"object_id": "{guid_of_service_principal}"},
}

# the one answer of the control plane that the configuration reads through azapi
_SECRET_URI = "https://a-vault.vault.azure.net/secrets/a-secret/{guid_of_version}"

DATA = {
    "azurerm_client_config": {
        "id": "clientConfig",
        "tenant_id": TENANT,
        "subscription_id": SUBSCRIPTION,
        "client_id": CALLER,
        "object_id": CALLER,
    },
}


def computed(type_name: str, values: dict[str, Any]) -> dict[str, Any]:
    """What Azure answers for a resource of this type with these arguments, its id among it."""
    names = _Names(type_name, values)
    answers: dict[str, Any] = {
        name: template.format_map(names) for name, template in COMPUTED.get(type_name, {}).items()
    }
    names.update(answers)
    if values.get("response_export_values"):
        answers["output"] = dynamic({"properties": {"secretUriWithVersion": _SECRET_URI.format_map(names)}})
    return answers | {"id": RESOURCE_IDS[type_name].format_map(names)}


class _Names(dict[str, str]):
    """A resource's arguments, and what every template may ask for besides."""

    def __init__(self, type_name: str, values: dict[str, Any]) -> None:
        super().__init__({name: value for name, value in values.items() if isinstance(value, str)})
        self["subscription"] = SUBSCRIPTION
        self["tenant"] = TENANT
        # a name the caller left to the provider: made from what the resource is about, so that it never changes
        self.setdefault("name", _guid(type_name, *sorted(self.items())))
        self._resource = (type_name, self["name"], values.get("resource_group_name"), values.get("client_id"))

    def __missing__(self, key: str) -> str:
        if key.startswith("guid_of_"):
            return _guid(key, *self._resource)
        if key == "child_type":  # the last part of `Microsoft.ContainerService/managedClusters/identityBindings@…`
            return self["type"].partition("@")[0].rpartition("/")[2]
        raise KeyError(f"{self._resource[0]}: no argument {key!r}")


def _guid(*parts: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, repr(parts)))
