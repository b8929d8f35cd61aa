"""A reading of `infra/access.yaml` of the tests' own: what the file says, without the local cloud's reader of it."""

import copy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

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
    """Every grant and, since a role of Azure's own can't be made smaller, each action of every other role."""
    return [
        part
        for grant in grants()
        for part in (
            grant,
            *(
                Part(grant.workload, grant.role, grant.scope, action)
                for action in patterns(grant.role)
                if MODEL["roles"][grant.role]["kind"] != "builtIn"
            ),
        )
    ]


def without(part: Part) -> dict[str, Any]:
    """The model with this part taken out."""
    model = copy.deepcopy(MODEL)
    if part.action is None:
        model["workloads"][part.workload]["grants"].remove({"role": part.role, "scope": part.scope})
    else:
        role = model["roles"][part.role]
        for kind in ("actions", "dataActions"):
            role[kind] = [action for action in role.get(kind, []) if action != part.action]
    return model


def granted() -> set[tuple[str, str, str]]:
    """Every (workload, pattern of an action, scope)."""
    return {(grant.workload, pattern, grant.scope) for grant in grants() for pattern in patterns(grant.role)}


def covers(pattern: str, action: str) -> bool:
    """Azure compares actions without case, and `*` stands for any run of characters."""
    return fnmatchcase(action.lower(), pattern.lower())


def may(workload: str, action: str, scope: str) -> bool:
    """Whether the file grants the action on exactly this scope."""
    return any(
        (name, granted_scope) == (workload, scope) and covers(pattern, action)
        for name, pattern, granted_scope in granted()
    )
