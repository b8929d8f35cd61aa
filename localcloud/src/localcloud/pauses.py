"""Pauses between retries, each longer than the one before."""

import time
from collections.abc import Callable


class Pauses:
    """Double each pause, from `first` up to `longest` seconds.

    Once `forgotten_after` seconds have passed since a pause ended, the next one is `first` again.
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
        """Return the pause that begins now, in seconds."""
        now = self._clock()
        if now - self._ended > self._forgotten_after:
            self._last = 0.0
        self._last = min(max(self._first, 2 * self._last), self._longest)
        self._ended = now + self._last
        return self._last
