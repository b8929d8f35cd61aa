"""What is seen of a broken application, place by place, beside what the lab predicted."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo.lab.bench import Bench
from demo.lab.lab import Lab

_PATIENCE = 60.0  # seconds
_LOOK = 0.2  # seconds
_QUOTED = 90  # characters around what was predicted


@dataclass(slots=True)
class Observation:
    """`seen` says, for each place, the sentence that has what was predicted and after how many seconds it stood there.

    `missing` are the places that never had it, with what they had. `links` is what the doctor named. `mended` is after
    how many seconds it was well again, and `unmended` what was still wrong when that took too long.
    """

    seen: dict[str, tuple[str, float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    links: list[dict[str, Any]] = field(default_factory=list)
    mended: float = 0.0
    unmended: str = ""

    def differences(self, lab: Lab) -> list[str]:
        """What was predicted and not seen, in sentences."""
        said = [f"{place} did not show {lab.shows[place]!r}: {text}" for place, text in self.missing.items()]  # type: ignore[index]
        named = sorted({(link["workload"], link["name"]) for link in self.links})
        causes = sorted((workload, lab.link) for workload in (lab.workload, *lab.also))
        if named != causes:
            broken = " and of ".join((lab.workload, *lab.also))
            said.append(f"the doctor named {named or 'nothing'}, and the cause is the {lab.link} of {broken}")
        return [*said, f"it was mended, and not well: {self.unmended}"] if self.unmended else said


class Watch:
    """Begins before the change, so that nothing from before it counts."""

    def __init__(self, bench: Bench, lab: Lab) -> None:
        self._bench = bench
        self._lab = lab
        self._said = max((number for number, _line in bench.terminal(0)), default=0)
        self._entries = len(bench.trail())
        self._began = time.monotonic()

    def until_seen(self) -> Observation:
        """Returns as soon as every place shows what was predicted and the doctor names one cause, or after a minute."""
        observation = Observation()
        places: dict[str, Callable[[], str]] = {
            "terminal": self._terminal,
            "/readyz": lambda: self._bench.readyz(self._lab.workload),
            "page": self._bench.page,
            "audit": self._audit,
        }
        while True:
            for place, predicted in self._lab.shows.items():
                if place in observation.seen or (place == "page" and len(observation.seen) < len(self._lab.shows) - 1):
                    continue  # the page is asked last, when the fault shows everywhere else
                text = places[place]()
                if _has(text, predicted):
                    observation.seen[place] = (_around(text, predicted), self._seconds())
                    observation.missing.pop(place, None)
                else:
                    observation.missing[place] = text[-500:]
            observation.links = self._bench.doctor()
            if not observation.differences(self._lab) or self._seconds() > _PATIENCE:
                return observation
            time.sleep(_LOOK)

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _terminal(self) -> str:
        return self._bench.in_checkout("\n".join(line for _number, line in self._bench.terminal(self._said)))

    def _audit(self) -> str:
        return "\n".join(_line(entry) for entry in self._bench.trail()[self._entries :])


def _has(text: str, predicted: str) -> bool:
    """Whether it has what was predicted; if that is a number, it is the status, which stands in front."""
    return text.startswith(predicted) if predicted.isdigit() else predicted in text


def _line(entry: dict[str, Any]) -> str:
    who = entry.get("pod") or entry.get("workload") or entry.get("principal")
    if entry["kind"] == "exchange":
        return f"{who}: {entry['result']} {entry['detail'] or ''}"
    return f"{who}: {'allowed' if entry['allowed'] else 'denied'} {entry['action']} on {entry['scope']}"


def _around(text: str, predicted: str) -> str:
    """The line or the sentence of a JSON answer that has it, cut on both sides of it if it is long."""
    line = next(line for line in text.splitlines() if predicted in line)
    body = line.partition(" ")[2]
    if body.startswith("{"):
        line = str(json.loads(body).get("detail", body))
    if line.startswith("200 <") or re.match(r"\d{3} <", line):
        return line[:3]
    at = max(0, line.find(predicted))
    start, end = max(0, at - _QUOTED), at + len(predicted) + _QUOTED
    return f"{'… ' if start else ''}{line[start:end].strip()}{' …' if end < len(line) else ''}"
