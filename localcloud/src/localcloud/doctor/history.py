"""The last answer to each pod and each workload, by the audit trail of this run."""

from collections import OrderedDict
from typing import TypeVar

from localcloud.authorization.audit import AccessEntry, ExchangeEntry

_MOST = 5_000  # entries kept: a caller chooses what a trail says, so the oldest go

K = TypeVar("K")
V = TypeVar("V")


class History:
    """Listens to the audit trail."""

    def __init__(self) -> None:
        self._exchanges: OrderedDict[str, ExchangeEntry] = OrderedDict()
        self._accesses: OrderedDict[tuple[str, str, str], AccessEntry] = OrderedDict()

    def hear(self, entry: ExchangeEntry | AccessEntry) -> None:
        if isinstance(entry, ExchangeEntry):
            if entry.pod:
                _put(self._exchanges, entry.pod, entry)
        elif entry.pod:
            _put(self._accesses, (entry.pod, entry.action, entry.scope), entry)

    def exchange_of(self, pod: str) -> ExchangeEntry | None:
        """The last exchange that the pod asked for."""
        return self._exchanges.get(pod)

    def accesses_of(self, pod: str) -> list[AccessEntry]:
        """The last answer to each access that the pod asked for, the newest last."""
        return [entry for (whose, _action, _scope), entry in self._accesses.items() if whose == pod]


def _put(entries: OrderedDict[K, V], key: K, entry: V) -> None:
    entries[key] = entry
    entries.move_to_end(key)
    if len(entries) > _MOST:
        entries.popitem(last=False)
