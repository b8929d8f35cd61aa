"""Role definitions, and which actions they allow. As in Azure, control and data actions are held apart.

https://learn.microsoft.com/azure/role-based-access-control/role-definitions#control-and-data-actions
"""

import re
import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from localcloud.authorization import cosmos_actions

_CONDITION = ("condition", "conditions", "conditionversion")


class ControlAction(str):
    """An action that Azure checks against a role's `actions`. It checks every other against `dataActions`.

    Each resource provider says which of its operations are data actions:
    https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations
    """

    __slots__ = ()


class Role(BaseModel):
    """A role definition. `kind` says whose: Azure's own, a custom one of this project, or Cosmos DB's data plane.

    A Cosmos role has `dataActions` alone, since Cosmos DB knows nothing else
    (https://learn.microsoft.com/azure/cosmos-db/nosql/reference-data-plane-security).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["builtIn", "custom", "cosmos"]
    id: uuid.UUID | None = None
    actions: tuple[str, ...] = ()
    notActions: tuple[str, ...] = ()
    dataActions: tuple[str, ...] = ()
    notDataActions: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _has_no_condition(cls, given: Any) -> Any:
        return without_condition(given)

    @model_validator(mode="after")
    def _of_cosmos_has_cosmos_data_actions_alone(self) -> "Role":
        if self.kind == "cosmos":
            for field in ("actions", "notActions", "notDataActions"):
                if getattr(self, field):
                    raise ValueError(f"a role of the kind cosmos has dataActions alone: Cosmos DB knows no {field}")
            for action in self.dataActions:
                cosmos_actions.check(action)
        return self

    def allows(self, action: str) -> bool:
        """Whether the role holds this action on the plane that Azure checks it on."""
        if isinstance(action, ControlAction):
            return _any_covers(self.actions, action) and not _any_covers(self.notActions, action)
        return _any_covers(self.dataActions, action) and not _any_covers(self.notDataActions, action)

    def names_on_other_plane(self, action: str) -> bool:
        """Whether the role names this action on the other plane alone, on which Azure does not look for it."""
        there = self.dataActions if isinstance(action, ControlAction) else self.actions
        return _any_covers(there, action) and not self.allows(action)


def without_condition(given: Any) -> Any:
    """Return what was given. Raise `ValueError` if it holds a condition, which nothing here evaluates.

    https://learn.microsoft.com/azure/role-based-access-control/conditions-overview
    """
    names = given if isinstance(given, dict) else ()
    for name in names:
        if str(name).lower() in _CONDITION:
            raise ValueError(
                f"{name} is not evaluated here, so more would be allowed than it says: take it out, and choose a "
                "smaller role or scope instead"
            )
    return given


def matches(pattern: str, action: str) -> bool:
    """Whether the pattern covers the action: Azure compares without case, and `*` is any run of characters."""
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE | re.ASCII))


def _any_covers(patterns: tuple[str, ...], action: str) -> bool:
    return any(matches(pattern, action) for pattern in patterns)
