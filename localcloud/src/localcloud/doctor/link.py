"""One link of the chain, as the doctor judges it."""

import time
from dataclasses import dataclass
from typing import Literal

from localcloud.doctor.facts import Remedy

State = Literal["good", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One link: what it should be, what it is, and, if it is bad, what to do and where."""

    name: str
    state: State
    expected: str
    actual: str
    fix: str = ""
    place: str = ""


def bad(name: str, expected: str, actual: str, remedy: Remedy) -> ChainLink:
    """Return a broken link with its remedy."""
    return ChainLink(name, "bad", expected, actual, remedy.fix, remedy.place)


def moment(when: float) -> str:
    """Return the time of day in UTC."""
    return time.strftime("%H:%M:%S", time.gmtime(when))
