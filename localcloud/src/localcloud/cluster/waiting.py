"""Waiting for what other tasks bring about, with an end to the patience."""

import asyncio
from collections.abc import Callable

_LOOK = 0.05  # seconds


async def holds_within(seconds: float, condition: Callable[[], bool]) -> bool:
    """True as soon as the condition holds, false when it does not within `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (held := condition()):
        if asyncio.get_running_loop().time() >= deadline:
            break
        await asyncio.sleep(_LOOK)
    return held
