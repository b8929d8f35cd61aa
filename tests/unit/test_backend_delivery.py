"""One delivery: what is settled how, and what an outage costs."""

import asyncio

import pytest
from azure.servicebus.amqp import AmqpMessageBodyType
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusConnectionError
from backend.dependencies import Unavailable
from backend.process import Receipted, Rejected
from backend.tracing import add_trace_id
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.unit.backend_fakes import DONE, Queue, Running, done


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


async def test_a_stop_during_an_outage_gives_messages_back_at_once(queue: Queue) -> None:
    """Another replica need not wait for the locks to run out."""

    async def dependent(_: bytes) -> Receipted | Rejected:
        raise Unavailable("Cosmos DB", "no answer")

    queue.put(b"1")
    running = Running(queue, dependent)
    await running.until(lambda: "Cosmos DB" in running.health.missing)
    await running.stop()
    assert queue.given_back == [1]


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
