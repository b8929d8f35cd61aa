"""The receive loop: takes messages from the queue, has each processed, and settles it.

*Prefetch and renewal.* There is no prefetch. A buffered message's lock runs but can't be renewed, so the loop asks
for one message at a time and only when it has a free hand: whatever is locked is being worked on, with its lock
renewed from the moment it is received.

*A dependency fails.* That is no message's fault, so it costs no message a delivery: the worker keeps what it holds,
locks renewed, repeats the steps with growing pauses, and receives nothing new until they succeed. Only after
`patience` is a message given back, once; and then nothing is received before the dependency answers a check. So an
outage, however long, costs each message in flight one delivery, and all the others none.

*A message fails*, and not by a dependency's absence: it is held for a pause that grows with its deliveries, then
abandoned, so that five attempts take a minute, not milliseconds. After the last, the queue dead-letters it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Protocol

import structlog
from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusReceivedMessage

from backend.access import pauses
from backend.dependencies import SERVICE_BUS, Unavailable, sentence
from backend.health import Health
from backend.messages import body_of
from backend.process import Receipted, Rejected
from backend.tracing import continued

PATIENCE = 300.0  # seconds that a message is kept while a dependency fails
WAIT = 1.0  # seconds that one receive call waits: how soon a stop is noticed
SETTLE_TIMEOUT = 20.0
FINISH_TIMEOUT = 20.0  # leaves time to close within Kubernetes' usual terminationGracePeriodSeconds of 30

log = structlog.get_logger()


class Receiver(Protocol):
    """What the worker uses of `azure.servicebus.aio.ServiceBusReceiver`."""

    async def receive_messages(
        self, max_message_count: int | None = 1, max_wait_time: float | None = None
    ) -> list[ServiceBusReceivedMessage]: ...
    async def complete_message(self, message: ServiceBusReceivedMessage) -> None: ...
    async def abandon_message(self, message: ServiceBusReceivedMessage) -> None: ...
    async def dead_letter_message(
        self, message: ServiceBusReceivedMessage, reason: str | None = None, error_description: str | None = None
    ) -> None: ...


class Worker:
    """Works on at most `concurrency` messages at once.

    `open_receiver` connects to the queue; its receivers renew the locks of what they received. `confirm` returns
    once the dependency of that name answers.
    """

    def __init__(
        self,
        open_receiver: Callable[[], AbstractAsyncContextManager[Receiver]],
        process: Callable[[bytes], Awaitable[Receipted | Rejected]],
        confirm: Callable[[str], Coroutine[Any, Any, None]],
        health: Health,
        concurrency: int,
        patience: float = PATIENCE,
    ) -> None:
        self._open_receiver = open_receiver
        self._process = process
        self._confirm = confirm
        self._health = health
        self._concurrency = concurrency
        self._patience = patience
        self._in_flight: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        health.lack(self, SERVICE_BUS, "not connected yet")

    def stop(self) -> None:
        """Unready from now on; `run` returns once what is in flight is settled."""
        self._health.lack(self, SERVICE_BUS, "stopping: nothing is received any more")
        self._stopping.set()

    async def run(self) -> None:
        """Receives until stopped, through every loss of the connection."""
        attempts = pauses(longest=10.0)
        while not self._stopping.is_set():
            self._health.turn()
            try:
                async with self._open_receiver() as receiver:
                    log.info("connected", dependency=SERVICE_BUS)
                    self._regain_queue()
                    attempts = pauses(longest=10.0)
                    await self._receive(receiver)
                    await self._finish()
            except Exception as error:  # the SDK's: while a connection goes down, it raises more than its own errors
                log.warning("no connection", dependency=SERVICE_BUS, reason=sentence(error))
                if not self._stopping.is_set():
                    self._health.lack(self, SERVICE_BUS, sentence(error))
                await self._unless_stopping(asyncio.sleep(next(attempts)))
        await self._finish()

    def _regain_queue(self) -> None:
        if not self._stopping.is_set():
            self._health.regain(self)

    async def _receive(self, receiver: Receiver) -> None:
        while not self._stopping.is_set():
            self._health.turn()
            if self._health.missing or len(self._in_flight) >= self._concurrency:
                await self._change()
                continue
            for message in await receiver.receive_messages(max_message_count=1, max_wait_time=WAIT):
                task = asyncio.create_task(self._handle(receiver, message))
                self._in_flight.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._health.changed.set()

    async def _change(self) -> None:
        """Waits until a hand is free or a dependency is back, at most as long as a receive call would."""
        self._health.changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT):
                await self._health.changed.wait()

    async def _finish(self) -> None:
        """Waits for what is in flight. What takes longer is left: its lock runs out, and it is delivered again."""
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=FINISH_TIMEOUT)
            for task in late:
                task.cancel()

    async def _handle(self, receiver: Receiver, message: ServiceBusReceivedMessage) -> None:
        """Never raises: whatever goes wrong here ends in a redelivery."""
        with continued(message):
            try:
                await self._settle(receiver, message, await self._outcome(message))
            except Unavailable as error:
                await self._abandon(receiver, message, error.message)
                await self._unless_stopping(self._confirm(error.dependency))
            except Exception as error:
                pause = min(2.0 ** (1 + (message.delivery_count or 0)), 32.0)
                log.exception("failed", pause=pause)
                await self._unless_stopping(asyncio.sleep(pause))
                await self._abandon(receiver, message, sentence(error))
            finally:
                self._health.regain(message.sequence_number)

    async def _outcome(self, message: ServiceBusReceivedMessage) -> Receipted | Rejected:
        """Raises `Unavailable` where a dependency fails for longer than we wait, or while we are stopping."""
        deadline = time.monotonic() + self._patience
        attempts = pauses(longest=30.0)
        while True:
            try:
                return await self._process(body_of(message))
            except Unavailable as error:
                pause = next(attempts)
                log.warning("waiting", dependency=error.dependency, reason=error.message, pause=pause)
                self._health.lack(message.sequence_number, error.dependency, error.message)
                if time.monotonic() + pause > deadline:
                    raise
                await self._unless_stopping(asyncio.sleep(pause))
                if self._stopping.is_set():
                    raise

    async def _settle(
        self, receiver: Receiver, message: ServiceBusReceivedMessage, outcome: Receipted | Rejected
    ) -> None:
        match outcome:
            case Receipted(document):
                if await self._told(receiver.complete_message(message)):
                    log.info("receipted", order_id=document.id, receipt=document.receipt)
            case Rejected(reason, description):
                if await self._told(receiver.dead_letter_message(message, reason, description)):
                    log.warning("dead-lettered", reason=reason, description=description)

    async def _abandon(self, receiver: Receiver, message: ServiceBusReceivedMessage, reason: str) -> None:
        if await self._told(receiver.abandon_message(message)):
            log.warning("given back", reason=reason, delivery=1 + (message.delivery_count or 0))

    async def _told(self, settling: Awaitable[None]) -> bool:
        """Whether the broker took the settlement. If not, the lock or the link is gone: it is delivered again."""
        try:
            async with asyncio.timeout(SETTLE_TIMEOUT):
                await settling
        except (AzureError, OSError, ValueError) as error:  # ValueError: the SDK's for a closed handler
            log.warning("not settled, to be delivered again", reason=sentence(error))
            return False
        return True

    async def _unless_stopping(self, waiting: Coroutine[Any, Any, None]) -> None:
        """Waits for something that is not worth waiting for once we are stopping."""
        waits = [asyncio.create_task(waiting), asyncio.create_task(self._stopping.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
