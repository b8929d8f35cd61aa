"""The roles in force: those of the access model, as late as Azure notices a change.

Azure needs up to ten minutes until an assignment that was made or removed counts
(https://learn.microsoft.com/azure/role-based-access-control/troubleshooting). Meanwhile a service answers by what it
has cached: it refuses with a role that stands in every list, or allows with one that is in none.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from localcloud.authorization.model import AccessModel
from localcloud.authorization.workload import Grant


@dataclass(frozen=True, slots=True)
class Pending:
    """A role that was given or taken away, and does not count as such before `until`, a Unix time."""

    what: Literal["given", "taken"]
    grant: Grant
    until: float


class Propagation:
    """Returns, when it is called, the model with the grants that are in force.

    `seconds` is how long a change of the model's grants takes, by `clock`; 0 lets all changes count at once. All else
    of a model counts at once. `report` prints that a change is on its way.
    """

    def __init__(
        self,
        model: Callable[[], AccessModel],
        clock: Callable[[], float] = time.time,
        report: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._model = model
        self._clock = clock
        self._report = report
        self._seconds = 0.0
        self._written = self._noticed = self._effective = model()
        self._underway: list[tuple[float, AccessModel]] = []

    @property
    def seconds(self) -> float:
        return self._seconds

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self()
        self._seconds = seconds
        if not seconds:
            self._underway.clear()
            self._noticed = self._effective = self._written

    def __call__(self) -> AccessModel:
        written = self._model()
        if written is not self._written:
            self._written = written
            if self._seconds:
                self._underway.append((self._clock() + self._seconds, written))
                self._report(f"  but a role that is given or taken counts after {self._seconds:g} seconds")
            else:
                self._noticed = written
            self._effective = _with_grants_of(self._noticed, written)
        while self._underway and self._underway[0][0] <= self._clock():
            _moment, self._noticed = self._underway.pop(0)
            self._effective = _with_grants_of(self._noticed, written)
        return self._effective

    def pending(self, workload: str) -> list[Pending]:
        """Return the workload's changes that do not count yet."""
        effective = self()
        if not self._underway or workload not in self._written.workloads:
            return []
        until = self._underway[-1][0]
        written, in_force = self._written.workloads[workload].grants, effective.workloads[workload].grants
        return [
            *(Pending("given", grant, until) for grant in written if grant not in in_force),
            *(Pending("taken", grant, until) for grant in in_force if grant not in written),
        ]


def _with_grants_of(noticed: AccessModel, written: AccessModel) -> AccessModel:
    """The model as it is written, with the grants and the roles of another one. A workload that is new has none yet."""
    if noticed is written:
        return written
    grants = {name: noticed.workloads[name].grants if name in noticed.workloads else () for name in written.workloads}
    return written.changed(grants, noticed.roles)
