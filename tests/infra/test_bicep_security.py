"""Security properties of what Bicep deploys, read off the compiler's own prediction, profile by profile."""

import re

import pytest

from tests.infra.access_of_bicep import deployment
from tests.infra.bicep_snapshot import SNAPSHOTS, properties, resource, resources, snapshot
from tests.infra.derived import PROFILES, Policy

PRIVATE = ("production", "exposed")
SERVICES = ("keyVault", "cosmos", "blob", "serviceBus", "registry")
ZONES = {
    "privatelink.vaultcore.azure.net",
    "privatelink.documents.azure.com",
    "privatelink.blob.core.windows.net",
    "privatelink.servicebus.windows.net",
    "privatelink.azurecr.io",
}
AKS_ISSUERS, KNOWN_ISSUERS = "ae62c456-33de-4dc8-b100-7ce9028a7d99", "2571b7c3-3056-4a61-b00a-9bc5232234f5"
CLUSTER = "Microsoft.ContainerService/managedClusters"

every_profile = pytest.mark.parametrize("profile", PROFILES)
private_profile = pytest.mark.parametrize("profile", PRIVATE)


@every_profile
@pytest.mark.parametrize("service", [*SERVICES, "cluster", "logs", "insights"])
def test_no_service_takes_a_key_or_a_password(profile: str, service: str) -> None:
    """Local authentication is off: nothing but an Entra token opens any service."""
    assert deployment(profile).services[service].local_auth is False


@every_profile
@pytest.mark.parametrize("service", ["cosmos", "blob", "serviceBus"])
def test_tls_is_at_least_1_2(profile: str, service: str) -> None:
    """Each service that has a setting for it refuses older TLS; Key Vault and the registry have none."""
    assert deployment(profile).services[service].minimum_tls in {"1.2", "1.3"}


@every_profile
def test_the_vault_is_in_rbac_mode_and_softly_deleted(profile: str) -> None:
    """Access policies do not count, and a deleted secret can be brought back."""
    vault = properties(profile, "Microsoft.KeyVault/vaults")
    assert vault["enableRbacAuthorization"] is True
    assert vault["enableSoftDelete"] is True
    assert "accessPolicies" not in vault


@private_profile
def test_a_production_vault_cannot_be_purged(profile: str) -> None:
    """Purge protection is on, for the longest time that there is."""
    vault = properties(profile, "Microsoft.KeyVault/vaults")
    assert vault["enablePurgeProtection"] is True
    assert vault["softDeleteRetentionInDays"] == 90


@every_profile
def test_the_registry_is_in_abac_mode(profile: str) -> None:
    """Roles on images count only with their condition on the repository."""
    assert properties(profile, "Microsoft.ContainerRegistry/registries")["roleAssignmentMode"] == (
        "AbacRepositoryPermissions"
    )


@every_profile
def test_blobs_are_never_public(profile: str) -> None:
    """Neither the account nor a container answers without a token, and only over TLS."""
    account = properties(profile, "Microsoft.Storage/storageAccounts")
    assert account["allowBlobPublicAccess"] is False
    assert account["supportsHttpsTrafficOnly"] is True
    for container in resources(profile, "Microsoft.Storage/storageAccounts/blobServices/containers"):
        assert container["properties"]["publicAccess"] == "None"


@pytest.mark.parametrize(
    ("service", "sources"),
    [("keyVault", {"egress"}), ("cosmos", {"egress"}), ("serviceBus", {"egress"}), ("blob", {"user"})],
)
def test_learn_is_open_to_the_cluster_alone(service: str, sources: set[str]) -> None:
    """Firewalls let in the cluster's egress address, or its pods' subnet, and nobody else."""
    assert deployment("learn").services[service].open_to == sources


