"""A queue in memory that keeps Service Bus's rules, a lock for each message and a delivery counted for each that is
given back; and a worker at work on it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from azure.servicebus.amqp import AmqpMessageBodyType
from backend.health import Health
from backend.process import Receipted, Rejected
from backend.worker import Receiver, Worker

from contract import Order, OrderDocument

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


@dataclass
class Message:
    """What the worker reads of a received message."""

    sequence_number: int
    content: bytes
    delivery_count: int = 0
    application_properties: dict[bytes, bytes] = field(default_factory=dict)
    body_type: AmqpMessageBodyType = AmqpMessageBodyType.DATA

    @property
    def body(self) -> list[bytes]:
        return [self.content]


class Queue:
    """A queue and the connection to it."""

    def __init__(self) -> None:
        self.waiting: deque[Message] = deque()
        self.locked: list[Message] = []
        self.completed: list[int] = []
        self.dead: list[tuple[int, str | None, str | None]] = []
        self.given_back: list[int] = []
        self.connections = 0
        self.losses: deque[Exception] = deque()
        self.settling: Exception | None = None
        self.largest = 0
        self.settlements = 0
        self.open = False

    def put(self, *contents: bytes) -> None:
        for content in contents:
            self.waiting.append(Message(len(self.waiting) + 1, content))

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Receiver]:
        self.connections += 1
        self.open = True
        yield cast(Receiver, self)
        self.open = False

    async def receive_messages(
        self, max_message_count: int | None = 1, max_wait_time: float | None = None
    ) -> list[Message]:
        assert max_message_count == 1, "more than there are free hands for"
        assert max_wait_time, "a wait without end can't be stopped"
        if self.losses:
            raise self.losses.popleft()
        if not self.waiting:
            await asyncio.sleep(0.01)
            return []
        message = self.waiting.popleft()
        self.locked.append(message)
        self.largest = max(self.largest, len(self.locked))
        return [message]

    def _settle(self, message: Message) -> None:
        assert self.open, "settled after the link was closed"
        self.settlements += 1
        if self.settling:
            raise self.settling
        self.locked.remove(message)

    async def complete_message(self, message: Message) -> None:
        self._settle(message)
        self.completed.append(message.sequence_number)

    async def abandon_message(self, message: Message) -> None:
        self._settle(message)
        self.given_back.append(message.sequence_number)
        message.delivery_count += 1
        self.waiting.appendleft(message)

    async def dead_letter_message(
        self, message: Message, reason: str | None = None, error_description: str | None = None
    ) -> None:
        self._settle(message)
        self.dead.append((message.sequence_number, reason, error_description))


Process = Callable[[bytes], Awaitable[Receipted | Rejected]]


class Running:
    """A worker at work on a fake queue."""

    def __init__(self, queue: Queue, process: Process, patience: float = 60.0, concurrency: int = 4) -> None:
        self.queue = queue
        self.health = Health()
        self.confirmed: list[str] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.worker = Worker(queue.connect, process, self.confirm, self.health, concurrency, patience)
        self.task = asyncio.create_task(self.worker.run())

    async def confirm(self, dependency: str) -> None:
        self.confirmed.append(dependency)
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
