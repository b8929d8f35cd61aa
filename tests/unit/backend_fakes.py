"""A queue in memory with Service Bus's rules, and a worker at work on it.

A message that is received is locked. One that is abandoned is delivered again, and its deliveries are counted.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from backend.amqp.encoded_messages import decode
from backend.dependencies.health import Health
from backend.orders.handler import Receipted, Rejected
from backend.queue.worker import Worker
from contract import Order, OrderDocument
from tests import amqp_messages as m

ORDER = Order(product="Lantern", quantity=1)
DONE = Receipted(
    OrderDocument.model_validate(
        {
            "id": "a" * 32,
            "customerId": "b" * 32,
            "order": ORDER,
            "digest": ORDER.digest(),
            "acceptedAt": "2026-11-24T12:00:00Z",
            "receiptedAt": "2026-11-24T12:00:01Z",
            "receipt": "r",
        }
    )
)


def received(encoded: bytes, sequence_number: int = 1, delivery_count: int = 0) -> ServiceBusReceivedMessage:
    """An encoded message as the SDK hands it over, with what a broker puts in front of it."""
    header = m.section(m.HEADER, m.list_of(m.NULL, m.NULL, m.NULL, m.NULL, m.uint(delivery_count)))
    annotations = m.message(annotations=[("x-opt-sequence-number", m.long(sequence_number))])
    return ServiceBusReceivedMessage(decode(memoryview(header + annotations + encoded)), receiver=None)


class Queue:
    """A queue and the connection to it."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.waiting: deque[ServiceBusReceivedMessage] = deque()
        self.locked: list[ServiceBusReceivedMessage] = []
        self.arrived = asyncio.Event()
        self.completed: list[int] = []
        self.dead: list[tuple[int, str | None, str | None]] = []
        self.given_back: list[int] = []
        self.connections = 0
        self.calls = 0
        self.asked: list[int] = []  # how many messages each call asked for
        self.losses: deque[Exception] = deque()
        self.deaths = 0  # of receivers to come
        self.silent = 0  # how many of the first receivers get no answer
        self.settling: Exception | None = None
        self.largest = 0
        self.settlements = 0
        self.peeks = 0

    def put(self, *contents: bytes) -> None:
        """Put messages into the queue whose bodies are data sections."""
        self.put_encoded(*(m.message(m.data(content)) for content in contents))

    def put_encoded(self, *messages: bytes) -> None:
        for encoded in messages:
            self.messages.append(encoded)
            self.waiting.append(received(encoded, len(self.messages)))
        self.arrived.set()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[ServiceBusReceiver]:
        self.connections += 1
        connection = Connection(self, silent=self.connections <= self.silent)
        yield cast(ServiceBusReceiver, connection)
        connection.open = False


class Connection:
    """A receiver. If the queue says so it is dead, and returns nothing at once, as one of the SDK's does."""

    def __init__(self, queue: Queue, silent: bool) -> None:
        self.queue = queue
        self.silent = silent
        self.open = True
        self.dead = False

    async def receive_messages(
        self, max_message_count: int | None = 1, max_wait_time: float | None = None
    ) -> list[ServiceBusReceivedMessage]:
        assert max_message_count, "none is asked for"
        assert max_wait_time, "a wait without end can't be stopped"
        queue = self.queue
        queue.calls += 1
        queue.asked.append(max_message_count)
        if queue.losses:
            raise queue.losses.popleft()
        if self.dead or queue.deaths:
            if not self.dead:
                queue.deaths -= 1
            self.dead = True
            assert queue.calls < 1_000, "the loop spins"
            return []
        if self.silent:
            await asyncio.sleep(max_wait_time)
            return []
        if not queue.waiting:
            queue.arrived.clear()
            try:
                async with asyncio.timeout(max_wait_time):
                    await queue.arrived.wait()
            except TimeoutError:
                return []  # what was given back meanwhile, the next call receives
        messages = [queue.waiting.popleft() for _ in range(min(max_message_count, len(queue.waiting)))]
        queue.locked.extend(messages)
        queue.largest = max(queue.largest, len(queue.locked))
        return messages

    async def peek_messages(self, max_message_count: int = 1) -> list[ServiceBusReceivedMessage]:
        self.queue.peeks += 1
        if self.silent:
            await asyncio.Event().wait()
        return list(self.queue.waiting)[:max_message_count]

    def _settle(self, message: ServiceBusReceivedMessage) -> int:
        assert self.open, "settled after the link was closed"
        self.queue.settlements += 1
        if self.queue.settling:
            raise self.queue.settling
        self.queue.locked.remove(message)
        return message.sequence_number or 0

    async def complete_message(self, message: ServiceBusReceivedMessage) -> None:
        self.queue.completed.append(self._settle(message))

    async def abandon_message(self, message: ServiceBusReceivedMessage) -> None:
        number = self._settle(message)
        self.queue.given_back.append(number)
        deliveries = (message.delivery_count or 0) + 1
        self.queue.waiting.appendleft(received(self.queue.messages[number - 1], number, deliveries))

    async def dead_letter_message(
        self, message: ServiceBusReceivedMessage, reason: str | None = None, error_description: str | None = None
    ) -> None:
        self.queue.dead.append((self._settle(message), reason, error_description))


HandleOrder = Callable[[bytes], Awaitable[Receipted | Rejected]]


class Running:
    """A worker at work on a fake queue."""

    def __init__(self, queue: Queue, handle_order: HandleOrder, patience: float = 60.0, concurrency: int = 4) -> None:
        self.queue = queue
        self.health = Health()
        self.waited_for: list[str] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.delivered_before: list[bool] = []  # as the handler was told, call by call

        async def handle(body: bytes, delivered_before: bool) -> Receipted | Rejected:
            self.delivered_before.append(delivered_before)
            return await handle_order(body)

        self.worker = Worker(
            queue.connect, handle, self.wait_for, self.health, concurrency, patience, wait=0.05, quiet=0.1
        )
        self.task = asyncio.create_task(self.worker.run())

    async def wait_for(self, dependency: str) -> None:
        self.waited_for.append(dependency)
        await self.answering.wait()

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                assert not self.task.done(), self.task
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self.worker.stop()
        async with asyncio.timeout(10):
            await self.task


async def done(_: bytes) -> Receipted | Rejected:
    return DONE


async def receipted_at_once(_: bytes, _delivered_before: bool) -> Receipted | Rejected:
    return DONE