@every_profile
def test_azures_own_services_do_not_pass_the_firewalls(profile: str) -> None:
    """No firewall makes an exception for trusted Microsoft services."""
    assert properties(profile, "Microsoft.KeyVault/vaults")["networkAcls"]["bypass"] == "None"
    assert properties(profile, "Microsoft.Storage/storageAccounts")["networkAcls"]["bypass"] == "None"
    assert properties(profile, "Microsoft.DocumentDB/databaseAccounts")["networkAclBypass"] == "None"
    firewall = properties(profile, "Microsoft.ServiceBus/namespaces/networkRuleSets")
    assert firewall["trustedServiceAccessEnabled"] is False
    assert properties(profile, "Microsoft.ContainerRegistry/registries")["networkRuleBypassOptions"] == "None"


@private_profile
@pytest.mark.parametrize("service", [*SERVICES, "cluster"])
def test_production_has_no_public_address(profile: str, service: str) -> None:
    """Every service, and the cluster's API server, is reached through the network only."""
    assert deployment(profile).services[service].public is False
    assert deployment(profile).services[service].open_to == set()


@private_profile
def test_production_names_resolve_privately(profile: str) -> None:
    """Each service has an endpoint in the network and a DNS zone that it uses; the API server has AKS's own."""
    assert deployment(profile).private_names == ZONES
    assert len(resources(profile, "Microsoft.Network/privateEndpoints")) == len(ZONES)
    api_server = properties(profile, CLUSTER)["apiServerAccessProfile"]
    assert api_server["privateDNSZone"] == "system"
    assert api_server["enablePrivateClusterPublicFQDN"] is False


@private_profile
def test_production_survives_the_loss_of_a_zone(profile: str) -> None:
    """Nodes, data, messages, images and egress are spread over zones."""
    zones = ["1", "2", "3"]
    for pool in properties(profile, CLUSTER)["agentPoolProfiles"]:
        assert pool["availabilityZones"] == zones
        assert pool["minCount"] >= len(zones)
    [location] = properties(profile, "Microsoft.DocumentDB/databaseAccounts")["locations"]
    assert location["isZoneRedundant"] is True
    assert resource(profile, "Microsoft.Storage/storageAccounts")["sku"]["name"] == "Standard_ZRS"
    assert resource(profile, "Microsoft.ServiceBus/namespaces")["sku"]["name"] == "Premium"
    assert properties(profile, "Microsoft.ContainerRegistry/registries")["zoneRedundancy"] == "Enabled"
    assert resource(profile, "Microsoft.Network/natGateways")["sku"]["name"] == "StandardV2"


@every_profile
def test_the_cluster_trusts_tokens_only(profile: str) -> None:
    """People come with Entra tokens under Azure RBAC, pods get theirs from the cluster's issuer and the webhook."""
    cluster = properties(profile, CLUSTER)
    assert cluster["disableLocalAccounts"] is True
    assert cluster["aadProfile"]["enableAzureRBAC"] is True
    assert cluster["oidcIssuerProfile"] == {"enabled": True}
    assert cluster["securityProfile"]["workloadIdentity"] == {"enabled": True}


@every_profile
def test_the_cluster_has_identities_of_its_own(profile: str) -> None:
    """Control plane and kubelet run as two different user-assigned identities; nothing is system-assigned."""
    cluster = resource(profile, CLUSTER)
    [control_plane] = cluster["identity"]["userAssignedIdentities"]
    kubelet = cluster["properties"]["identityProfile"]["kubeletidentity"]["resourceId"]
    assert cluster["identity"]["type"] == "UserAssigned"
    assert control_plane.endswith("/keyless-control-plane")
    assert kubelet.endswith("/keyless-kubelet")


@every_profile
def test_the_cluster_is_the_documented_one(profile: str) -> None:
    """Kubernetes 1.36 on Azure Linux, overlay with Cilium, KEDA, Gateway API, patched nodes, separate pools."""
    cluster = properties(profile, CLUSTER)
    network = cluster["networkProfile"]
    assert cluster["kubernetesVersion"] == "1.36"
    assert {pool["osSKU"] for pool in cluster["agentPoolProfiles"]} == {"AzureLinux"}
    assert [pool["mode"] for pool in cluster["agentPoolProfiles"]] == ["System", "User"]
    assert (network["networkPluginMode"], network["networkDataplane"], network["networkPolicy"]) == (
        "overlay",
        "cilium",
        "cilium",
    )
    assert cluster["workloadAutoScalerProfile"]["keda"] == {"enabled": True}
    assert cluster["ingressProfile"]["gatewayAPI"] == {"installation": "Standard"}
    assert cluster["autoUpgradeProfile"]["nodeOSUpgradeChannel"] == "NodeImage"


