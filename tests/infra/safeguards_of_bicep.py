"""Read a snapshot of the Bicep deployment into `Safeguards`."""

import re
from functools import cache
from typing import Any

from tests.infra.bicep_snapshot import properties, resource, resources
from tests.infra.derived import service_of
from tests.infra.safeguards import Cluster, Safeguards, Service, in_three_zones, tls_version

_DIAGNOSTIC_SETTING = "/providers/Microsoft.Insights/diagnosticSettings/"
_EGRESS = re.compile(r"\.outputs\.egressAddress\.value\]$")
_CLUSTER = "Microsoft.ContainerService/managedClusters"


@cache
def safeguards(profile: str) -> Safeguards:
    """What protects the deployment of a profile."""
    vault = properties(profile, "Microsoft.KeyVault/vaults")
    storage = properties(profile, "Microsoft.Storage/storageAccounts")
    containers = resources(profile, "Microsoft.Storage/storageAccounts/blobServices/containers")
    subnets = {
        subnet["name"]: subnet["properties"]
        for subnet in properties(profile, "Microsoft.Network/virtualNetworks")["subnets"]
    }
    return Safeguards(
        services=_services(profile),
        cluster=_cluster(profile),
        private_endpoints=frozenset(_private_endpoints(profile)),
        private_names=frozenset(_private_names(profile)),
        audited=frozenset(_audited(profile)),
        soft_delete_days=vault["softDeleteRetentionInDays"] if vault["enableSoftDelete"] else 0,
        purge_protection=vault["enablePurgeProtection"] is True,
        public_blobs=storage["allowBlobPublicAccess"]
        or any(container["properties"]["publicAccess"] != "None" for container in containers),
        https_only=storage["supportsHttpsTrafficOnly"],
        registry_mode=properties(profile, "Microsoft.ContainerRegistry/registries")["roleAssignmentMode"],
        zone_redundant=frozenset(name for name, redundant in _zone_redundancy(profile).items() if redundant),
        subnets=frozenset(subnets),
        behind_nat=frozenset(name for name, subnet in subnets.items() if "natGateway" in subnet),
        default_outbound=frozenset(name for name, subnet in subnets.items() if subnet["defaultOutboundAccess"]),
        kid=_kid(profile),
    )


def _cluster(profile: str) -> Cluster:
    cluster = resource(profile, _CLUSTER)
    held = cluster["properties"]
    network, api_server = held["networkProfile"], held["apiServerAccessProfile"]
    add_on = held["addonProfiles"].get("azureKeyvaultSecretsProvider")
    assert cluster["identity"]["type"] == "UserAssigned"
    [control_plane] = cluster["identity"]["userAssignedIdentities"]
    assert [pool["mode"] for pool in held["agentPoolProfiles"]] == ["System", "User"]
    return Cluster(
        version=held["kubernetesVersion"],
        node_pools=tuple((pool["name"], pool["osSKU"]) for pool in held["agentPoolProfiles"]),
        network=(network["networkPluginMode"], network["networkDataplane"], network["networkPolicy"]),
        outbound=network["outboundType"],
        keda=held["workloadAutoScalerProfile"]["keda"]["enabled"],
        gateway_api=held["ingressProfile"]["gatewayAPI"]["installation"],
        node_upgrades=held["autoUpgradeProfile"]["nodeOSUpgradeChannel"],
        oidc_issuer=held["oidcIssuerProfile"]["enabled"],
        workload_identity=held["securityProfile"]["workloadIdentity"]["enabled"],
        azure_rbac=held["aadProfile"]["enableAzureRBAC"],
        control_plane=control_plane.rsplit("/", 1)[1],
        kubelet=held["identityProfile"]["kubeletidentity"]["resourceId"].rsplit("/", 1)[1],
        private_names_only=api_server.get("privateDNSZone") == "system"
        and api_server["enablePrivateClusterPublicFQDN"] is False,
        certificates_renewed=add_on and add_on["enabled"] and add_on["config"]["enableSecretRotation"] == "true",
    )


def _zone_redundancy(profile: str) -> dict[str, bool]:
    [location] = properties(profile, "Microsoft.DocumentDB/databaseAccounts")["locations"]
    pools = properties(profile, _CLUSTER)["agentPoolProfiles"]
    return {
        "nodes": all(in_three_zones(pool.get("availabilityZones"), pool["minCount"]) for pool in pools),
        "cosmos": location["isZoneRedundant"],
        "blob": resource(profile, "Microsoft.Storage/storageAccounts")["sku"]["name"] == "Standard_ZRS",
        "serviceBus": resource(profile, "Microsoft.ServiceBus/namespaces")["sku"]["name"] == "Premium",
        "registry": properties(profile, "Microsoft.ContainerRegistry/registries").get("zoneRedundancy") == "Enabled",
        "egress": resource(profile, "Microsoft.Network/natGateways")["sku"]["name"] == "StandardV2",
    }


