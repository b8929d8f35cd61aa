"""The snapshots of the Bicep deployment (`infra/snapshots/bicep`): what the compiler predicts, one file a profile.

Every resource is there with its full id. What only Azure knows stays as an expression, for example
`[reference('…/userAssignedIdentities/keyless-backend', …).principalId]`, which still names the resource it comes from.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

SNAPSHOTS = Path("infra/snapshots/bicep")

Resource = dict[str, Any]


@cache
def snapshot(profile: str) -> dict[str, Any]:
    """The snapshot as the compiler wrote it: `predictedResources`, `outputs`, `diagnostics`."""
    content: dict[str, Any] = json.loads((SNAPSHOTS / f"{profile}.snapshot.json").read_text())
    return content


def resources(profile: str, kind: str) -> list[Resource]:
    """Every resource of a type, such as `Microsoft.KeyVault/vaults`."""
    return [resource for resource in snapshot(profile)["predictedResources"] if resource["type"] == kind]


def resource(profile: str, kind: str) -> Resource:
    """The one resource of a type."""
    [only] = resources(profile, kind)
    return only


def properties(profile: str, kind: str) -> dict[str, Any]:
    """The properties of the one resource of a type."""
    found: dict[str, Any] = resource(profile, kind)["properties"]
    return found
