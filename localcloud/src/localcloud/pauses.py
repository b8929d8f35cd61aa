"""The pauses between tries of what fails: whatever is tried again here waits, and longer each time."""

import time
from collections.abc import Callable


class Pauses:
    """Each pause is twice the one before, from `first` up to `longest` seconds.

    Once `forgotten_after` seconds have passed since the last pause ended, the next one is the first again.
    """

    def __init__(
        self, first: float, longest: float, forgotten_after: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first = first
        self._longest = longest
        self._forgotten_after = forgotten_after
        self._clock = clock
        self._last = 0.0
        self._ended = clock()

    def next(self) -> float:
        """The pause that begins now, in seconds."""
        now = self._clock()
        if now - self._ended > self._forgotten_after:
            self._last = 0.0
        self._last = min(max(self._first, 2 * self._last), self._longest)
        self._ended = now + self._last
        return self._last
