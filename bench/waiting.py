"""Wait for a condition."""

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], seconds: float) -> None:
    """Return as soon as the condition holds. Raises `TimeoutError` if it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.05)
