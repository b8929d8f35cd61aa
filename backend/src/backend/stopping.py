"""The wish to stop, and how whoever waits for something hears of it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stopping:
    """False until `begin` is called, true for ever after."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    def __bool__(self) -> bool:
        return self._begun.is_set()

    def begin(self) -> None:
        self._begun.set()

    async def unless(self, waiting: Coroutine[Any, Any, T]) -> T | None:
        """What the coroutine returns or raises; None as soon as we are stopping.

        It is then cancelled, but not waited for: the Azure SDKs tidy up over the connection that does not answer.
        """
        waits = asyncio.create_task(waiting), asyncio.create_task(self._begun.wait())
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return waits[0].result() if waits[0].done() else None
        finally:
            for wait in waits:
                wait.cancel()
