"""Principals that no application should have, for the walk: each holds much, on one plane or but for something."""

import copy
from typing import Any

from tests.access.model import MODEL

_SECRETS = "Microsoft.KeyVault/vaults/secrets"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_CONTAINERS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"

_AZURE: dict[str, dict[str, Any]] = {
    "manager": {  # holds what Azure's Contributor holds
        "kind": "custom",
        "actions": ["*"],
        "notActions": ["Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete"],
    },
    "all-data": {"kind": "custom", "dataActions": ["*"]},
    "everything": {"kind": "custom", "actions": ["*"], "dataActions": ["*"]},
    "data-among-actions": {
        "kind": "custom",
        "actions": [f"{_SECRETS}/*", "Microsoft.ServiceBus/namespaces/messages/*", f"{_BLOBS}/*", f"{_CONTAINERS}/*"],
    },
    "actions-among-data": {
        "kind": "custom",
        "dataActions": ["Microsoft.ServiceBus/namespaces/queues/read", "Microsoft.Storage/*/containers/read"],
    },
    "all-but": {
        "kind": "custom",
        "actions": ["*"],
        "notActions": ["*/read", "Microsoft.Storage/*/containers/write"],
        "dataActions": ["*"],
        "notDataActions": [f"{_SECRETS}/getSecret/action", "Microsoft.ServiceBus/*/send/action", f"{_BLOBS}/*"],
    },
    "nothing-left": {"kind": "custom", "actions": ["*"], "notActions": ["*"], "dataActions": ["*/READ"]},
}
_COSMOS: dict[str, dict[str, Any]] = {
    "cosmos-all": {
        "kind": "cosmos",
        "dataActions": [
            "Microsoft.DocumentDB/databaseAccounts/readMetadata",
            f"{_CONTAINERS}/*",
            f"{_CONTAINERS}/items/*",
        ],
    },
    "cosmos-items": {"kind": "cosmos", "dataActions": [f"{_CONTAINERS}/items/*"]},
}
PRINCIPALS = (*_AZURE, *_COSMOS)
KEEPER = "keeper"  # puts back what the others delete


def with_principals() -> dict[str, Any]:
    """The application's model with a role and a workload for each principal, and with the keeper."""
    model = copy.deepcopy(MODEL)
    for name, role in (_AZURE | _COSMOS).items():
        services = ["cosmos"] if role["kind"] == "cosmos" else list(model["entities"])
        _add(model, name, {f"{service}/*": name for service in services})
        model["roles"][name] = role
    _add(model, KEEPER, {"keyVault/*": "everything", "blob/*": "everything", "cosmos/*": "cosmos-all"})
    return model


def _add(model: dict[str, Any], workload: str, roles: dict[str, str]) -> None:
    grants = [{"role": role, "scope": scope} for scope, role in roles.items()]
    # No manifest has a ClusterRole for these.
    described = {"namespace": "walk", "serviceAccount": workload, "federation": "credentials", "grants": grants}
    model["workloads"][workload] = described
