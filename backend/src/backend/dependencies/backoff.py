"""Pauses between attempts."""

from collections.abc import Iterator

LONGEST = 4.0  # seconds: with a call that hangs until it is given up, the end of an outage is noticed within ten or so


def backoff() -> Iterator[float]:
    """Yield the pauses in seconds: 0.5, 1, 2, then 4 again and again."""
    pause = 0.5
    while True:
        yield min(pause, LONGEST)
        pause *= 2
