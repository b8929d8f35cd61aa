"""Where an access token went: the exchange that issued it, and every access that it was shown for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Any]
"""A line of the audit trail."""


@dataclass(slots=True)
class Step:
    """The accesses that differ in their time alone. `first` and `last` are Unix times, `entry` is the newest access."""

    entry: Entry
    first: float
    last: float
    count: int = 1


@dataclass(slots=True)
class Journey:
    """`exchange` is `None` if the trail no longer has it: the oldest lines are removed when the trail is full."""

    uti: str
    exchange: Entry | None = None
    steps: list[Step] = field(default_factory=list)


def journey(entries: Iterable[Entry], uti: str) -> Journey | None:
    """Return where the token with this `uti` went, or `None` if no entry has it."""
    found = Journey(uti)
    steps: dict[tuple[Any, ...], Step] = {}
    for entry in entries:
        if entry.get("uti") != uti:
            continue
        if entry["kind"] == "exchange":
            found.exchange = entry
            continue
        key = (entry["action"], entry["scope"], entry["allowed"], entry["reason"])
        step = steps.setdefault(key, Step(entry, entry["time"], entry["time"], 0))
        step.entry, step.last, step.count = entry, entry["time"], step.count + 1
    found.steps = list(steps.values())
    return found if found.exchange or found.steps else None
