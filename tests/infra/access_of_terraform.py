"""Read a snapshot of the Terraform deployment into a `Deployment`: who is trusted, and who may do what."""

import json
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any

from tests.infra.derived import (
    Deployment,
    Grant,
    Policy,
    Trust,
    actions_of_built_in_role,
    given,
    scope_of,
)
from tests.infra.terraform_snapshot import Snapshot


@cache
def deployment(profile: str, identity_kind: str = "managed") -> Deployment:
    """What a snapshot gives to whom."""
    return _Access(profile, identity_kind).deployment()


class _Access(Snapshot):
    def deployment(self) -> Deployment:
        return Deployment(
            grants=frozenset(self._grants()),
            trusts=frozenset(self._trusts()),
            policies=dict(self._policies()),
            identities=frozenset(self._identities.values()),
            client_ids=self._client_ids(),
            entities=self._entities(),
            outputs=frozenset(self.outputs),
            bindings=frozenset(self._bindings()),
            assignments=frozenset(self._assignments()),
        )

    @cached_property
    def _identities(self) -> dict[str, str]:
        """Names of identities, without the deployment's own prefix, by principal id and by id."""
        names: dict[str, str] = {}
        prefix = self.outputs["resourceGroupName"].removesuffix("rg")
        for identity in self.of("azurerm_user_assigned_identity"):
            names[identity["id"]] = names[identity["principal_id"]] = identity["name"].removeprefix(prefix)
        for application in self.of("azuread_application"):
            names[application["id"]] = names[application["client_id"]] = application["display_name"].removeprefix(
                prefix
            )
        for principal in self.of("azuread_service_principal"):
            names[principal["object_id"]] = names[principal["client_id"]]
        return names

    def _client_ids(self) -> dict[str, str]:
        names = {one["client_id"]: self._identities[one["id"]] for one in self._with_client_ids()}
        return {output: names[value] for output, value in self.outputs.items() if value in names}

    def _with_client_ids(self) -> Iterator[dict[str, Any]]:
        yield from self.of("azurerm_user_assigned_identity")
        yield from self.of("azuread_application")

    def _entities(self) -> dict[str, dict[str, dict[str, Any]]]:
        secrets = (secret["id"].rsplit("/", 1)[1] for secret in self.of("azapi_resource_action"))
        return {
            "keyVault": {name: {} for name in secrets},
            "serviceBus": {queue["name"]: _properties(queue) for queue in self.of("azurerm_servicebus_queue")},
            "cosmos": {
                container["name"]: given(
                    {
                        "database": container["database_name"],
                        "partitionKey": container["partition_key_paths"][0],
                        "defaultTtl": container.get("default_ttl"),
                    }
                )
                for container in self.of("azurerm_cosmosdb_sql_container")
            },
            "blob": {container["name"]: {} for container in self.of("azurerm_storage_container")},
        }

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
        own = self.outputs["oidcIssuerUrl"]
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

    def _bindings(self) -> Iterator[str]:
        for binding in self.of("azapi_resource"):
            if "/identityBindings@" in binding["type"]:
                yield self._identities[binding["body"]["properties"]["managedIdentity"]["resourceId"]]

    def _policies(self) -> Iterator[tuple[str, Policy]]:
        for assignment in self.of("azurerm_resource_group_policy_assignment"):
            parameters = {name: given["value"] for name, given in json.loads(assignment["parameters"]).items()}
            exceptions = parameters.get("allowedIssuerExceptions", []) + parameters.get("allowedClusterExceptions", [])
            definition = assignment["policy_definition_id"].rsplit("/", 1)[1]
            yield definition, Policy(parameters["effect"] if assignment["enforce"] else "off", frozenset(exceptions))

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


def _properties(queue: dict[str, Any]) -> dict[str, Any]:
    """Azure's names of a queue's properties, for azurerm's."""
    return given({azure: queue.get(terraform) for azure, terraform in _QUEUE.items()})


_QUEUE = {
    "lockDuration": "lock_duration",
    "maxDeliveryCount": "max_delivery_count",
    "defaultMessageTimeToLive": "default_message_ttl",
    "deadLetteringOnMessageExpiration": "dead_lettering_on_message_expiration",
    "requiresDuplicateDetection": "requires_duplicate_detection",
    "duplicateDetectionHistoryTimeWindow": "duplicate_detection_history_time_window",
}
