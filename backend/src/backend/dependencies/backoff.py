"""Pauses between attempts."""

from collections.abc import Iterator

LONGEST = 3.0  # seconds: after a call that hung until its 6 seconds were over, a pause within the 10 of a recovery


def backoff() -> Iterator[float]:
    """Yield the pauses in seconds: 0.5, 1, 2, then 3 again and again."""
    pause = 0.5
    while True:
        yield min(pause, LONGEST)
        pause *= 2
