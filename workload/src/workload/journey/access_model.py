"""The access model that the image carries: what the workloads are granted.

A workload can't ask Azure for this. To read role assignments takes a role of its own, and none here has it. What is in
force a service shows by what it allows; docs/decisions/the-page-knows-what-was-meant.md says more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources.abc import Traversable
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on one entity. `kind` is builtIn, custom or cosmos: Cosmos DB has roles of its own."""

    workload: str
    role: str
    scope: str
    kind: str


class AccessModel:
    """Read `infra/access.yaml`, which says what each part means."""

    def __init__(self, file: Traversable) -> None:
        model: Mapping[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        self._roles = model["roles"]
        self._workloads = model["workloads"]

    def subject(self, workload: str) -> str:
        """Return the subject that the workload's federated credential trusts."""
        account = self._workloads[workload]
        return f"system:serviceaccount:{account['namespace']}:{account['serviceAccount']}"

    def grants(self, workload: str, scope: str) -> list[Grant]:
        """Return what the workload is granted on this entity."""
        return [
            Grant(workload, grant["role"], scope, self._roles[grant["role"]]["kind"])
            for grant in self._workloads[workload]["grants"]
            if grant["scope"] == scope
        ]

    def holders(self, action: str, scope: str) -> list[Grant]:
        """Return the grants that allow a data action on this entity, to any workload."""
        return [
            grant
            for workload in self._workloads
            for grant in self.grants(workload, scope)
            if any(fnmatchcase(action, pattern) for pattern in self._roles[grant.role].get("dataActions", ()))
        ]
