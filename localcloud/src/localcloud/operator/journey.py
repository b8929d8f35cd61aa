"""Where an access token went: the exchange that issued it, and every access that it was shown for."""

import time
from collections.abc import Iterable, Iterator, Mapping
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


def lines(found: Journey) -> Iterator[str]:
    """Yield a heading and a line for each step, for the terminal."""
    yield f"The access token {found.uti}"
    if (exchange := found.exchange) is None:
        yield "  Its exchange is not in the trail any more."
    else:
        who, moment = exchange["pod"] or "A program", _time(exchange["time"])
        yield f"  {moment}  {who} presented the token of {exchange['subject']}, issued by {exchange['issuer']}"
        identity = f"{exchange['workload']} (client id {exchange['client_id']})"
        yield f"  {moment}  Entra issued it to the identity {identity} for {exchange['resource']}"
    for step in found.steps:
        entry = step.entry
        result = "allowed" if entry["allowed"] else f"denied ({entry['reason']})"
        often = f", {step.count} times, last at {_time(step.last)}" if step.count > 1 else ""
        yield f"  {_time(step.first)}  {entry['scope']}: {entry['action']} {result}{often}"
    if not found.steps:
        yield "  No service was shown it yet."


def _time(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))
