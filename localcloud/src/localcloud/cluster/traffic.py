"""Count the requests under way to one pod, so that it is stopped when there are none."""

import asyncio
import contextlib
from collections.abc import Iterator


class Traffic:
    def __init__(self) -> None:
        self._under_way = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """A request is under way within this context."""
        self._under_way += 1
        self._none.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._none.set()

    async def drained(self, within: float) -> None:
        """Return once no request is under way, or after `within` seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), within)
