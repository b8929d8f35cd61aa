"""Reads what Terraform deploys (`infra/snapshots/terraform/`) into the shape that both languages share."""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.infra.derived import (
    Deployment,
    Grant,
    Policy,
    Service,
    Trust,
    actions_of_built_in_role,
    scope_of,
    service_of,
    tls_version,
)

Values = dict[str, Any]

SNAPSHOTS = Path("infra/snapshots/terraform")


def deployment(profile: str, identity_kind: str = "managed") -> Deployment:
    """What a snapshot gives to whom; profiles are `derived.PROFILES`, identity kinds `managed` and `application`."""
    return Snapshot(profile, identity_kind).deployment()


class Snapshot:
    """What Terraform made of one deployment: every resource with its type and the arguments that are set."""

    def __init__(self, profile: str, identity_kind: str = "managed") -> None:
        self.text = (SNAPSHOTS / f"{profile}-{identity_kind}.json").read_text()
        snapshot = json.loads(self.text)
        self._outputs: Values = snapshot["outputs"]
        self._resources: list[Values] = list(snapshot["resources"].values())

    def deployment(self) -> Deployment:
        return Deployment(
            grants=frozenset(self._grants()),
            trusts=frozenset(self._trusts()),
            services=self._services(),
            policies=dict(self._policies()),
            private_names=frozenset(self._private_names()),
            audited=frozenset(self._audited()),
            outputs=frozenset(self._outputs),
            assignments=frozenset(self._assignments()),
        )

    def of(self, type_name: str) -> Iterator[Values]:
        """The arguments of every resource of a type."""
        for resource in self._resources:
            if resource["type"] == type_name:
                yield resource["values"]

    def only(self, type_name: str) -> Values:
        """The arguments of the one resource of a type."""
        [values] = self.of(type_name)
        return values

    def resource_ids(self) -> set[str]:
        """The ids of Azure's own resources; Terraform's ids of links between two of them are left out."""
        ids = {str(resource["values"]["id"]) for resource in self._resources}
        return {one for one in ids if one.startswith("/subscriptions/") and "|" not in one}

    @cached_property
    def _identities(self) -> dict[str, str]:
        """Names of identities, without the deployment's own prefix, by principal id and by id."""
        names: dict[str, str] = {}
        prefix = self._outputs["resourceGroupName"].removesuffix("rg")
        for identity in self.of("azurerm_user_assigned_identity"):
            names[identity["id"]] = names[identity["principal_id"]] = identity["name"].removeprefix(prefix)
        for application in self.of("azuread_application"):
            names[application["id"]] = names[application["client_id"]] = application["display_name"].removeprefix(
                prefix
            )
        for principal in self.of("azuread_service_principal"):
            names[principal["object_id"]] = names[principal["client_id"]]
        return names

    @cached_property
    def _custom_roles(self) -> dict[str, frozenset[str]]:
        """The actions of this deployment's own roles, Cosmos's among them, by the definition's resource id."""
        azure = {
            role["role_definition_resource_id"]: frozenset(
                action
                for permission in role["permissions"]
                for action in permission.get("actions", []) + permission.get("data_actions", [])
            )
            for role in self.of("azurerm_role_definition")
        }
        cosmos = {
            role["id"]: frozenset(action for permission in role["permissions"] for action in permission["data_actions"])
            for role in self.of("azurerm_cosmosdb_sql_role_definition")
        }
        return azure | cosmos

    def _actions(self, definition: str) -> frozenset[str]:
        return self._custom_roles.get(definition) or actions_of_built_in_role(definition.rsplit("/", 1)[1])

    def _grants(self) -> Iterator[Grant]:
        for type_name in ("azurerm_role_assignment", "azurerm_cosmosdb_sql_role_assignment"):
            for assignment in self.of(type_name):
                yield Grant(
                    identity=self._identities.get(assignment["principal_id"], "deployer"),
                    actions=self._actions(assignment["role_definition_id"]),
                    scope=scope_of(assignment["scope"]),
                    condition=assignment.get("condition", ""),
                )

    def _trusts(self) -> Iterator[Trust]:
        own = self._outputs["oidcIssuerUrl"]
        for credential in self.of("azurerm_federated_identity_credential"):
            issuer = "aks" if credential["issuer"] == own else credential["issuer"]
            for audience in credential["audience"]:
                identity = self._identities[credential["user_assigned_identity_id"]]
                yield Trust(identity, issuer, credential["subject"], audience)
        for credential in self.of("azuread_application_federated_identity_credential"):
            issuer = "aks" if credential["issuer"] == own else credential["issuer"]
            for audience in credential["audiences"]:
                identity = self._identities[credential["application_id"]]
                yield Trust(identity, issuer, credential["subject"], audience)

    def _services(self) -> dict[str, Service]:
        vault = self.only("azurerm_key_vault")
        cosmos = self.only("azurerm_cosmosdb_account")
        storage = self.only("azurerm_storage_account")
        bus = self.only("azurerm_servicebus_namespace")
        registry = self.only("azurerm_container_registry")
        cluster = self.only("azurerm_kubernetes_cluster")
        logs = self.only("azurerm_log_analytics_workspace")
        insights = self.only("azurerm_application_insights")
        return {
            "keyVault": Service(
                # A vault's own way beside Entra roles are its access policies.
                local_auth=not vault["rbac_authorization_enabled"],
                public=vault["public_network_access_enabled"],
                open_to=self._open_to(vault["network_acls"]),
            ),
            "cosmos": Service(
                local_auth=cosmos["local_authentication_enabled"],
                public=cosmos["public_network_access_enabled"],
                open_to=self._sources(cosmos.get("ip_range_filter", [])),
                minimum_tls=tls_version(cosmos["minimal_tls_version"]),
            ),
            "blob": Service(
                local_auth=storage["shared_access_key_enabled"] or storage["local_user_enabled"],
                public=storage["public_network_access_enabled"],
                open_to=self._open_to(storage["network_rules"]),
                minimum_tls=tls_version(storage["min_tls_version"]),
            ),
            "serviceBus": Service(
                local_auth=bus["local_auth_enabled"],
                public=bus["public_network_access_enabled"],
                open_to=self._open_to(bus["network_rule_set"]) if bus["public_network_access_enabled"] else frozenset(),
                minimum_tls=tls_version(bus["minimum_tls_version"]),
            ),
            "registry": Service(
                local_auth=registry["admin_enabled"] or registry["anonymous_pull_enabled"],
                public=registry["public_network_access_enabled"],
            ),
            "cluster": Service(
                local_auth=not cluster["local_account_disabled"], public=not cluster["private_cluster_enabled"]
            ),
            # Who sends logs comes with a token too, but from public addresses in either profile.
            "logs": Service(local_auth=logs["local_authentication_enabled"], public=True),
            "insights": Service(local_auth=insights["local_authentication_enabled"], public=True),
        }

    def _open_to(self, firewall: list[Values]) -> frozenset[str]:
        [rules] = firewall
        if rules["default_action"] != "Deny":
            return frozenset({"everybody"})
        return self._sources(rules.get("ip_rules", []), rules.get("virtual_network_subnet_ids", []))

    def _sources(self, addresses: list[str], subnets: Sequence[str] = ()) -> frozenset[str]:
        egress = self._outputs["egressAddress"]
        named = ["egress" if address == egress else address for address in addresses]
        return frozenset(named + [subnet.rsplit("/", 1)[1] for subnet in subnets])

    def _policies(self) -> Iterator[tuple[str, Policy]]:
        for assignment in self.of("azurerm_resource_group_policy_assignment"):
            parameters = {name: given["value"] for name, given in json.loads(assignment["parameters"]).items()}
            exceptions = parameters.get("allowedIssuerExceptions", []) + parameters.get("allowedClusterExceptions", [])
            definition = assignment["policy_definition_id"].rsplit("/", 1)[1]
            yield definition, Policy(parameters["effect"] if assignment["enforce"] else "off", frozenset(exceptions))

    def _private_names(self) -> Iterator[str]:
        network = {link["private_dns_zone_id"] for link in self.of("azurerm_private_dns_zone_virtual_network_link")}
        for endpoint in self.of("azurerm_private_endpoint"):
            for group in endpoint["private_dns_zone_group"]:
                for zone in network & set(group["private_dns_zone_ids"]):
                    yield zone.rsplit("/", 1)[1]

    def _audited(self) -> Iterator[str]:
        for setting in self.of("azurerm_monitor_diagnostic_setting"):
            service = service_of(setting["target_resource_id"])
            for log in setting["enabled_log"]:
                yield f"{service}/{log['category']}"

    def _assignments(self) -> Iterator[str]:
        for role in self.of("azurerm_role_definition"):
            yield role["role_definition_resource_id"]
        for type_name in (
            "azurerm_role_assignment",
            "azurerm_cosmosdb_sql_role_definition",
            "azurerm_cosmosdb_sql_role_assignment",
        ):
            for resource in self.of(type_name):
                yield resource["id"]
