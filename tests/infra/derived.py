"""What a deployment gives to whom, in one form for Bicep and Terraform.

`access_of_bicep` and `access_of_terraform` read their snapshots into a `Deployment`. The tests compare each with
`infra/access.yaml`, and one with the other.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MODEL = yaml.safe_load(Path("infra/access.yaml").read_text())

PROFILES = ("learn", "production", "exposed")
"""Each has a snapshot in both languages. `exposed` is production with a host name and two further issuers."""

BINDINGS = "bindings"
"""The snapshot of the profile learn with `federation = bindings`, in both languages."""


@dataclass(frozen=True)
class Grant:
    """A role assignment. `identity` is a workload's name, or `control-plane`, `kubelet`, `deployer`.

    `actions` are what the role allows; of a built-in role that the model does not describe, its id stands for them.
    `scope` is an entity (`keyVault/receipt-public-key`), or a resource id without its resource group.
    """

    identity: str
    actions: frozenset[str]
    scope: str
    condition: str = ""


@dataclass(frozen=True)
class Trust:
    """A federated credential. `issuer` is `aks` for the cluster's own, else its URL."""

    identity: str
    issuer: str
    subject: str
    audience: str


@dataclass(frozen=True)
class Policy:
    """A policy assignment on federated credentials: its effect, and the issuers it lets pass."""

    effect: str
    exceptions: frozenset[str]


@dataclass(frozen=True)
class Deployment:
    """Everything in a deployment that decides who may do what.

    `policies` are by the id of their definition. `identities` are names, app registrations' too. `client_ids` are the
    identities whose client ids the outputs give, by the output's name. `entities` are those of each service, with the
    properties that the model gives them. `bindings` are the identities bound to the cluster. `assignments` are
    the resource ids of role definitions and role assignments.
    """

    grants: frozenset[Grant]
    trusts: frozenset[Trust]
    policies: dict[str, Policy]
    identities: frozenset[str]
    client_ids: dict[str, str]
    entities: dict[str, dict[str, dict[str, Any]]]
    outputs: frozenset[str]
    bindings: frozenset[str]
    assignments: frozenset[str]


_GROUP = re.compile(r"^/subscriptions/[^/]+/resourceGroups/[^/]+/(providers/)?", re.IGNORECASE)
_ENTITIES = {
    "keyVault": re.compile(r"^Microsoft\.KeyVault/vaults/[^/]+/secrets/([^/]+)$"),
    "serviceBus": re.compile(r"^Microsoft\.ServiceBus/namespaces/[^/]+/queues/([^/]+)$"),
    "blob": re.compile(r"^Microsoft\.Storage/storageAccounts/[^/]+/blobServices/default/containers/([^/]+)$"),
    "cosmos": re.compile(r"^Microsoft\.DocumentDB/databaseAccounts/[^/]+/dbs/[^/]+/colls/([^/]+)$"),
}


def scope_of(resource_id: str) -> str:
    """`serviceBus/orders` for the id of an entity; any other id without its resource group."""
    inner = _GROUP.sub("", resource_id)
    for service, pattern in _ENTITIES.items():
        if entity := pattern.match(inner):
            return f"{service}/{entity[1]}"
    return inner


_SERVICES = {
    "Microsoft.KeyVault/vaults": "keyVault",
    "Microsoft.DocumentDB/databaseAccounts": "cosmos",
    "Microsoft.Storage/storageAccounts": "blob",
    "Microsoft.ServiceBus/namespaces": "serviceBus",
    "Microsoft.ContainerRegistry/registries": "registry",
    "Microsoft.ContainerService/managedClusters": "cluster",
}


def service_of(resource_id: str) -> str:
    """The name in `Safeguards.services` of the service that a resource id belongs to."""
    [name] = (name for kind, name in _SERVICES.items() if f"/providers/{kind}/" in resource_id)
    return name


def given(properties: dict[str, Any]) -> dict[str, Any]:
    """Those of an entity's properties that are set."""
    return {name: value for name, value in properties.items() if value is not None}


def actions_of_built_in_role(role_id: str) -> frozenset[str]:
    """The actions that the model lists for a built-in role; the id itself for a role that it does not list."""
    for role in MODEL["roles"].values():
        if role.get("id") == role_id:
            return frozenset(role.get("actions", []) + role.get("dataActions", []))
    return frozenset({role_id})


def grants_of_model() -> frozenset[Grant]:
    """Every grant of `infra/access.yaml`."""
    return frozenset(
        Grant(workload, frozenset(role.get("actions", []) + role.get("dataActions", [])), grant["scope"])
        for workload, described in MODEL["workloads"].items()
        for grant in described["grants"]
        for role in [MODEL["roles"][grant["role"]]]
    )


def subjects_of_model() -> dict[str, str]:
    """Each workload's subject: the service account that becomes its identity."""
    return {
        name: f"system:serviceaccount:{workload['namespace']}:{workload['serviceAccount']}"
        for name, workload in MODEL["workloads"].items()
    }
