"""What Entra and the services refused, in words, with what to do about it."""

from collections.abc import Container
from dataclasses import dataclass

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.guard import NO_GRANT
from localcloud.dashboard.activity import Activity, Group
from localcloud.operator.summary import short_action


@dataclass(frozen=True, slots=True)
class Refusal:
    """`last` is a Unix time. `is_over` says whether the same has succeeded since, or the pod is gone."""

    who: str
    what: str
    reason: str
    fix: str | None
    uti: str | None
    last: float
    count: int
    is_over: bool


def refusals(activity: Activity, pods: Container[str] | None) -> list[Refusal]:
    """Return the refusals of this run, first those that still hold, the newest first. `pods` are those that run."""
    found = [
        *(_of_exchange(group, _is_over(activity, group, pods)) for group in activity.refused_exchanges()),
        *(_of_access(group, _is_over(activity, group, pods)) for group in activity.denied_accesses()),
    ]
    return sorted(found, key=lambda refusal: (refusal.is_over, -refusal.last))


def _is_over(activity: Activity, group: Group[ExchangeEntry] | Group[AccessEntry], pods: Container[str] | None) -> bool:
    pod = group.entry.pod
    gone = pods is not None and pod is not None and pod not in pods
    return gone or activity.has_succeeded_since(group)


def _of_exchange(group: Group[ExchangeEntry], is_over: bool) -> Refusal:
    entry = group.entry
    return Refusal(
        who=entry.pod or entry.subject or entry.client_id,
        what=f"Entra issued no token: {entry.result}",
        reason=entry.detail or "",
        fix=group.fix,
        uti=None,
        last=group.last,
        count=group.count,
        is_over=is_over,
    )


def _of_access(group: Group[AccessEntry], is_over: bool) -> Refusal:
    entry = group.entry
    return Refusal(
        who=entry.pod or entry.workload or entry.principal or "an unknown caller",
        what=f"{short_action(entry.action)} on {entry.scope} was denied",
        reason="" if entry.reason == NO_GRANT else entry.reason or "",
        fix=group.fix,
        uti=entry.uti,
        last=group.last,
        count=group.count,
        is_over=is_over,
    )