def _services(profile: str) -> dict[str, Service]:
    vault = properties(profile, "Microsoft.KeyVault/vaults")
    cosmos = properties(profile, "Microsoft.DocumentDB/databaseAccounts")
    storage = properties(profile, "Microsoft.Storage/storageAccounts")
    bus = properties(profile, "Microsoft.ServiceBus/namespaces")
    bus_firewall = properties(profile, "Microsoft.ServiceBus/namespaces/networkRuleSets")
    registry = properties(profile, "Microsoft.ContainerRegistry/registries")
    cluster = properties(profile, "Microsoft.ContainerService/managedClusters")
    logs = properties(profile, "Microsoft.OperationalInsights/workspaces")
    return {
        "keyVault": Service(
            # The vault has access policies beside Entra's roles.
            local_auth=not vault["enableRbacAuthorization"] or "accessPolicies" in vault,
            public=vault["publicNetworkAccess"] == "Enabled",
            open_to=_sources(vault["networkAcls"], "ipRules", "value"),
            trusted_services=vault["networkAcls"]["bypass"] != "None",
        ),
        "cosmos": Service(
            local_auth=not cosmos["disableLocalAuth"],
            public=cosmos["publicNetworkAccess"] == "Enabled",
            open_to=_sources(cosmos, "ipRules", "ipAddressOrRange"),
            trusted_services=cosmos["networkAclBypass"] != "None",
            minimum_tls=tls_version(cosmos["minimalTlsVersion"]),
        ),
        "blob": Service(
            local_auth=storage["allowSharedKeyAccess"] or storage["isLocalUserEnabled"],
            public=storage["publicNetworkAccess"] == "Enabled",
            open_to=_sources(storage["networkAcls"], "ipRules", "value"),
            trusted_services=storage["networkAcls"]["bypass"] != "None",
            minimum_tls=tls_version(storage["minimumTlsVersion"]),
        ),
        "serviceBus": Service(
            local_auth=not bus["disableLocalAuth"],
            public=bus["publicNetworkAccess"] == "Enabled",
            open_to=_sources(bus_firewall, "ipRules", "ipMask"),
            trusted_services=bus_firewall["trustedServiceAccessEnabled"],
            minimum_tls=tls_version(bus["minimumTlsVersion"]),
        ),
        "registry": Service(
            local_auth=registry["adminUserEnabled"] or registry["anonymousPullEnabled"],
            public=registry["publicNetworkAccess"] == "Enabled",
            trusted_services=registry["networkRuleBypassOptions"] != "None",
        ),
        "cluster": Service(
            local_auth=not cluster["disableLocalAccounts"],
            public=not cluster["apiServerAccessProfile"]["enablePrivateCluster"],
        ),
        # Telemetry is sent to public addresses in either profile, with a token.
        "logs": Service(local_auth=not logs["features"]["disableLocalAuth"], public=True),
    }


def _sources(firewall: dict[str, Any], rules: str, address: str) -> frozenset[str]:
    assert firewall.get("defaultAction", "Deny") == "Deny", "the firewall lets every address in"
    addresses = ("egress" if _EGRESS.search(rule[address]) else rule[address] for rule in firewall[rules])
    subnets = (rule["id"].rsplit("/", 1)[1] for rule in firewall.get("virtualNetworkRules", []))
    return frozenset([*addresses, *subnets])


def _private_endpoints(profile: str) -> list[str]:
    return [
        service_of(connection["properties"]["privateLinkServiceId"] + "/")
        for endpoint in resources(profile, "Microsoft.Network/privateEndpoints")
        for connection in endpoint["properties"]["privateLinkServiceConnections"]
    ]


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


def _kid(profile: str) -> str:
    [private_key] = (
        secret
        for secret in resources(profile, "Microsoft.KeyVault/vaults/secrets")
        if secret["name"].endswith("/receipt-signing-key")
    )
    version_of = r"^\[last\(split\(reference\(.*secrets/([^/']+)', '[^']+'\)\.secretUriWithVersion, '/'\)\)\]$"
    named = re.search(version_of, private_key["tags"]["kid"])
    return named[1] if named else ""
