"""Read a snapshot of the Terraform deployment into `Safeguards`."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from tests.infra.derived import service_of
from tests.infra.safeguards import Cluster, Safeguards, Service, in_three_zones, tls_version
from tests.infra.terraform_snapshot import Snapshot, Values


@cache
def safeguards(profile: str, identity_kind: str = "managed") -> Safeguards:
    """What protects the deployment of a profile."""
    return _Safeguards(profile, identity_kind).safeguards()


class _Safeguards(Snapshot):
    def safeguards(self) -> Safeguards:
        vault = self.only("azurerm_key_vault")
        storage = self.only("azurerm_storage_account")
        subnets = {subnet["name"]: subnet for subnet in self.of("azurerm_subnet")}
        return Safeguards(
            services=self._services(),
            cluster=self._cluster(),
            private_endpoints=frozenset(self._private_endpoints()),
            private_names=frozenset(self._private_names()),
            audited=frozenset(self._audited()),
            soft_delete_days=vault["soft_delete_retention_days"],
            purge_protection=vault["purge_protection_enabled"],
            public_blobs=storage["allow_nested_items_to_be_public"]
            or any(one["container_access_type"] != "private" for one in self.of("azurerm_storage_container")),
            https_only=storage["https_traffic_only_enabled"],
            registry_mode=self.only("azurerm_container_registry")["role_assignment_mode"],
            zone_redundant=frozenset(name for name, redundant in self._zone_redundancy().items() if redundant),
            subnets=frozenset(subnets),
            behind_nat=frozenset(
                link["subnet_id"].rsplit("/", 1)[1] for link in self.of("azurerm_subnet_nat_gateway_association")
            ),
            default_outbound=frozenset(
                name for name, subnet in subnets.items() if subnet["default_outbound_access_enabled"]
            ),
            kid=self._kid(),
        )

    def _cluster(self) -> Cluster:
        cluster = self.only("azurerm_kubernetes_cluster")
        [network] = cluster["network_profile"]
        [identity] = cluster["identity"]
        [kubelet] = cluster["kubelet_identity"]
        add_on = cluster.get("key_vault_secrets_provider")
        assert identity["type"] == "UserAssigned"
        [control_plane] = identity["identity_ids"]
        assert {one["principal_id"]: one["id"] for one in self.of("azurerm_user_assigned_identity")}[
            kubelet["object_id"]
        ] == kubelet["user_assigned_identity_id"]
        ingress = self.only("azapi_update_resource")["body"]["properties"]["ingressProfile"]
        return Cluster(
            version=cluster["kubernetes_version"],
            node_pools=tuple((pool["name"], pool["os_sku"]) for pool in self._node_pools()),
            network=(network["network_plugin_mode"], network["network_data_plane"], network["network_policy"]),
            outbound=network["outbound_type"],
            keda=cluster["workload_autoscaler_profile"][0]["keda_enabled"],
            gateway_api=ingress["gatewayAPI"]["installation"],
            node_upgrades=cluster["node_os_upgrade_channel"],
            oidc_issuer=cluster["oidc_issuer_enabled"],
            workload_identity=cluster["workload_identity_enabled"],
            azure_rbac=cluster["azure_active_directory_role_based_access_control"][0]["azure_rbac_enabled"],
            control_plane=control_plane.rsplit("/", 1)[1],
            kubelet=kubelet["user_assigned_identity_id"].rsplit("/", 1)[1],
            private_names_only=cluster.get("private_dns_zone_id") == "System"
            and cluster["private_cluster_public_fqdn_enabled"] is False,
            certificates_renewed=add_on and add_on[0]["secret_rotation_enabled"],
        )

    def _node_pools(self) -> list[Values]:
        pools = list(self.of("azurerm_kubernetes_cluster_node_pool"))
        assert [pool["mode"] for pool in pools] == ["User"]
        return [*self.only("azurerm_kubernetes_cluster")["default_node_pool"], *pools]

    def _zone_redundancy(self) -> dict[str, bool]:
        return {
            "nodes": all(in_three_zones(pool.get("zones"), pool["min_count"]) for pool in self._node_pools()),
            "cosmos": self.only("azurerm_cosmosdb_account")["geo_location"][0]["zone_redundant"],
            "blob": self.only("azurerm_storage_account")["account_replication_type"] == "ZRS",
            "serviceBus": self.only("azurerm_servicebus_namespace")["sku"] == "Premium",
            "registry": self.only("azurerm_container_registry")["zone_redundancy_enabled"],
            "egress": self.only("azurerm_nat_gateway")["sku_name"] == "StandardV2",
        }

    def _services(self) -> dict[str, Service]:
        vault = self.only("azurerm_key_vault")
        cosmos = self.only("azurerm_cosmosdb_account")
        storage = self.only("azurerm_storage_account")
        bus = self.only("azurerm_servicebus_namespace")
        registry = self.only("azurerm_container_registry")
        cluster = self.only("azurerm_kubernetes_cluster")
        logs = self.only("azurerm_log_analytics_workspace")
        return {
            "keyVault": Service(
                local_auth=not vault["rbac_authorization_enabled"],
                public=vault["public_network_access_enabled"],
                open_to=self._open_to(vault["network_acls"]),
                trusted_services=vault["network_acls"][0]["bypass"] != "None",
            ),
            "cosmos": Service(
                local_auth=cosmos["local_authentication_enabled"],
                public=cosmos["public_network_access_enabled"],
                open_to=self._sources(cosmos.get("ip_range_filter", [])),
                trusted_services=cosmos["network_acl_bypass_for_azure_services"],
                minimum_tls=tls_version(cosmos["minimal_tls_version"]),
            ),
            "blob": Service(
                local_auth=storage["shared_access_key_enabled"] or storage["local_user_enabled"],
                public=storage["public_network_access_enabled"],
                open_to=self._open_to(storage["network_rules"]),
                trusted_services=storage["network_rules"][0]["bypass"] != ["None"],
                minimum_tls=tls_version(storage["min_tls_version"]),
            ),
            "serviceBus": Service(
                local_auth=bus["local_auth_enabled"],
                public=bus["public_network_access_enabled"],
                open_to=self._open_to(bus["network_rule_set"]) if bus["public_network_access_enabled"] else frozenset(),
                trusted_services=any(rules["trusted_services_allowed"] for rules in bus.get("network_rule_set", [])),
                minimum_tls=tls_version(bus["minimum_tls_version"]),
            ),
            "registry": Service(
                local_auth=registry["admin_enabled"] or registry["anonymous_pull_enabled"],
                public=registry["public_network_access_enabled"],
                trusted_services=registry["network_rule_bypass_option"] != "None",
            ),
            "cluster": Service(
                local_auth=not cluster["local_account_disabled"], public=not cluster["private_cluster_enabled"]
            ),
            # Telemetry is sent to public addresses in either profile, with a token.
            "logs": Service(local_auth=logs["local_authentication_enabled"], public=True),
        }

    def _open_to(self, firewall: list[Values]) -> frozenset[str]:
        [rules] = firewall
        if rules["default_action"] != "Deny":
            return frozenset({"every address"})
        return self._sources(rules.get("ip_rules", []), rules.get("virtual_network_subnet_ids", []))

    def _sources(self, addresses: list[str], subnets: Sequence[str] = ()) -> frozenset[str]:
        egress = self.outputs["egressAddress"]
        named = ["egress" if address == egress else address for address in addresses]
        return frozenset(named + [subnet.rsplit("/", 1)[1] for subnet in subnets])

    def _private_endpoints(self) -> Iterator[str]:
        for endpoint in self.of("azurerm_private_endpoint"):
            for connection in endpoint["private_service_connection"]:
                yield service_of(connection["private_connection_resource_id"] + "/")

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

    def _kid(self) -> str:
        secrets: dict[str, Any] = {
            secret["id"].rsplit("/", 1)[1]: secret for secret in self.of("azapi_resource_action")
        }
        versions = {
            secret["output"]["properties"]["secretUriWithVersion"].rsplit("/", 1)[1]: name
            for name, secret in secrets.items()
            if "output" in secret
        }
        return versions.get(secrets["receipt-signing-key"]["body"]["tags"]["kid"], "")
