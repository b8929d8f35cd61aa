"""The security properties of what Terraform deploys, on its committed snapshots."""

import pytest

from tests.infra.access_of_terraform import Snapshot, deployment
from tests.infra.derived import MODEL, PROFILES, Service

KINDS = ("managed", "application")
PRIVATE = ("production", "exposed")

every_deployment = pytest.mark.parametrize(("profile", "kind"), [(p, k) for p in PROFILES for k in KINDS])
every_private_one = pytest.mark.parametrize(("profile", "kind"), [(p, k) for p in PRIVATE for k in KINDS])


@every_deployment
def test_nothing_is_opened_by_a_key_or_a_password(profile: str, kind: str) -> None:
    """Local authentication is off on every service, the cluster's accounts and the registry's among them."""
    assert {name: service.local_auth for name, service in deployment(profile, kind).services.items()} == dict.fromkeys(
        ("keyVault", "cosmos", "blob", "serviceBus", "registry", "cluster", "logs", "insights"), False
    )


@pytest.mark.parametrize("kind", KINDS)
def test_learn_lets_the_cluster_in_and_nobody_else(kind: str) -> None:
    """Firewalls deny all but the cluster's egress address, and for Blob its pods' subnet."""
    services = deployment("learn", kind).services
    assert {name: services[name].open_to for name in ("keyVault", "cosmos", "serviceBus", "blob")} == {
        "keyVault": {"egress"},
        "cosmos": {"egress"},
        "serviceBus": {"egress"},
        "blob": {"user"},
    }


@every_private_one
def test_production_has_no_public_access(profile: str, kind: str) -> None:
    """No service and no API server has a public address; telemetry's door, which takes tokens only, has one."""
    services = deployment(profile, kind).services
    assert {name for name, service in services.items() if service.public} == {"logs", "insights"}
    assert all(service.open_to == set() for service in services.values())


@every_private_one
def test_production_resolves_names_within_the_network(profile: str, kind: str) -> None:
    """Each service has a private endpoint, and the network uses the zone that leads its public name there."""
    assert deployment(profile, kind).private_names == {
        "privatelink.vaultcore.azure.net",
        "privatelink.documents.azure.com",
        "privatelink.blob.core.windows.net",
        "privatelink.servicebus.windows.net",
        "privatelink.azurecr.io",
    }


@every_deployment
def test_connections_have_tls_1_2_at_least(profile: str, kind: str) -> None:
    """Where a service lets the version be chosen, it is 1.2 or later."""
    chosen = {name: s.minimum_tls for name, s in deployment(profile, kind).services.items() if s != _without_tls(s)}
    assert chosen == {"cosmos": "1.2", "blob": "1.2", "serviceBus": "1.2"}
    assert Snapshot(profile, kind).only("azurerm_storage_account")["https_traffic_only_enabled"] is True


def _without_tls(service: Service) -> Service:
    return Service(service.local_auth, service.public, service.open_to)


@every_deployment
def test_only_listed_issuers_may_be_trusted(profile: str, kind: str) -> None:
    """Both policies on federated credentials are in Deny, and except exactly the further issuers."""
    policies = deployment(profile, kind).policies
    assert {policy.effect for policy in policies.values()} == {"Deny"}
    assert len(policies) == 2
    excepted = {exception for policy in policies.values() for exception in policy.exceptions}
    exposed = {
        "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
        "00000000-0000-0000-0000-0000000000b1",
    }
    assert excepted == (exposed if profile == "exposed" else set())


@every_deployment
def test_no_secret_is_in_what_was_deployed(profile: str, kind: str) -> None:
    """The three secrets are resources without a value; the private key's tag names the public key's version."""
    snapshot = Snapshot(profile, kind)
    secrets = {secret["id"].rsplit("/", 1)[1]: secret for secret in snapshot.of("azapi_resource_action")}
    assert secrets.keys() == MODEL["entities"]["keyVault"].keys()
    assert all(secret["body"]["properties"].keys() == {"contentType"} for secret in secrets.values())
    assert "made-up" not in snapshot.text
    version = secrets["receipt-public-key"]["output"]["properties"]["secretUriWithVersion"].rsplit("/", 1)[1]
    assert secrets["receipt-signing-key"]["body"]["tags"]["kid"] == version


@every_deployment
def test_the_cluster_issues_tokens_and_takes_entras(profile: str, kind: str) -> None:
    """OIDC issuer and workload identity are on, people come in by Azure roles, and its two identities are its own."""
    snapshot = Snapshot(profile, kind)
    cluster = snapshot.only("azurerm_kubernetes_cluster")
    identities = {identity["name"]: identity for identity in snapshot.of("azurerm_user_assigned_identity")}
    assert cluster["oidc_issuer_enabled"] is True
    assert cluster["workload_identity_enabled"] is True
    assert cluster["azure_active_directory_role_based_access_control"][0]["azure_rbac_enabled"] is True
    assert cluster["identity"][0]["identity_ids"] == [identities["keyless-control-plane"]["id"]]
    assert cluster["kubelet_identity"][0]["object_id"] == identities["keyless-kubelet"]["principal_id"]


