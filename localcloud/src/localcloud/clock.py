"""A clock that the operator can move: Azure's, seen from a cluster whose own clock is right, or wrong."""

import time
from collections.abc import Callable


class Clock:
    """The Unix time of `base`, and `ahead` seconds more (fewer, if it is negative)."""

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self.ahead = 0.0

    def __call__(self) -> float:
        return self._base() + self.ahead
