"""How a deployment is protected, in one form for Bicep and Terraform.

`safeguards_of_bicep` and `safeguards_of_terraform` read their snapshots into `Safeguards`.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """How a service may be reached.

    `local_auth` says whether anything but an Entra token opens it: a key, a password, an access policy. `open_to` are
    the sources that its firewall lets in: `egress` for the cluster's address, else a subnet's name. `trusted_services`
    says whether Azure's own services pass the firewall.
    """

    local_auth: bool
    public: bool
    open_to: frozenset[str] = frozenset()
    trusted_services: bool = False
    minimum_tls: str = ""


@dataclass(frozen=True)
class Cluster:
    """The AKS cluster. `control_plane` and `kubelet` are identities; `node_pools` are pairs of name and system."""

    version: str
    node_pools: tuple[tuple[str, str], ...]
    network: tuple[str, str, str]
    """Plugin mode, data plane, network policy."""
    outbound: str
    keda: bool
    gateway_api: str
    node_upgrades: str
    oidc_issuer: bool
    workload_identity: bool
    azure_rbac: bool
    control_plane: str
    kubelet: str
    private_names_only: bool
    """Whether the API server's name exists within the network only, in a zone that AKS makes."""
    certificates_renewed: bool | None
    """Whether the Key Vault add-on brings in new versions; `None` without the add-on."""


@dataclass(frozen=True)
class Safeguards:
    """What protects the services and the data.

    `services` has `keyVault`, `cosmos`, `blob`, `serviceBus`, `registry`, `cluster` and `logs`.
    `private_endpoints` are services. `private_names` are the private DNS zones that both an endpoint and the network
    use. `audited` are the categories of logs that are kept, as `service/category`. `zone_redundant` is what survives
    the loss of a zone. `behind_nat` are the subnets whose traffic leaves by the one address; `default_outbound` are
    those with Azure's default outbound access. `kid` is the secret whose version the private key's tag `kid` names.
    """

    services: dict[str, Service]
    cluster: Cluster
    private_endpoints: frozenset[str]
    private_names: frozenset[str]
    audited: frozenset[str]
    soft_delete_days: int
    purge_protection: bool
    public_blobs: bool
    https_only: bool
    registry_mode: str
    zone_redundant: frozenset[str]
    subnets: frozenset[str]
    behind_nat: frozenset[str]
    default_outbound: frozenset[str]
    kid: str


def tls_version(spelling: str) -> str:
    """`1.2` for Azure's `Tls12`, `TLS1_2` and `1.2`."""
    return ".".join(re.findall(r"\d", spelling))


def in_three_zones(zones: list[str] | None, least_nodes: int) -> bool:
    """Whether a node pool is in all three zones, with a node for each."""
    return zones == ["1", "2", "3"] and least_nodes >= 3