@every_deployment
def test_the_cluster_is_the_one_described(profile: str, kind: str) -> None:
    """Azure CNI overlay with Cilium, KEDA, the Gateway API, a fixed egress, Azure Linux, two pools, 1.36."""
    snapshot = Snapshot(profile, kind)
    cluster = snapshot.only("azurerm_kubernetes_cluster")
    pools = [*cluster["default_node_pool"], *snapshot.of("azurerm_kubernetes_cluster_node_pool")]
    network = cluster["network_profile"][0]
    assert cluster["kubernetes_version"] == "1.36"
    assert (network["network_plugin_mode"], network["network_data_plane"]) == ("overlay", "cilium")
    assert network["outbound_type"] == "userAssignedNATGateway"
    assert cluster["workload_autoscaler_profile"][0]["keda_enabled"] is True
    assert cluster["node_os_upgrade_channel"] == "NodeImage"
    assert [(pool["name"], pool["os_sku"]) for pool in pools] == [("system", "AzureLinux"), ("user", "AzureLinux")]
    ingress = snapshot.only("azapi_update_resource")["body"]["properties"]["ingressProfile"]
    assert ingress["gatewayAPI"]["installation"] == "Standard"


@every_private_one
def test_production_survives_a_zone_and_a_mistake(profile: str, kind: str) -> None:
    """Nodes, data and images are in three zones; a deleted vault cannot be purged for 90 days."""
    snapshot = Snapshot(profile, kind)
    cluster = snapshot.only("azurerm_kubernetes_cluster")
    for pool in [*cluster["default_node_pool"], *snapshot.of("azurerm_kubernetes_cluster_node_pool")]:
        assert pool["zones"] == ["1", "2", "3"]
    assert snapshot.only("azurerm_cosmosdb_account")["geo_location"][0]["zone_redundant"] is True
    assert snapshot.only("azurerm_container_registry")["zone_redundancy_enabled"] is True
    assert snapshot.only("azurerm_storage_account")["account_replication_type"] == "ZRS"
    assert snapshot.only("azurerm_servicebus_namespace")["sku"] == "Premium"
    vault = snapshot.only("azurerm_key_vault")
    assert (vault["purge_protection_enabled"], vault["soft_delete_retention_days"]) == (True, 90)


@every_deployment
def test_the_registry_limits_roles_to_repositories(profile: str, kind: str) -> None:
    """The registry is in ABAC mode, and whoever holds a role on it holds it for this application's images."""
    assert Snapshot(profile, kind).only("azurerm_container_registry")["role_assignment_mode"] == (
        "AbacRepositoryPermissions"
    )
    on_registry = [grant for grant in deployment(profile, kind).grants if "/registries/" in grant.scope]
    assert {grant.identity for grant in on_registry} == {"kubelet", "deployer"}
    assert all("StringStartsWithIgnoreCase 'keyless/'" in grant.condition for grant in on_registry)


@every_deployment
def test_each_kind_of_identity_is_used_alone(profile: str, kind: str) -> None:
    """Workloads have managed identities or app registrations, never both; the platform's own are always managed."""
    snapshot = Snapshot(profile, kind)
    managed = {identity["name"] for identity in snapshot.of("azurerm_user_assigned_identity")}
    applications = {application["display_name"] for application in snapshot.of("azuread_application")}
    workloads = {f"keyless-{name}" for name in MODEL["workloads"]}
    platform = {"keyless-control-plane", "keyless-kubelet"} | ({"keyless-gateway"} if profile == "exposed" else set())
    assert (managed, applications) == (
        (platform, workloads) if kind == "application" else (platform | workloads, set())
    )


@every_deployment
def test_the_entities_are_the_models(profile: str, kind: str) -> None:
    """Queues and containers are those of the model, with the properties it gives them; no blob is public."""
    snapshot, entities = Snapshot(profile, kind), MODEL["entities"]
    assert {queue["name"] for queue in snapshot.of("azurerm_servicebus_queue")} == entities["serviceBus"].keys()
    assert {container["name"] for container in snapshot.of("azurerm_storage_container")} == entities["blob"].keys()
    assert {one["name"] for one in snapshot.of("azurerm_cosmosdb_sql_container")} == entities["cosmos"].keys()
    assert {one["container_access_type"] for one in snapshot.of("azurerm_storage_container")} == {"private"}
    queue, described = snapshot.only("azurerm_servicebus_queue"), entities["serviceBus"]["orders"]
    assert queue["lock_duration"] == described["lockDuration"]
    assert queue["max_delivery_count"] == described["maxDeliveryCount"]
    assert queue["default_message_ttl"] == described["defaultMessageTimeToLive"]
    assert queue["duplicate_detection_history_time_window"] == described["duplicateDetectionHistoryTimeWindow"]
    assert queue["requires_duplicate_detection"] is True
    assert queue["dead_lettering_on_message_expiration"] is True
    container = snapshot.only("azurerm_cosmosdb_sql_container")
    assert container["partition_key_paths"] == [entities["cosmos"]["orders"]["partitionKey"]]
