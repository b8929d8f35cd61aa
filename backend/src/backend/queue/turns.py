"""Turns on a receiver's connection: one call that receives, then all settlements that wait, and so on.

The SDK (azure-servicebus 7.15) lets nobody write to a connection while somebody waits to read from it, for up to 0.2
seconds. So calls that are made at the same time wait for each other, and a worker is bound by that and not by its
concurrency. Settlements that begin together are written together, and one round trip answers them all.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

_Settle = Callable[[], Awaitable[None]]


class TurnTakingReceiver:
    """A receiver whose calls take turns. A settlement that has no answer after `answer` seconds gives its turn up."""

    def __init__(self, receiver: ServiceBusReceiver, answer: float) -> None:
        self._receiver = receiver
        self._answer = answer
        self._turn = asyncio.Lock()
        self._waiting: list[tuple[_Settle, asyncio.Future[None]]] = []
        self._settling: set[asyncio.Task[None]] = set()

    async def receive_messages(self, **options: Any) -> list[ServiceBusReceivedMessage]:
        """Receive messages, as the SDK's receiver does."""
        async with self._turn:
            return await self._receiver.receive_messages(**options)

    async def peek_messages(self, **options: Any) -> list[ServiceBusReceivedMessage]:
        """Peek at messages, as the SDK's receiver does."""
        async with self._turn:
            return await self._receiver.peek_messages(**options)

    async def complete_message(self, message: ServiceBusReceivedMessage) -> None:
        """Complete the message with the next settlements."""
        await self._settle(partial(self._receiver.complete_message, message))

    async def abandon_message(self, message: ServiceBusReceivedMessage) -> None:
        """Abandon the message with the next settlements."""
        await self._settle(partial(self._receiver.abandon_message, message))

    async def dead_letter_message(
        self, message: ServiceBusReceivedMessage, reason: str, error_description: str
    ) -> None:
        """Dead-letter the message with the next settlements."""
        settle = partial(self._receiver.dead_letter_message, reason=reason, error_description=error_description)
        await self._settle(partial(settle, message))

    async def _settle(self, settle: _Settle) -> None:
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((settle, settled))
        if len(self._waiting) == 1:
            task = asyncio.create_task(self._settle_all())
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)
        await settled

    async def _settle_all(self) -> None:
        """Make all settlements that wait when the turn comes."""
        async with self._turn:
            together, self._waiting = self._waiting, []
            await asyncio.gather(*(self._try(settle, settled) for settle, settled in together))

    async def _try(self, settle: _Settle, settled: asyncio.Future[None]) -> None:
        """Settle, unless the caller has left. The caller gets the error, if there is one."""
        if settled.done():
            return
        try:
            async with asyncio.timeout(self._answer):
                await settle()
        except Exception as error:
            if not settled.done():
                settled.set_exception(error)
        else:
            if not settled.done():
                settled.set_result(None)
