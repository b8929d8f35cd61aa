"""Server-sent events: a line whenever something on the dashboard has changed.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

_LOOK = 0.5  # seconds


class Live:
    """Streams of changes, until `close`. `state` returns what is shown; it is compared with the last."""

    def __init__(self, state: Callable[[], object]) -> None:
        self._state = state
        self._closing = asyncio.Event()

    async def changes(self) -> AsyncIterator[str]:
        """Yield one event at once, and one for each change. Several changes within half a second are one."""
        yield "retry: 1000\n"
        shown: object = None
        while not self._closing.is_set():
            state = self._state()
            if state != shown:
                shown = state
                yield "data: changed\n\n"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _LOOK)

    def close(self) -> None:
        """End every stream, so that an open page does not delay the end of the program."""
        self._closing.set()
