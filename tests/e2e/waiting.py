"""Awaits a condition: asks again until it holds, or fails with the last answer."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(ask: Callable[[], T], good: Callable[[T], bool], timeout: float = 30) -> T:
    """The first answer that is good."""
    deadline = time.monotonic() + timeout
    while True:
        answer = ask()
        if good(answer):
            return answer
        assert time.monotonic() < deadline, f"still not so after {timeout:g} s: {answer!r}"
        time.sleep(0.05)
