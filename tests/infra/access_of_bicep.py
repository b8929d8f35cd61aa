"""Read a snapshot of the Bicep deployment into a `Deployment`: who is trusted, and who may do what."""

import re
from functools import cache
from typing import Any

from tests.infra.bicep_snapshot import resources, snapshot
from tests.infra.derived import (
    Deployment,
    Grant,
    Policy,
    Trust,
    actions_of_built_in_role,
    given,
    scope_of,
)

_ROLE_ASSIGNMENT = "/providers/Microsoft.Authorization/roleAssignments/"
_IDENTITY = re.compile(r"/userAssignedIdentities/keyless-([a-z-]+)")
_CLUSTER_ISSUER = re.compile(r"format\('cluster-.*\.outputs\.oidcIssuerUrl\.value\]$")

_FEDERATED = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
_ROLES = (
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
)


@cache
def deployment(profile: str) -> Deployment:
    """What the deployment of a profile gives to whom."""
    return Deployment(
        grants=frozenset(_azure_grants(profile) + _cosmos_grants(profile)),
        trusts=frozenset(_trusts(profile)),
        policies=_policies(profile),
        identities=frozenset(_identity_names(profile)),
        client_ids=_client_ids(profile),
        entities=_entities(profile),
        outputs=frozenset(snapshot(profile)["outputs"]),
        bindings=frozenset(_bindings(profile)),
        assignments=frozenset(role["id"] for kind in _ROLES for role in resources(profile, kind)),
    )


def _azure_grants(profile: str) -> list[Grant]:
    custom = {
        definition["name"]: _actions(definition["properties"]["permissions"])
        for definition in resources(profile, "Microsoft.Authorization/roleDefinitions")
    }
    grants = []
    for assignment in resources(profile, "Microsoft.Authorization/roleAssignments"):
        granted = assignment["properties"]
        role = granted["roleDefinitionId"].rsplit("/", 1)[1]
        scope = assignment["id"].split(_ROLE_ASSIGNMENT)[0]
        actions = custom.get(role) or actions_of_built_in_role(role)
        identity = _identity(granted["principalId"])
        grants.append(Grant(identity, actions, scope_of(scope), granted.get("condition", "")))
    return grants


def _cosmos_grants(profile: str) -> list[Grant]:
    definitions = {
        definition["id"]: _actions(definition["properties"]["permissions"])
        for definition in resources(profile, "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions")
    }
    return [
        Grant(_identity(granted["principalId"]), definitions[granted["roleDefinitionId"]], scope_of(granted["scope"]))
        for assignment in resources(profile, "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments")
        for granted in [assignment["properties"]]
    ]


def _trusts(profile: str) -> list[Trust]:
    trusts = []
    for credential in resources(profile, _FEDERATED):
        trusted = credential["properties"]
        issuer = "aks" if _CLUSTER_ISSUER.search(trusted["issuer"]) else trusted["issuer"]
        [audience] = trusted["audiences"]
        trusts.append(Trust(_identity(credential["id"]), issuer, trusted["subject"], audience))
    return trusts


def _bindings(profile: str) -> list[str]:
    bindings = resources(profile, "Microsoft.ContainerService/managedClusters/identityBindings")
    return [_identity(binding["properties"]["managedIdentity"]["resourceId"]) for binding in bindings]


def _policies(profile: str) -> dict[str, Policy]:
    policies = {}
    for assignment in resources(profile, "Microsoft.Authorization/policyAssignments"):
        parameters = {name: held["value"] for name, held in assignment["properties"]["parameters"].items()}
        exceptions = parameters.get("allowedClusterExceptions", []) + parameters.get("allowedIssuerExceptions", [])
        definition = assignment["properties"]["policyDefinitionId"].rsplit("/", 1)[1]
        enforced = assignment["properties"]["enforcementMode"] == "Default"
        policies[definition] = Policy(parameters["effect"] if enforced else "off", frozenset(exceptions))
    return policies


def _identity_names(profile: str) -> list[str]:
    """In the order in which they are deployed."""
    identities = resources(profile, "Microsoft.ManagedIdentity/userAssignedIdentities")
    return [identity["name"].removeprefix("keyless-") for identity in identities]


def _client_ids(profile: str) -> dict[str, str]:
    """An output names the workload's place in the list of client ids, which goes by the names of the workloads."""
    workloads = [name for name in _identity_names(profile) if name not in {"control-plane", "kubelet"}]
    places = {
        output: re.search(r"clientIds\.value\[(\d+)\]", value) for output, value in snapshot(profile)["outputs"].items()
    }
    return {output: workloads[int(place[1])] for output, place in places.items() if place}


def _entities(profile: str) -> dict[str, dict[str, dict[str, Any]]]:
    def named(kind: str) -> dict[str, dict[str, Any]]:
        return {one["name"].rsplit("/", 1)[1]: one["properties"] for one in resources(profile, kind)}

    containers = {
        container["name"].split("/")[2]: (container["name"].split("/")[1], container["properties"]["resource"])
        for container in resources(profile, "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers")
    }
    return {
        "keyVault": {name: {} for name in named("Microsoft.KeyVault/vaults/secrets")},
        "serviceBus": {n: given(queue) for n, queue in named("Microsoft.ServiceBus/namespaces/queues").items()},
        "cosmos": {
            name: given(
                {"database": database, "partitionKey": it["partitionKey"]["paths"][0], "defaultTtl": it["defaultTtl"]}
            )
            for name, (database, it) in containers.items()
        },
        "blob": {name: {} for name in named("Microsoft.Storage/storageAccounts/blobServices/containers")},
    }


def _identity(text: str) -> str:
    named = _IDENTITY.search(text)
    return named[1] if named else "deployer"


def _actions(permissions: list[dict[str, list[str]]]) -> frozenset[str]:
    return frozenset(
        action
        for permission in permissions
        for action in permission.get("actions", []) + permission.get("dataActions", [])
    )
