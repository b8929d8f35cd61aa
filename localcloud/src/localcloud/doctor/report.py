"""Prints what the doctor found: for a broken link, what it should be, what it is, and the fix."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from localcloud.doctor.link import ChainLink

_MARKS = {"good": "✓", "bad": "✗", "unknown": "·"}


@dataclass(frozen=True, slots=True)
class Examined:
    """A workload and its links."""

    workload: str
    links: tuple[ChainLink, ...]

    @classmethod
    def of(cls, answer: dict[str, Any]) -> "Examined":
        """As the operator's socket answers it."""
        return cls(answer["workload"], tuple(ChainLink(**link) for link in answer["links"]))

    @property
    def healthy(self) -> bool:
        return all(link.state != "bad" for link in self.links)


def show(examined: Iterable[Examined], say: Callable[[str], None]) -> bool:
    """Says one line for each healthy workload and the whole chain of every other. Returns whether all are healthy."""
    healthy = True
    for each in examined:
        healthy = healthy and each.healthy
        if each.healthy:
            known = [link.name for link in each.links if link.state == "good"]
            say(f"✓ {each.workload}: {', '.join(known)}")
            continue
        say(f"✗ {each.workload}")
        for link in each.links:
            say(f"  {_MARKS[link.state]} {link.name:<16} {link.actual if link.state != 'unknown' else ''}".rstrip())
            if link.state == "bad":
                say(f"      expected  {link.expected}")
                if link.place:
                    say(f"      file      {link.place}")
                say(f"      fix       {link.fix}")
    return healthy
