"""Azure's clock, which the operator can move. The pods' clock stays as it is."""

import time
from collections.abc import Callable


class Clock:
    """Return the Unix time of `base` plus `ahead` seconds."""

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self.ahead = 0.0

    def __call__(self) -> float:
        return self._base() + self.ahead
