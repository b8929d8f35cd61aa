"""The snapshots of the Terraform deployment (`infra/snapshots/terraform`): what Terraform made, on stand-ins for Azure.

Every resource is there with its type and the arguments that are set.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Values = dict[str, Any]

SNAPSHOTS = Path("infra/snapshots/terraform")


class Snapshot:
    """One deployment. Identity kinds are `managed` and `application`."""

    def __init__(self, profile: str, identity_kind: str = "managed") -> None:
        self.text = (SNAPSHOTS / f"{profile}-{identity_kind}.json").read_text()
        snapshot = json.loads(self.text)
        self.outputs: Values = snapshot["outputs"]
        self._resources: list[Values] = list(snapshot["resources"].values())

    def of(self, type_name: str) -> Iterator[Values]:
        """The arguments of every resource of a type."""
        for resource in self._resources:
            if resource["type"] == type_name:
                yield resource["values"]

    def only(self, type_name: str) -> Values:
        """The arguments of the one resource of a type."""
        [values] = self.of(type_name)
        return values

    def resource_ids(self) -> set[str]:
        """The ids of Azure's own resources, without Terraform's ids of links between two of them."""
        ids = {str(resource["values"]["id"]) for resource in self._resources}
        return {one for one in ids if one.startswith("/subscriptions/") and "|" not in one}
