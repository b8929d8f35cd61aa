"""Changes to an access model while a cloud runs: a grant more, a grant less, an action less."""

from collections.abc import Iterable, Sequence
from typing import Any

from localcloud.authorization.model import AccessModel
from localcloud.authorization.model_file import Change
from localcloud.authorization.roles import Role
from localcloud.authorization.workload import Grant

_PLANES = (("actions", "notActions"), ("dataActions", "notDataActions"))


def granted(workload: str, role: str, scope: str) -> Change:
    """Return the change that grants the role to the workload. Applied to a model that has no such role, workload or
    entity, it raises `ValueError` with a sentence."""

    def change(model: AccessModel) -> AccessModel:
        grants = [*_grants(model, workload), Grant(role=role, scope=scope)]
        return model.changed({workload: grants}, model.roles)

    return change


def revoked(workload: str, role: str, scope: str | None, action: str | None) -> Change:
    """Return the change that takes a grant away from the workload: on this scope, or on every one.

    With an `action` the workload keeps the role without this action; other workloads keep the whole role. Applied to a
    model without such a grant or action, it raises `ValueError` with a sentence.
    """

    def change(model: AccessModel) -> AccessModel:
        grants, roles = list(_grants(model, workload)), dict(model.roles)
        taken = [grant for grant in grants if grant.role == role and scope in (None, grant.scope)]
        if not taken:
            has = "; ".join(f"{grant.role} on {grant.scope}" for grant in grants) or "nothing"
            raise ValueError(f"{workload} is not granted {role}{f' on {scope}' if scope else ''}. It is granted: {has}")
        for grant in taken:
            grants.remove(grant)
            if action is not None:
                smaller = f"{role} without {action}"
                roles[smaller] = _without(role, model.role(role), action)
                grants.append(Grant(role=smaller, scope=grant.scope))
        return model.changed({workload: grants}, roles)

    return change


def no_workload(name: str, workloads: Iterable[str]) -> str:
    """Return the sentence for a workload that the access model does not have."""
    return f"the access model has no workload {name}. It has: {', '.join(workloads) or 'none'}"


def _grants(model: AccessModel, workload: str) -> Sequence[Grant]:
    if workload not in model.workloads:
        raise ValueError(no_workload(workload, model.workloads))
    return model.workloads[workload].grants


def _without(name: str, role: Role, action: str) -> Role:
    """The definition of a role of one's own that has all of this role but the action."""
    smaller: dict[str, Any] = {"kind": "cosmos" if role.kind == "cosmos" else "custom"}
    found = False
    for allowed, excluded in _PLANES:
        actions = getattr(role, allowed)
        smaller[allowed] = tuple(each for each in actions if each.lower() != action.lower())
        smaller[excluded] = getattr(role, excluded)
        found = found or len(smaller[allowed]) < len(actions)
    if not found:
        raise ValueError(f"the role {name} does not name the action {action}")
    return Role.model_validate(smaller)
