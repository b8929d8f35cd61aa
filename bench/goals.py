"""What the measurements must show: each goal is a ratio of two figures of the same run."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bench.run import CLIENTS, DELAY, ON_LINK, Measured

MOST = CLIENTS[-1]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds, the least and the largest."""

    median: float
    least: float
    largest: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.least:.3g} to {self.largest:.3g})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal and what was measured. `at_least` tells whether the figure must reach the goal, or stay below it."""

    what: str
    figure: Spread
    goal: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        """Whether the median meets the goal."""
        return self.figure.median >= self.goal if self.at_least else self.figure.median <= self.goal


def spread(figures: Iterable[float]) -> Spread:
    """Return the median of the rounds with their spread."""
    ordered = sorted(figures)
    return Spread(statistics.median(ordered), ordered[0], ordered[-1])


def verdicts(measured: Measured) -> list[Verdict]:
    """Return every goal with its figure: the ratio in each round, and the median of these ratios."""
    accepted, half, link = measured.accepted, measured.half_load, measured.on_link
    keyless = accepted["Keyless", MOST]
    few, many = ON_LINK
    return [
        Verdict(f"orders accepted, of a no-op route's, {MOST} clients",
                _ratio(keyless, accepted["no-op route", MOST], lambda r: r.rate), 0.8),
        Verdict(f"orders accepted, of the bare SDK's, {MOST} clients",
                _ratio(keyless, accepted["bare SDK", MOST], lambda r: r.rate), 1.0),
        Verdict(f"orders accepted, of the obvious way's, {MOST} clients",
                _ratio(keyless, accepted["obvious way", MOST], lambda r: r.rate), 20.0),
        Verdict("p99 at half load, of a no-op route's",
                _ratio(half["Keyless"], half["no-op route"], lambda r: r.p99), 3.0, at_least=False),
        Verdict("orders receipted, of the bare SDK's steps",
                _ratio(measured.receipted["Keyless"], measured.receipted["bare SDK"], lambda r: r.rate), 0.9),
        Verdict(f"the same with {DELAY:g} ms of delay, {many} at once",
                _ratio(link["Keyless", many], link["bare SDK", many], lambda r: r.rate), 0.9),
        Verdict(f"orders receipted {many} at once, of {few} at once, {DELAY:g} ms of delay",
                _ratio(link["Keyless", many], link["Keyless", few], lambda r: r.rate), 0.8 * many / few),
    ]  # fmt: skip


def _ratio(results: Sequence[Result], ceiling: Sequence[Result], figure: Callable[[Result], float]) -> Spread:
    return spread(figure(one) / figure(other) for one, other in zip(results, ceiling, strict=True))
