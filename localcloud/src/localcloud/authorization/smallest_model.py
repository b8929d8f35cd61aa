"""The access model with what was never used taken out of it."""

from typing import Any

from localcloud.authorization.least_privilege import GrantUse, Report, ScopeUse
from localcloud.authorization.model import AccessModel, covers


def smallest(model: AccessModel, report: Report) -> AccessModel:
    """Return the model that grants what was used and no more.

    A grant without excess stays as it is. One that was never used goes. Any other gives way to grants on the scopes
    that were used: of a built-in role that brings nothing besides, or of a custom role. Roles that no grant names go.
    """
    content: dict[str, Any] = model.model_dump(mode="json", exclude_defaults=True)
    roles = dict(content.get("roles", {}))
    for name in content["workloads"]:
        grants: list[dict[str, str]] = []
        for use in (each for each in report.grants if each.workload == name):
            for grant, role in _replacements(model, use, report):
                roles |= role
                if grant not in grants:
                    grants.append(grant)
        content["workloads"][name]["grants"] = grants
    named = {grant["role"] for workload in content["workloads"].values() for grant in workload["grants"]}
    content["roles"] = {name: role for name, role in roles.items() if name in named}
    return AccessModel.model_validate(content)


def _replacements(
    model: AccessModel, use: GrantUse, report: Report
) -> list[tuple[dict[str, str], dict[str, dict[str, Any]]]]:
    """The grants in place of one, each with the role that it needs defined."""
    if not use.used:
        return []
    if not use.excess:
        return [({"role": use.grant.role, "scope": use.grant.scope}, {})]
    found = []
    for scope in (each for each in report.scopes if each.workload == use.workload):
        if covers(use.grant.scope, scope.scope) and set(scope.used) & set(use.used):
            name, role = _role(model, scope)
            found.append(({"role": name, "scope": scope.scope}, role))
    return found


def _role(model: AccessModel, use: ScopeUse) -> tuple[str, dict[str, dict[str, Any]]]:
    if use.built_in is not None and not use.built_in.besides:
        return use.built_in.name, {}
    for name, role in model.roles.items():
        if role.kind == use.custom.kind and {*role.actions, *role.dataActions} == set(use.used):
            return name, {}
    name = f"{use.workload} on {use.scope.replace('/', ' ')}"
    return name, {name: use.custom.model_dump(mode="json", exclude_defaults=True)}
