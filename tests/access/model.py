"""The tests' own reader of `infra/access.yaml`, so that a fault in the local cloud's reader is found."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from tests.access import azure

FILE = Path(__file__).parents[2] / "infra" / "access.yaml"
MODEL: dict[str, Any] = yaml.safe_load(FILE.read_text())


@dataclass(frozen=True, slots=True)
class Part:
    """What can be taken out of the model: a grant, or one action of a granted role that this project defines."""

    workload: str
    role: str
    scope: str
    action: str | None = None

    def __str__(self) -> str:
        return f"{self.workload}: {self.role} on {self.scope}" + (f", {self.action}" if self.action else "")


def patterns(role: str) -> list[str]:
    """The actions that the role names, wildcards and all."""
    definition = MODEL["roles"][role]
    return [*definition.get("actions", []), *definition.get("dataActions", [])]


def grants() -> list[Part]:
    return [
        Part(name, grant["role"], grant["scope"])
        for name, workload in MODEL["workloads"].items()
        for grant in workload["grants"]
    ]


def parts() -> list[Part]:
    """Every grant and, since a role of Azure's own can't be made smaller, each action of every other role.

    Left out is an action that the model lists as unused: its reason stands beside it.
    """
    return [
        part
        for grant in grants()
        for part in (
            grant,
            *(
                Part(grant.workload, grant.role, grant.scope, action)
                for action in patterns(grant.role)
                if MODEL["roles"][grant.role]["kind"] != "builtIn" and action not in MODEL["unused"]
            ),
        )
    ]


def granted() -> set[tuple[str, str, str]]:
    """Every (workload, pattern of an action, scope)."""
    return {(grant.workload, pattern, grant.scope) for grant in grants() for pattern in patterns(grant.role)}


def covers(pattern: str, action: str) -> bool:
    """Azure compares actions without case, and `*` stands for any run of characters."""
    return fnmatchcase(action.lower(), pattern.lower())


def may(model: dict[str, Any], workload: str, action: str, scope: str) -> bool:
    """Whether the workload holds the action on the scope: on the plane on which Azure checks it, by a grant there or on
    the whole service, and on Cosmos by a role of Cosmos's own."""
    plane, left_out = ("actions", "notActions") if action in azure.ACTIONS else ("dataActions", "notDataActions")
    service = scope.partition("/")[0]
    for grant in model["workloads"][workload]["grants"]:
        role = model["roles"][grant["role"]]
        if grant["scope"] not in (scope, f"{service}/*") or (role["kind"] == "cosmos") != (service == "cosmos"):
            continue
        named, excluded = (
            any(covers(pattern, action) for pattern in role.get(field, [])) for field in (plane, left_out)
        )
        if named and not excluded:
            return True
    return False
