"""Compares what was granted with what was used, and finds the smallest roles that would do."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from localcloud.authorization.built_in_roles import catalogue
from localcloud.authorization.model import AccessModel, covers
from localcloud.authorization.roles import ControlAction, Role, matches
from localcloud.authorization.usage import Denial, Usage
from localcloud.authorization.workload import Grant

Actions = Callable[[str], Sequence[str]]
"""The actions that are asked for on a scope."""


@dataclass(frozen=True, slots=True)
class GrantUse:
    """A grant, and what of it was used. `excess` is what could be taken away; `kept` is unused too, and the model says
    why it is there."""

    workload: str
    grant: Grant
    used: tuple[str, ...]
    excess: tuple[str, ...]
    kept: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A role of Azure's that covers what was used, and what it brings besides."""

    name: str
    besides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScopeUse:
    """What a workload used on a scope, the smallest built-in role that covers it (None if there is none), and the
    smallest role of one's own."""

    workload: str
    scope: str
    used: tuple[str, ...]
    built_in: BuiltIn | None
    custom: Role


@dataclass(frozen=True, slots=True)
class Report:
    """Everything, workload by workload in the order of the file."""

    grants: tuple[GrantUse, ...]
    scopes: tuple[ScopeUse, ...]
    denied: tuple[tuple[str, Denial, int], ...]

    @property
    def to_take_away(self) -> tuple[GrantUse, ...]:
        return tuple(grant for grant in self.grants if grant.excess)


def report(model: AccessModel, usage: Mapping[str, Usage], actions: Actions) -> Report:
    """Compare the model with what its workloads did."""
    grants, scopes = [], []
    denied: Counter[tuple[str, Denial]] = Counter()
    for name, workload in model.workloads.items():
        mine = usage.get(name, Usage())
        grants += [_grant_use(model, name, grant, mine, actions) for grant in workload.grants]
        scopes += list(_scope_uses(name, workload.grants, mine, actions))
        denied.update({(name, what): number for what, number in mine.denied.items()})
    return Report(tuple(grants), tuple(scopes), tuple((name, what, n) for (name, what), n in sorted(denied.items())))


def _grant_use(model: AccessModel, workload: str, grant: Grant, usage: Usage, actions: Actions) -> GrantUse:
    role, service = model.role(grant.role), _service(grant.scope)
    within = usage.within(grant.scope)
    done = {action for each in within.values() for action in each}
    opens = service != "cosmos" or role.kind == "cosmos"  # Cosmos DB's data plane knows its own roles alone
    used = [action for action in actions(grant.scope) if opens and action in done and role.allows(action)]
    unused = _unused(role, used, actions(grant.scope))
    kept = {what: reason for what in unused if (reason := _reason(what, model.unused))} if used else {}
    excess = (*_scope_excess(grant.scope, within), *(what for what in unused if what not in kept))
    return GrantUse(workload, grant, tuple(used), excess, kept)


def _scope_excess(granted: str, within: Mapping[str, object]) -> tuple[str, ...]:
    """A grant on a whole service of which only some entities were used is larger than it need be."""
    entities = sorted(scope for scope in within if "/" in scope)
    if not granted.endswith("/*") or not entities or granted in entities:
        return ()
    return (f"the scope: of {granted} it used {', '.join(entities)} alone",)


def _unused(role: Role, used: Sequence[str], known: Sequence[str]) -> list[str]:
    """What a role holds and nothing used: of the actions that are known each by its name, of all others the pattern.

    A pattern that is open at either end, such as `*/read`, holds more than is known, however much of it is used.
    """
    allowed = [action for action in known if role.allows(action)]
    others = [
        pattern
        for pattern in (*role.actions, *role.dataActions)
        if _is_open(pattern) or not any(matches(pattern, action) for action in allowed)
    ]
    return [*(action for action in allowed if action not in used), *dict.fromkeys(others)]


def _is_open(pattern: str) -> bool:
    return pattern.startswith("*") or pattern.endswith("*")


def _reason(what: str, reasons: Mapping[str, str]) -> str | None:
    return next((reason for pattern, reason in reasons.items() if pattern == what or matches(pattern, what)), None)


def _scope_uses(workload: str, grants: Sequence[Grant], usage: Usage, actions: Actions) -> Iterator[ScopeUse]:
    for scope in sorted(_used_scopes(grants, usage)):
        service = _service(scope)
        whole = usage.allowed.get(f"{service}/*", set())  # what was done with the whole needs no grant on an entity
        done = usage.allowed.get(scope, set()) | usage.allowed.get(service, set())
        if not scope.endswith("/*"):
            done -= whole
        used = tuple(action for action in actions(scope) if action in done)
        if used:
            built_in = smallest_built_in(used, service, actions(scope))
            yield ScopeUse(workload, scope, used, built_in, custom(used, service))


def _used_scopes(grants: Sequence[Grant], usage: Usage) -> set[str]:
    """The scopes on which a workload did anything; of what it did on a service as a whole, those that it is granted."""
    used = {scope for scope in usage.allowed if "/" in scope}
    for service in set(usage.allowed) - used:
        if not any(_service(scope) == service for scope in used):
            used |= {grant.scope for grant in grants if covers(grant.scope, service)}
    return used


def smallest_built_in(used: Sequence[str], service: str, known: Sequence[str]) -> BuiltIn | None:
    """Return the built-in role that covers these actions and brings the least besides; None if there is none."""
    found = [
        BuiltIn(name, tuple(_unused(each.role, used, known)))
        for name, each in catalogue().items()
        if (each.role.kind == "cosmos") == (service == "cosmos") and all(each.role.allows(action) for action in used)
    ]
    return min(found, key=lambda role: _size(role, known), default=None)


def _size(built_in: BuiltIn, known: Sequence[str]) -> tuple[int, int, int, int, str]:
    """Smaller roles come first: those that allow fewer of the known actions, then those with longer open patterns."""
    role = catalogue()[built_in.name].role
    allowed = sum(role.allows(action) for action in known)
    lengths = [len(each) for each in (*role.actions, *role.dataActions) if _is_open(each)]
    return allowed, -min(lengths, default=sys.maxsize), len(built_in.besides), -sum(lengths), built_in.name


def custom(used: Sequence[str], service: str) -> Role:
    """Return the role that holds these actions and nothing else."""
    return Role(
        kind="cosmos" if service == "cosmos" else "custom",
        actions=tuple(str(action) for action in used if isinstance(action, ControlAction)),
        dataActions=tuple(action for action in used if not isinstance(action, ControlAction)),
    )


def _service(scope: str) -> str:
    return scope.partition("/")[0]
