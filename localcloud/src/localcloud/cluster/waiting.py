"""Wait for a condition that other tasks bring about, up to a time limit."""

import asyncio
from collections.abc import Callable

_LOOK = 0.05  # seconds


async def holds_within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Return `True` as soon as the condition holds, `False` if it does not within `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (held := condition()):
        if asyncio.get_running_loop().time() >= deadline:
            break
        await asyncio.sleep(_LOOK)
    return held
