"""The receive loop: what is settled how, what an outage costs, how it stops. The queue is a fake in memory, which
keeps Service Bus's rules: a lock for each message, a delivery counted for each that is given back."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import pytest
from azure.core.credentials import AccessToken
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusConnectionError
from backend.clients import servicebus_client
from backend.credential import ObservedCredential
from backend.dependencies import Unavailable
from backend.health import Health
from backend.process import Receipted, Rejected
from backend.settings import QueueSettings
from backend.tracing import add_trace_id
from backend.worker import Receiver, Worker
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

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


@pytest.fixture
def queue() -> Queue:
    return Queue()


async def test_a_receipted_order_is_completed(queue: Queue) -> None:
    """What has its receipt and document leaves the queue."""
    queue.put(b"1", b"2", b"3")
    running = Running(queue, done)
    await running.until(lambda: len(queue.completed) == 3)
    await running.stop()
    assert (queue.locked, queue.dead, queue.given_back) == ([], [], [])


async def test_a_rejected_message_is_dead_lettered_at_once(queue: Queue) -> None:
    """Its reason and description go with it, and no delivery is wasted."""

    async def rejected(_: bytes) -> Receipted | Rejected:
        return Rejected("InvalidOrder", "order.quantity: too many")

    queue.put(b"x")
    running = Running(queue, rejected)
    await running.until(lambda: queue.dead)
    await running.stop()
    assert queue.dead == [(1, "InvalidOrder", "order.quantity: too many")]
    assert queue.given_back == []


async def test_no_more_is_received_than_is_worked_on(queue: Queue) -> None:
    """With a concurrency of 4, at most 4 messages are locked at any time, and 4 are indeed worked on at once."""
    release = asyncio.Event()

    async def slow(_: bytes) -> Receipted | Rejected:
        await release.wait()
        return DONE

    queue.put(*[b"x"] * 20)
    running = Running(queue, slow)
    await running.until(lambda: len(queue.locked) == 4)
    release.set()
    await running.until(lambda: len(queue.completed) == 20)
    await running.stop()
    assert queue.largest == 4


async def test_nothing_is_received_before_every_dependency_has_answered(queue: Queue) -> None:
    """While something is missing, messages stay in the queue; once it is there, they are worked on."""
    queue.put(b"x")
    running = Running(queue, done)
    running.health.lack("check", "Key Vault", "AADSTS700213: no matching federated identity record")
    await running.until(lambda: queue.connections == 1 and "Service Bus" not in running.health.missing)
    assert len(queue.waiting) == 1
    running.health.regain("check")
    await running.until(lambda: queue.completed)
    await running.stop()


async def test_an_outage_costs_no_delivery(queue: Queue) -> None:
    """While a dependency is down, messages are kept and nothing new is received; then all of it is receipted."""
    down = asyncio.Event()
    down.set()
    tries = 0

    async def dependent(_: bytes) -> Receipted | Rejected:
        nonlocal tries
        tries += 1
        if down.is_set():
            raise Unavailable("Cosmos DB", "no answer")
        return DONE

    queue.put(b"1", b"2", b"3")
    running = Running(queue, dependent, concurrency=1)
    await running.until(lambda: "Cosmos DB" in running.health.missing)
    assert running.health.missing == {"Cosmos DB": "no answer"}
    await running.until(lambda: tries >= 2)
    assert (len(queue.locked), len(queue.waiting)) == (1, 2)
    down.clear()
    await running.until(lambda: len(queue.completed) == 3)
    assert running.health.missing == {}
    await running.stop()
    assert queue.given_back == []


async def test_patience_ends_in_one_redelivery_and_a_check(queue: Queue) -> None:
    """A message kept for too long is given back once; nothing is received until the dependency has answered a check."""
    down = asyncio.Event()
    down.set()

    async def dependent(_: bytes) -> Receipted | Rejected:
        if down.is_set():
            raise Unavailable("Blob Storage", "refused")
        return DONE

    queue.put(b"1", b"2")
    running = Running(queue, dependent, patience=0.0, concurrency=1)
    running.answering.clear()
    await running.until(lambda: running.confirmed == ["Blob Storage"])
    assert queue.given_back == [1]
    assert running.health.missing == {"Blob Storage": "refused"}
    assert len(queue.waiting) == 2
    down.clear()
    running.answering.set()
    await running.until(lambda: len(queue.completed) == 2)
    await running.stop()
    assert queue.given_back == [1]


async def test_a_failing_message_is_held_before_it_is_given_back(queue: Queue) -> None:
    """An unexpected error neither stops the loop nor burns deliveries: others go on meanwhile."""

    async def failing(body: bytes) -> Receipted | Rejected:
        if body == b"bad":
            raise RuntimeError("unexpected")
        return DONE

    queue.put(b"bad", b"good", b"good")
    running = Running(queue, failing)
    await running.until(lambda: len(queue.completed) == 2)
    assert queue.given_back == []
    assert running.health.missing == {}
    await running.stop()
    assert queue.given_back == [1]


async def test_a_stop_finishes_what_is_in_flight(queue: Queue) -> None:
    """Unready first, nothing new received, and what was begun is completed before the link is closed."""
    release = asyncio.Event()

    async def slow(_: bytes) -> Receipted | Rejected:
        await release.wait()
        return DONE

    queue.put(b"1", b"2", b"3")
    running = Running(queue, slow, concurrency=2)
    await running.until(lambda: len(queue.locked) == 2)
    running.worker.stop()
    assert "Service Bus" in running.health.missing
    release.set()
    await running.stop()
    assert sorted(queue.completed) == [1, 2]
    assert len(queue.waiting) == 1
    assert not queue.open


async def test_a_stop_during_an_outage_gives_messages_back_at_once(queue: Queue) -> None:
    """Another replica need not wait for the locks to run out."""

    async def dependent(_: bytes) -> Receipted | Rejected:
        raise Unavailable("Cosmos DB", "no answer")

    queue.put(b"1")
    running = Running(queue, dependent)
    await running.until(lambda: "Cosmos DB" in running.health.missing)
    await running.stop()
    assert queue.given_back == [1]


async def test_a_broker_that_never_answers_is_given_up_and_tried_again() -> None:
    """It takes connections and says nothing, not even in TLS: the real SDK's receiver is given up in bounded time, the
    worker says so and connects anew, and a stop waits for none of it."""
    connections = 0
    again = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 2:
            again.set()
        while await reader.read(1024):
            pass
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        settings = QueueSettings(
            azure_servicebus_fullyqualifiednamespace="keyless.servicebus.windows.net",
            azure_servicebus_custom_endpoint_address=f"sb://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        )
        async with servicebus_client(settings, cast(ObservedCredential, AnyToken())) as client:
            health = Health()
            open_receiver = partial(client.get_queue_receiver, settings.orders_queue)
            worker = Worker(open_receiver, done, confirmed, health, concurrency=1, open_timeout=0.2)
            task = asyncio.create_task(worker.run())
            async with asyncio.timeout(10):
                await again.wait()
                assert health.missing == {"Service Bus": "not connected within 0.2 s"}
                worker.stop()
                await task


class AnyToken:
    async def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken("made up", 2_000_000_000)


async def confirmed(_: str) -> None:
    return None


async def test_a_stop_does_not_wait_for_a_connection() -> None:
    """Told to stop while the link is being opened, the worker is done at once."""
    opening = asyncio.Event()

    @asynccontextmanager
    async def hanging() -> AsyncIterator[Receiver]:
        opening.set()
        await asyncio.Event().wait()
        yield cast(Receiver, None)

    worker = Worker(hanging, done, confirmed, Health(), concurrency=1)
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(10):
        await opening.wait()
        worker.stop()
        await task


async def test_a_lost_connection_is_made_again(queue: Queue) -> None:
    """After a loss the worker is unready, connects again, and goes on."""
    queue.losses.extend([ServiceBusConnectionError(message="gone"), ServiceBusConnectionError(message="still gone")])
    queue.put(b"1")
    running = Running(queue, done)
    await running.until(lambda: running.health.missing == {"Service Bus": "gone"})
    await running.until(lambda: queue.completed)
    assert queue.connections == 3
    assert running.health.missing == {}
    await running.stop()


@pytest.mark.parametrize("error", [MessageLockLostError(), ServiceBusConnectionError(), ValueError("shutdown")])
async def test_a_settlement_that_does_not_arrive_stops_nothing(queue: Queue, error: Exception) -> None:
    """The message is delivered again by the broker; the worker goes on."""
    queue.settling = error
    queue.put(b"1")
    running = Running(queue, done)
    await running.until(lambda: queue.settlements == 1)
    queue.settling = None
    queue.put(b"2")
    await running.until(lambda: queue.completed)
    await running.stop()


async def test_a_message_without_a_data_section_is_an_empty_body(queue: Queue) -> None:
    """Whatever AMQP section a stranger sends, the order's validation sees bytes."""
    seen: list[bytes] = []

    async def seeing(body: bytes) -> Receipted | Rejected:
        seen.append(body)
        return DONE

    queue.put(b"x")
    queue.waiting[0].body_type = AmqpMessageBodyType.VALUE
    running = Running(queue, seeing)
    await running.until(lambda: queue.completed)
    await running.stop()
    assert seen == [b""]


async def test_the_senders_trace_goes_on(queue: Queue) -> None:
    """The trace id in the message's application properties is the one in every log line about it."""
    queue.put(b"x")
    queue.waiting[0].application_properties = {b"traceparent": b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-00"}
    with capture_logs(processors=[merge_contextvars, add_trace_id]) as logs:
        running = Running(queue, done)
        await running.until(lambda: queue.completed)
        await running.stop()
    (receipted,) = [line for line in logs if line["event"] == "order.receipted"]
    assert receipted["trace_id"] == "ab" * 16
    assert receipted["sequence_number"] == 1
