"""The access model with what was never used taken out of it."""

from localcloud.authorization.least_privilege import GrantUse, Report, ScopeUse
from localcloud.authorization.model import AccessModel, covers
from localcloud.authorization.roles import Role
from localcloud.authorization.workload import Grant

_Roles = dict[str, Role]


def smallest(model: AccessModel, report: Report) -> AccessModel:
    """Return the model that grants what was used and no more.

    A grant without excess stays as it is. One that was never used goes. Any other gives way to grants on the scopes
    that were used: of a built-in role that brings nothing besides, or of a custom role. Roles that no grant names go.
    """
    roles, grants = dict(model.roles), {name: list[Grant]() for name in model.workloads}
    for use in report.grants:
        for grant, defined in _replacements(model, use, report):
            roles |= defined
            if grant not in grants[use.workload]:
                grants[use.workload].append(grant)
    named = {grant.role for each in grants.values() for grant in each}
    return model.changed(grants, {name: role for name, role in roles.items() if name in named})


def _replacements(model: AccessModel, use: GrantUse, report: Report) -> list[tuple[Grant, _Roles]]:
    """The grants in place of one, each with the role that it needs defined."""
    if not use.used:
        return []
    if not use.excess:
        return [(use.grant, {})]
    found = []
    for scope in (each for each in report.scopes if each.workload == use.workload):
        if covers(use.grant.scope, scope.scope) and set(scope.used) & set(use.used):
            name, defined = _role(model, scope)
            found.append((Grant(role=name, scope=scope.scope), defined))
    return found


def _role(model: AccessModel, use: ScopeUse) -> tuple[str, _Roles]:
    if use.built_in is not None and not use.built_in.besides:
        return use.built_in.name, {}
    for name, role in model.roles.items():
        if role.kind == use.custom.kind and {*role.actions, *role.dataActions} == set(use.used):
            return name, {}
    name = f"{use.workload} on {use.scope.replace('/', ' ')}"
    return name, {name: use.custom}
