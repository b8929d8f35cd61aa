"""Changes to an access model while a cloud runs: a grant more, a grant less, an action less."""

from typing import Any

from localcloud.authorization.model import AccessModel
from localcloud.authorization.model_file import Change
from localcloud.authorization.roles import Role

_PLANES = (("actions", "notActions"), ("dataActions", "notDataActions"))


def granted(workload: str, role: str, scope: str) -> Change:
    """Return the change that grants the role to the workload. Applied to a model that has no such role, workload or
    entity, it raises `ValueError` with a sentence."""

    def change(model: AccessModel) -> AccessModel:
        content = _content(model)
        _workload(content, workload)["grants"].append({"role": role, "scope": scope})
        return AccessModel.model_validate(content)

    return change


def revoked(workload: str, role: str, scope: str | None, action: str | None) -> Change:
    """Return the change that takes a grant away from the workload: on this scope, or on every one.

    With an `action` the workload keeps the role without this action; other workloads keep the whole role. Applied to a
    model without such a grant or action, it raises `ValueError` with a sentence.
    """

    def change(model: AccessModel) -> AccessModel:
        content = _content(model)
        grants = _workload(content, workload)["grants"]
        taken = [grant for grant in grants if grant["role"] == role and scope in (None, grant["scope"])]
        if not taken:
            has = "; ".join(f"{grant['role']} on {grant['scope']}" for grant in grants) or "nothing"
            raise ValueError(f"{workload} is not granted {role}{f' on {scope}' if scope else ''}. It is granted: {has}")
        for grant in taken:
            if action is None:
                grants.remove(grant)
            else:
                smaller = f"{role} without {action}"
                content["roles"][smaller] = _without(role, model.role(role), action)
                grant["role"] = smaller
        return AccessModel.model_validate(content)

    return change


def _content(model: AccessModel) -> dict[str, Any]:
    """The model as its file writes it, in which the topics stand among the queues."""
    content = model.model_dump(mode="json", exclude_none=True)
    content["entities"]["serviceBus"]["topics"] = content["entities"].pop("topics")
    return content


def _workload(content: dict[str, Any], name: str) -> dict[str, Any]:
    workloads: dict[str, dict[str, Any]] = content["workloads"]
    if name not in workloads:
        raise ValueError(f"the access model has no workload {name}. It has: {', '.join(workloads) or 'none'}")
    workloads[name]["grants"] = list(workloads[name]["grants"])
    return workloads[name]


def _without(name: str, role: Role, action: str) -> dict[str, Any]:
    """The definition of a role of one's own that has all of this role but the action."""
    kind = "cosmos" if role.kind == "cosmos" else "custom"
    smaller: dict[str, Any] = {"kind": kind}
    found = False
    for allowed, excluded in _PLANES:
        actions = getattr(role, allowed)
        smaller[allowed] = [each for each in actions if each.lower() != action.lower()]
        smaller[excluded] = list(getattr(role, excluded))
        found = found or len(smaller[allowed]) < len(actions)
    if not found:
        raise ValueError(f"the role {name} does not name the action {action}")
    return smaller
