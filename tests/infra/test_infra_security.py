"""What protects the services and the data, in both languages, profile by profile."""

import pytest

from tests.infra.deployments import every_language, every_profile, private_profile, safeguards
from tests.infra.safeguards import Cluster

pytestmark = every_language

SERVICES = ("keyVault", "cosmos", "blob", "serviceBus", "registry")


@every_profile
@pytest.mark.parametrize("service", [*SERVICES, "cluster", "logs"])
def test_no_service_takes_a_key_or_a_password(language: str, profile: str, service: str) -> None:
    """Local authentication is off: nothing but an Entra token opens any service."""
    assert safeguards(language, profile).services[service].local_auth is False


@every_profile
def test_tls_is_at_least_1_2(language: str, profile: str) -> None:
    """Each service that has a setting for it refuses older TLS, and storage refuses plain HTTP."""
    held = safeguards(language, profile)
    chosen = {name: service.minimum_tls for name, service in held.services.items() if service.minimum_tls}
    assert chosen == {"cosmos": "1.2", "blob": "1.2", "serviceBus": "1.2"}
    assert held.https_only is True


@every_profile
def test_a_deleted_vault_can_be_brought_back(language: str, profile: str) -> None:
    """A production vault cannot be purged for 90 days, the longest time that Azure has."""
    held = safeguards(language, profile)
    production = profile != "learn"
    assert (held.soft_delete_days, held.purge_protection) == ((90, True) if production else (7, False))


@every_profile
def test_the_registry_is_in_abac_mode(language: str, profile: str) -> None:
    """Roles on images count with their condition on the repository only."""
    assert safeguards(language, profile).registry_mode == "AbacRepositoryPermissions"


@every_profile
def test_blobs_are_never_public(language: str, profile: str) -> None:
    """Neither the account nor a container answers without a token."""
    assert safeguards(language, profile).public_blobs is False


@pytest.mark.parametrize(
    ("service", "sources"),
    [("keyVault", {"egress"}), ("cosmos", {"egress"}), ("serviceBus", {"egress"}), ("blob", {"user"})],
)
def test_learn_is_open_to_the_cluster_alone(language: str, service: str, sources: set[str]) -> None:
    """Firewalls let in the cluster's egress address, or its pods' subnet, and no other source."""
    assert safeguards(language, "learn").services[service].open_to == sources


@every_profile
@pytest.mark.parametrize("service", SERVICES)
def test_azures_own_services_do_not_pass_the_firewalls(language: str, profile: str, service: str) -> None:
    """No firewall makes an exception for trusted Microsoft services."""
    assert safeguards(language, profile).services[service].trusted_services is False


@private_profile
def test_production_has_no_public_address(language: str, profile: str) -> None:
    """Every service, and the cluster's API server, is reached through the network only. Telemetry is the exception."""
    services = safeguards(language, profile).services
    assert {name for name, service in services.items() if service.public} == {"logs"}
    assert {name for name, service in services.items() if service.open_to} == set()


@private_profile
def test_production_names_resolve_privately(language: str, profile: str) -> None:
    """Each service has an endpoint in the network and a DNS zone that it uses; the API server has AKS's own."""
    held = safeguards(language, profile)
    assert held.private_endpoints == set(SERVICES)
    assert held.private_names == {
        "privatelink.vaultcore.azure.net",
        "privatelink.documents.azure.com",
        "privatelink.blob.core.windows.net",
        "privatelink.servicebus.windows.net",
        "privatelink.azurecr.io",
    }
    assert held.cluster.private_names_only is True


@private_profile
def test_production_survives_the_loss_of_a_zone(language: str, profile: str) -> None:
    """Nodes, data, messages, images and egress are spread over zones."""
    redundant = {"nodes", "cosmos", "blob", "serviceBus", "registry", "egress"}
    assert safeguards(language, profile).zone_redundant == redundant


@every_profile
def test_the_cluster_is_the_documented_one(language: str, profile: str) -> None:
    """People come with Entra tokens under Azure RBAC, pods with tokens of the cluster's issuer. Control plane and
    kubelet have an identity each. With a host name, the Key Vault add-on brings new versions of a certificate."""
    assert safeguards(language, profile).cluster == Cluster(
        version="1.37",
        node_pools=(("system", "AzureLinux"), ("user", "AzureLinux")),
        network=("overlay", "cilium", "cilium"),
        outbound="userAssignedNATGateway",
        keda=True,
        gateway_api="Standard",
        node_upgrades="NodeImage",
        oidc_issuer=True,
        workload_identity=True,
        azure_rbac=True,
        control_plane="keyless-control-plane",
        kubelet="keyless-kubelet",
        private_names_only=profile != "learn",
        certificates_renewed=True if profile == "exposed" else None,
    )


@every_profile
def test_what_leaves_the_nodes_leaves_from_the_one_address(language: str, profile: str) -> None:
    """Every subnet with machines in it goes through the NAT gateway, and none has Azure's default outbound access."""
    held = safeguards(language, profile)
    assert held.behind_nat == held.subnets - {"private-endpoints"}
    assert held.behind_nat >= {"system", "user"}
    assert held.default_outbound == set()


@every_profile
def test_every_service_keeps_an_audit_trail(language: str, profile: str) -> None:
    """Each service's log of accesses goes to Log Analytics; Service Bus has one on its Premium tier only."""
    audited = safeguards(language, profile).audited
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
def test_the_private_key_names_the_public_keys_version(language: str, profile: str) -> None:
    """The tag `kid` is the version of the public key that verifies what the private one signs."""
    assert safeguards(language, profile).kid == "receipt-public-key"
