"""What happened since the local cloud started. Entries of the audit trail that say the same are one group."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.operator.advice import Advice
from localcloud.operator.attempts import without_attempt

_MOST = 500  # groups and tokens that are kept: callers choose what a trail says, so the oldest go

E = TypeVar("E", ExchangeEntry, AccessEntry)
V = TypeVar("V")


@dataclass(slots=True)
class Group(Generic[E]):
    """Equal entries: `entry` is the newest of them, `first` and `last` are Unix times. `fix` is for a refusal."""

    entry: E
    first: float
    last: float
    count: int = 1
    fix: str | None = None


@dataclass(slots=True)
class IssuedToken:
    """An access token: the exchange that issued it, and how many accesses it was shown for."""

    entry: ExchangeEntry
    issued: float
    allowed: int = 0
    denied: int = 0


@dataclass(slots=True)
class Totals:
    """How often each happened, equal entries counted apart."""

    issued: int = 0
    refused: int = 0
    allowed: int = 0
    denied: int = 0


class Activity:
    """Listens to the audit trail. `changes` grows with each entry."""

    def __init__(self, advice: Advice, clock: Callable[[], float]) -> None:
        self._advice = advice
        self._clock = clock
        self._exchanges: OrderedDict[Hashable, Group[ExchangeEntry]] = OrderedDict()
        self._accesses: OrderedDict[Hashable, Group[AccessEntry]] = OrderedDict()
        self._tokens: OrderedDict[Hashable, IssuedToken] = OrderedDict()
        self.totals = Totals()
        self.changes = 0

    def hear(self, entry: ExchangeEntry | AccessEntry) -> None:
        self.changes += 1
        if isinstance(entry, ExchangeEntry):
            self._hear_exchange(entry)
        else:
            self._hear_access(entry)

    def refused_exchanges(self) -> Iterator[Group[ExchangeEntry]]:
        """The newest first."""
        return (group for group in reversed(self._exchanges.values()) if group.entry.result != "ok")

    def denied_accesses(self) -> Iterator[Group[AccessEntry]]:
        """The newest first."""
        return (group for group in self.accesses() if not group.entry.allowed)

    def accesses(self) -> Iterator[Group[AccessEntry]]:
        """The newest first."""
        return reversed(self._accesses.values())

    def tokens(self) -> Iterator[IssuedToken]:
        """The newest first."""
        return reversed(self._tokens.values())

    def has_succeeded_since(self, group: Group[ExchangeEntry] | Group[AccessEntry]) -> bool:
        """Whether what was refused has succeeded since: the same access, or any exchange of the same pod."""
        refused = group.entry
        if isinstance(refused, AccessEntry):
            return any(
                each.last > group.last
                and each.entry.allowed
                and (each.entry.workload, each.entry.action, each.entry.scope)
                == (refused.workload, refused.action, refused.scope)
                for each in self._accesses.values()
            )
        return any(
            each.last > group.last and each.entry.result == "ok" and _caller(each.entry) == _caller(refused)
            for each in self._exchanges.values()
        )

    def _hear_exchange(self, entry: ExchangeEntry) -> None:
        issued = entry.result == "ok"
        if issued:
            self.totals.issued += 1
        else:
            self.totals.refused += 1
        key = (_caller(entry), entry.resource, entry.result, without_attempt(entry.detail or ""))
        group = self._group(self._exchanges, key, entry)
        if not issued and group.count == 1:
            group.fix = self._advice.on_exchange(entry)
        if issued and entry.uti:
            _put(self._tokens, entry.uti, IssuedToken(entry, group.last))

    def _hear_access(self, entry: AccessEntry) -> None:
        token = self._tokens.get(entry.uti)
        if entry.allowed:
            self.totals.allowed += 1
        else:
            self.totals.denied += 1
        if token is not None:
            token.allowed += entry.allowed
            token.denied += not entry.allowed
        key = (entry.pod, entry.workload, entry.principal, entry.action, entry.scope, entry.allowed, entry.reason)
        group = self._group(self._accesses, key, entry)
        if not entry.allowed and group.count == 1:
            group.fix = self._advice.on_access(entry)

    def _group(self, groups: OrderedDict[Hashable, Group[E]], key: Hashable, entry: E) -> Group[E]:
        now = self._clock()
        group = groups.get(key)
        if group is None:
            group = Group(entry, now, now)
        else:
            group.entry, group.last, group.count = entry, now, group.count + 1
        _put(groups, key, group)
        return group


def _caller(entry: ExchangeEntry) -> str:
    return entry.pod or entry.subject or entry.client_id


def _put(kept: OrderedDict[Hashable, V], key: Hashable, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > _MOST:
        kept.popitem(last=False)
