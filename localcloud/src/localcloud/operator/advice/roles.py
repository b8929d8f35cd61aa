"""The role that is likely meant for an action."""

from collections.abc import Iterator
from functools import cache

from localcloud.authorization import built_in_roles
from localcloud.authorization.model import AccessModel
from localcloud.authorization.roles import ControlAction, Role


def likeliest_role(action: str, scope: str, model: AccessModel) -> str | None:
    """Return the name of a role that holds the action, or `None` if there is none.

    A role of the model that nothing is granted is likely the one that was taken away. Otherwise it is the smallest.
    """
    granted = {grant.role for workload in model.workloads.values() for grant in workload.grants}
    of_cosmos = scope.partition("/")[0] == "cosmos"
    fitting = [
        (name not in model.roles or name in granted, _size(role), name)
        for name, role in _roles(model)
        if role.allows(action) and (role.kind == "cosmos") == of_cosmos
    ]
    return min(fitting)[-1] if fitting else None


def _roles(model: AccessModel) -> Iterator[tuple[str, Role]]:
    yield from model.roles.items()
    yield from ((name, known.role) for name, known in built_in_roles.catalogue().items() if name not in model.roles)


def _size(role: Role) -> int:
    """How many of the actions that Azure's roles name the role holds."""
    return sum(role.allows(action) for action in _all_actions())


@cache
def _all_actions() -> frozenset[str]:
    roles = [known.role for known in built_in_roles.catalogue().values()]
    control = (ControlAction(action) for role in roles for action in role.actions)
    return frozenset(action for role in roles for action in role.dataActions).union(control)