@every_profile
def test_a_renewed_certificate_reaches_the_gateway(profile: str) -> None:
    """With a host name the Key Vault add-on brings the certificate in, each new version too; else it is off."""
    renewing = {"enabled": True, "config": {"enableSecretRotation": "true"}}
    expected = {"azureKeyvaultSecretsProvider": renewing} if profile == "exposed" else {}
    assert properties(profile, CLUSTER)["addonProfiles"] == expected


@every_profile
def test_what_leaves_the_nodes_leaves_from_the_one_address(profile: str) -> None:
    """Every subnet with machines in it goes through the NAT gateway, and none has Azure's default outbound access."""
    subnets = properties(profile, "Microsoft.Network/virtualNetworks")["subnets"]
    behind_nat = {subnet["name"] for subnet in subnets if "natGateway" in subnet["properties"]}
    assert behind_nat == {subnet["name"] for subnet in subnets} - {"private-endpoints"}
    assert not any(subnet["properties"]["defaultOutboundAccess"] for subnet in subnets)
    assert properties(profile, CLUSTER)["networkProfile"]["outboundType"] == "userAssignedNATGateway"


@every_profile
def test_who_may_be_trusted_is_limited(profile: str) -> None:
    """Both policies deny; the listed issuers are their only exceptions, each in the policy that would refuse it."""
    listed = profile == "exposed"
    eks = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
    assert deployment(profile).policies == {
        AKS_ISSUERS: Policy("Deny", frozenset({"00000000-0000-0000-0000-0000000000b1"} if listed else set())),
        KNOWN_ISSUERS: Policy("Deny", frozenset({eks} if listed else set())),
    }


@every_profile
def test_every_service_keeps_an_audit_trail(profile: str) -> None:
    """Each service's log of who did what goes to Log Analytics; Service Bus has one on its Premium tier only."""
    audited = deployment(profile).audited
    assert audited >= {
        "keyVault/AuditEvent",
        "cosmos/DataPlaneRequests",
        "blob/StorageRead",
        "blob/StorageWrite",
        "blob/StorageDelete",
        "serviceBus/OperationalLogs",
        "registry/ContainerRegistryLoginEvents",
        "cluster/kube-audit-admin",
    }
    assert ("serviceBus/RuntimeAuditLogs" in audited) is (profile != "learn")


@every_profile
def test_the_secrets_are_in_no_snapshot_and_no_output(profile: str) -> None:
    """A secret's value stays a parameter's name, and no output names one of these parameters."""
    values = {secret["properties"]["value"] for secret in resources(profile, "Microsoft.KeyVault/vaults/secrets")}
    assert values == {
        "[parameters('frontendSigningKey')]",
        "[parameters('receiptPublicKey')]",
        "[parameters('receiptSigningKey')]",
    }
    assert "made-up value" not in (SNAPSHOTS / f"{profile}.snapshot.json").read_text()
    outputs = " ".join(snapshot(profile)["outputs"].values())
    assert not re.search(r"SigningKey|PublicKey|listKeys|listSecrets", outputs)


@every_profile
def test_the_private_key_names_the_public_keys_version(profile: str) -> None:
    """The tag `kid` is the version of the public key that verifies what the private one signs."""
    [private_key] = (
        secret
        for secret in resources(profile, "Microsoft.KeyVault/vaults/secrets")
        if secret["name"].endswith("/receipt-signing-key")
    )
    kid = private_key["tags"]["kid"]
    assert re.search(r"secrets/receipt-public-key', '[^']+'\)\.secretUriWithVersion, '/'\)\)\]$", kid)
    assert kid.startswith("[last(split(reference(")
