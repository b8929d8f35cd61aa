"""The request to stop, which ends every wait of the worker."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stopping:
    """False until `begin` is called, and true from then on."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    def __bool__(self) -> bool:
        return self._begun.is_set()

    def begin(self) -> None:
        """End all waits."""
        self._begun.set()

    async def unless(self, waiting: Coroutine[Any, Any, T]) -> T | None:
        """Return or raise what the coroutine does, or return None as soon as the worker stops.

        The coroutine is then cancelled and not waited for. The SDKs tidy up over a connection that may not answer.
        """
        waits = asyncio.create_task(waiting), asyncio.create_task(self._begun.wait())
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return waits[0].result() if waits[0].done() else None
        finally:
            for wait in waits:
                wait.cancel()
