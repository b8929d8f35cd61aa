"""Reads a snapshot of the Bicep deployment into a `Deployment`: who is trusted, and who may do what."""

import re
from typing import Any

from tests.infra.bicep_snapshot import properties, resources, snapshot
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

_ROLE_ASSIGNMENT = "/providers/Microsoft.Authorization/roleAssignments/"
_DIAGNOSTIC_SETTING = "/providers/Microsoft.Insights/diagnosticSettings/"
_IDENTITY = re.compile(r"/userAssignedIdentities/keyless-([a-z-]+)")
_EGRESS = re.compile(r"\.outputs\.egressAddress\.value\]$")
_CLUSTER_ISSUER = re.compile(r"format\('cluster-.*\.outputs\.oidcIssuerUrl\.value\]$")

_FEDERATED = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
_ROLES = (
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments",
)


def deployment(profile: str) -> Deployment:
    """What the deployment of a profile gives to whom."""
    return Deployment(
        grants=frozenset(_azure_grants(profile) + _cosmos_grants(profile)),
        trusts=frozenset(_trusts(profile)),
        services=_services(profile),
        policies=_policies(profile),
        private_names=frozenset(_private_names(profile)),
        audited=frozenset(_audited(profile)),
        outputs=frozenset(snapshot(profile)["outputs"]),
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


def _services(profile: str) -> dict[str, Service]:
    vault = properties(profile, "Microsoft.KeyVault/vaults")
    cosmos = properties(profile, "Microsoft.DocumentDB/databaseAccounts")
    storage = properties(profile, "Microsoft.Storage/storageAccounts")
    bus = properties(profile, "Microsoft.ServiceBus/namespaces")
    bus_firewall = properties(profile, "Microsoft.ServiceBus/namespaces/networkRuleSets")
    registry = properties(profile, "Microsoft.ContainerRegistry/registries")
    cluster = properties(profile, "Microsoft.ContainerService/managedClusters")
    logs = properties(profile, "Microsoft.OperationalInsights/workspaces")
    insights = properties(profile, "Microsoft.Insights/components")
    return {
        "keyVault": Service(
            # A vault's own way beside Entra roles are its access policies.
            local_auth=not vault["enableRbacAuthorization"],
            public=vault["publicNetworkAccess"] == "Enabled",
            open_to=_sources(vault["networkAcls"], "ipRules", "value"),
        ),
        "cosmos": Service(
            local_auth=not cosmos["disableLocalAuth"],
            public=cosmos["publicNetworkAccess"] == "Enabled",
            open_to=_sources(cosmos, "ipRules", "ipAddressOrRange"),
            minimum_tls=tls_version(cosmos["minimalTlsVersion"]),
        ),
        "blob": Service(
            local_auth=storage["allowSharedKeyAccess"] or storage["isLocalUserEnabled"],
            public=storage["publicNetworkAccess"] == "Enabled",
            open_to=_sources(storage["networkAcls"], "ipRules", "value"),
            minimum_tls=tls_version(storage["minimumTlsVersion"]),
        ),
        "serviceBus": Service(
            local_auth=not bus["disableLocalAuth"],
            public=bus["publicNetworkAccess"] == "Enabled",
            open_to=_sources(bus_firewall, "ipRules", "ipMask"),
            minimum_tls=tls_version(bus["minimumTlsVersion"]),
        ),
        "registry": Service(
            local_auth=registry["adminUserEnabled"] or registry["anonymousPullEnabled"],
            public=registry["publicNetworkAccess"] == "Enabled",
        ),
        "cluster": Service(
            local_auth=not cluster["disableLocalAccounts"],
            public=not cluster["apiServerAccessProfile"]["enablePrivateCluster"],
        ),
        # Who sends logs comes with a token too, but from public addresses in either profile.
        "logs": Service(local_auth=not logs["features"]["disableLocalAuth"], public=True),
        "insights": Service(local_auth=not insights["DisableLocalAuth"], public=True),
    }


def _sources(firewall: dict[str, Any], rules: str, address: str) -> frozenset[str]:
    assert firewall.get("defaultAction", "Deny") == "Deny", "the firewall lets everybody in"
    addresses = ("egress" if _EGRESS.search(rule[address]) else rule[address] for rule in firewall[rules])
    subnets = (rule["id"].rsplit("/", 1)[1] for rule in firewall.get("virtualNetworkRules", []))
    return frozenset([*addresses, *subnets])


def _policies(profile: str) -> dict[str, Policy]:
    policies = {}
    for assignment in resources(profile, "Microsoft.Authorization/policyAssignments"):
        parameters = {name: held["value"] for name, held in assignment["properties"]["parameters"].items()}
        exceptions = parameters.get("allowedClusterExceptions", []) + parameters.get("allowedIssuerExceptions", [])
        definition = assignment["properties"]["policyDefinitionId"].rsplit("/", 1)[1]
        enforced = assignment["properties"]["enforcementMode"] == "Default"
        policies[definition] = Policy(parameters["effect"] if enforced else "off", frozenset(exceptions))
    return policies


def _private_names(profile: str) -> set[str]:
    linked = {
        link["id"].split("/privateDnsZones/")[1].split("/")[0]
        for link in resources(profile, "Microsoft.Network/privateDnsZones/virtualNetworkLinks")
    }
    used = {
        zone["properties"]["privateDnsZoneId"].rsplit("/", 1)[1]
        for group in resources(profile, "Microsoft.Network/privateEndpoints/privateDnsZoneGroups")
        for zone in group["properties"]["privateDnsZoneConfigs"]
    }
    return linked & used


def _audited(profile: str) -> list[str]:
    return [
        f"{service_of(setting['id'].split(_DIAGNOSTIC_SETTING)[0])}/{log['category']}"
        for setting in resources(profile, "Microsoft.Insights/diagnosticSettings")
        for log in setting["properties"]["logs"]
        if log["enabled"]
    ]


def _identity(text: str) -> str:
    named = _IDENTITY.search(text)
    return named[1] if named else "deployer"


def _actions(permissions: list[dict[str, list[str]]]) -> frozenset[str]:
    return frozenset(
        action
        for permission in permissions
        for action in permission.get("actions", []) + permission.get("dataActions", [])
    )
