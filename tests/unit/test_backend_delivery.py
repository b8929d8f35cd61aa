"""One delivery: how the message is settled, and what an outage costs."""

import asyncio
from collections.abc import MutableMapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusConnectionError
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from backend.dependencies.dependency import Unavailable
from backend.orders.handler import Receipted, Rejected
from tests import amqp_messages as m
from tests.unit.backend_fakes import DONE, Queue, Running, done, received
from workload.failure import Failure
from workload.tracing import add_trace_id


@pytest.fixture
def queue() -> Queue:
    return Queue()


async def test_a_receipted_order_is_completed(queue: Queue) -> None:
    """A message whose order has its receipt and document leaves the queue."""
    queue.put(b"1", b"2", b"3")
    running = Running(queue, done)
    await running.until(lambda: len(queue.completed) == 3)
    await running.stop()
    assert (queue.locked, queue.dead, queue.given_back) == ([], [], [])


async def test_a_rejected_message_is_dead_lettered_at_once(queue: Queue) -> None:
    """It is dead-lettered with its reason and description, after one delivery."""

    async def rejected(_: bytes) -> Receipted | Rejected:
        return Rejected("InvalidOrder", "order.quantity: too many")

    queue.put(b"x")
    running = Running(queue, rejected)
    await running.until(lambda: queue.dead)
    await running.stop()
    assert queue.dead == [(1, "InvalidOrder", "order.quantity: too many")]
    assert queue.given_back == []


async def test_an_outage_costs_no_delivery(queue: Queue) -> None:
    """While a dependency is down, messages are kept and none is received. Then all are receipted."""
    down = asyncio.Event()
    down.set()
    tries = 0

    async def dependent(_: bytes) -> Receipted | Rejected:
        nonlocal tries
        tries += 1
        if down.is_set():
            raise Unavailable("Cosmos DB", Failure(None, "Down", "no answer"))
        return DONE

    queue.put(b"1", b"2", b"3")
    running = Running(queue, dependent, concurrency=1)
    await running.until(lambda: "Cosmos DB" in running.health.missing)
    assert running.health.missing == {"Cosmos DB": "Down: no answer"}
    await running.until(lambda: tries >= 2)
    assert (len(queue.locked), len(queue.waiting)) == (1, 2)
    down.clear()
    await running.until(lambda: len(queue.completed) == 3)
    assert running.health.missing == {}
    await running.stop()
    assert queue.given_back == []


async def test_a_pause_is_as_long_as_the_service_asks_for(queue: Queue) -> None:
    """If a service says when to come back, the call is repeated then, and not after the worker's own pause."""
    tries = 0

    async def throttled(_: bytes) -> Receipted | Rejected:
        nonlocal tries
        tries += 1
        if tries < 6:
            raise Unavailable("Cosmos DB", Failure(429, "Busy", "too many requests", retry_after=0.01))
        return DONE

    queue.put(b"1")
    with capture_logs() as logs:
        running = Running(queue, throttled)
        await running.until(lambda: queue.completed)
        await running.stop()
    assert [line["pause"] for line in logs if line["event"] == "message.waiting"] == [0.01] * 5


async def test_patience_ends_in_one_redelivery_and_a_check(queue: Queue) -> None:
    """A message is kept for `patience`, then abandoned once. None is received until the dependency passes a check."""
    down = asyncio.Event()
    down.set()

    async def dependent(_: bytes) -> Receipted | Rejected:
        if down.is_set():
            raise Unavailable("Blob Storage", Failure(None, "Down", "refused"))
        return DONE

    queue.put(b"1", b"2")
    running = Running(queue, dependent, patience=0.0, concurrency=1)
    running.answering.clear()
    await running.until(lambda: running.waited_for == ["Blob Storage"])
    assert queue.given_back == [1]
    assert running.health.missing == {"Blob Storage": "Down: refused"}
    assert len(queue.waiting) == 2
    down.clear()
    running.answering.set()
    await running.until(lambda: len(queue.completed) == 2)
    await running.stop()
    assert queue.given_back == [1]


async def test_a_failing_message_is_held_before_it_is_given_back(queue: Queue) -> None:
    """An unexpected error does not stop the loop, and costs no delivery at once. Others are handled meanwhile."""

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
    """So another replica need not wait until the locks run out."""

    async def dependent(_: bytes) -> Receipted | Rejected:
        raise Unavailable("Cosmos DB", Failure(None, "Down", "no answer"))

    queue.put(b"1")
    running = Running(queue, dependent)
    await running.until(lambda: "Cosmos DB" in running.health.missing)
    await running.stop()
    assert queue.given_back == [1]


@pytest.mark.parametrize(
    "error",
    [MessageLockLostError(), ServiceBusConnectionError(), ValueError("shutdown"), AttributeError("flow"), KeyError(0)],
)
async def test_a_settlement_that_does_not_arrive_stops_nothing(queue: Queue, error: Exception) -> None:
    """The broker delivers the message again, and the worker goes on."""
    queue.settling = error
    queue.put(b"1")
    running = Running(queue, done)
    await running.until(lambda: queue.settlements == 1)
    queue.settling = None
    queue.put(b"2")
    await running.until(lambda: queue.completed)
    await running.stop()


@pytest.mark.parametrize(
    ("message", "reason", "description"),
    [
        (m.message(m.value(m.string("{}"))), "InvalidOrder", "the body is an AMQP value; "),
        (m.message(m.value(m.map_of())), "InvalidOrder", "the body is an AMQP value; "),
        (m.message(m.sequence(m.string("{}"))), "InvalidOrder", "the body is an AMQP sequence; "),
        (m.message(m.value(m.NULL)), "InvalidOrder", "the body is missing or null; "),
        (m.message(), "InvalidOrder", "the body is missing or null; "),
        (
            m.message(m.data(b"x"), [("p", m.UNDECODABLE["char"])]),
            "Undecodable",
            "azure-servicebus can't decode its app",
        ),
        (m.message(m.value(m.nested(200))), "Undecodable", "azure-servicebus can't decode its body: "),
        (b"\x00\x53\x79\x40", "Undecodable", "it is no AMQP message: "),
    ],
)
async def test_a_message_that_can_hold_no_order_is_dead_lettered(
    queue: Queue, message: bytes, reason: str, description: str
) -> None:
    """It is dead-lettered at once with what is wrong, and its neighbours are receipted."""
    seen: list[bytes] = []

    async def seeing(body: bytes) -> Receipted | Rejected:
        seen.append(body)
        return DONE

    queue.put(b"before")
    queue.put_encoded(message)
    queue.put(b"after")
    running = Running(queue, seeing)
    await running.until(lambda: queue.dead and len(queue.completed) == 2)
    await running.stop()
    ((number, said, sentence),) = queue.dead
    assert (number, said) == (2, reason)
    assert sentence is not None
    assert sentence.startswith(description)
    assert (sorted(seen), queue.given_back) == ([b"after", b"before"], [])


async def test_data_sections_are_one_body(queue: Queue) -> None:
    """A sender may split its body as it likes."""
    seen: list[bytes] = []

    async def seeing(body: bytes) -> Receipted | Rejected:
        seen.append(body)
        return DONE

    queue.put_encoded(m.message(m.data(b"one ") + m.data(b"body")))
    running = Running(queue, seeing)
    await running.until(lambda: queue.completed)
    await running.stop()
    assert seen == [b"one body"]


TRACE_PARENT = m.string("00-" + "ab" * 16 + "-" + "cd" * 8 + "-00")


async def receipted(queue: Queue, *properties: tuple[str, bytes]) -> MutableMapping[str, Any]:
    """The log line of an order whose message has these application properties."""
    queue.put_encoded(m.message(m.data(b"x"), application=properties))
    with capture_logs(processors=[merge_contextvars, add_trace_id]) as logs:
        running = Running(queue, done)
        await running.until(lambda: queue.completed)
        await running.stop()
    (line,) = [line for line in logs if line["event"] == "order.receipted"]
    return line


@pytest.mark.parametrize("parent", [TRACE_PARENT, m.binary(TRACE_PARENT[5:])])
async def test_the_senders_trace_goes_on(queue: Queue, parent: bytes) -> None:
    """The trace id in the message's application properties is the one in every log line about it."""
    line = await receipted(queue, ("traceparent", parent), ("tracestate", m.string("a=b")))
    assert (line["trace_id"], line["sequence_number"]) == ("ab" * 16, 1)


@pytest.mark.parametrize("name", m.DECODABLE)
async def test_a_malformed_traceparent_counts_as_absent(queue: Queue, name: str) -> None:
    """With a traceparent of any type and content the order is receipted, in no trace (W3C Trace Context, 3.2.2)."""
    assert "trace_id" not in await receipted(queue, ("traceparent", m.DECODABLE[name]))


@pytest.mark.parametrize("name", m.DECODABLE)
async def test_a_malformed_tracestate_counts_as_absent(queue: Queue, name: str) -> None:
    """With a tracestate of any type and content the order is receipted, in the trace of its traceparent."""
    line = await receipted(queue, ("traceparent", TRACE_PARENT), ("tracestate", m.DECODABLE[name]))
    assert line["trace_id"] == "ab" * 16


async def test_an_error_before_the_order_is_read_is_one_of_the_messages(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message whose metadata can't be read is held and abandoned as any that fails, while others are handled."""

    def unreadable(message: ServiceBusReceivedMessage) -> AbstractContextManager[None]:
        if message.sequence_number == 1:
            raise TypeError("unforeseen")
        return nullcontext()

    monkeypatch.setattr("backend.queue.delivery.sender_trace", unreadable)
    queue.put(b"bad", b"good")
    running = Running(queue, done)
    await running.until(lambda: queue.completed == [2])
    assert queue.given_back == []
    await running.stop()
    assert queue.given_back == [1]


async def test_a_message_that_failed_often_is_given_back_too(queue: Queue) -> None:
    """A queue may allow 2,000 deliveries. The pause grows to 32 seconds and no further."""

    async def failing(_: bytes) -> Receipted | Rejected:
        raise RuntimeError("unexpected")

    queue.put(b"x")
    queue.waiting[0] = received(m.message(m.data(b"x")), delivery_count=1_999)
    with capture_logs() as logs:
        running = Running(queue, failing)
        await running.until(lambda: any(line["event"] == "message.failed" for line in logs))
        await running.stop()
    assert [line["pause"] for line in logs if line["event"] == "message.failed"] == [32.0]
    assert queue.given_back == [1]


@pytest.mark.parametrize(
    ("deliveries", "properties", "told"),
    [(0, [], False), (1, [], True), (0, [("redrivenFrom", m.long(7))], True), (0, [("other", m.long(7))], False)],
)
async def test_the_handler_is_told_of_earlier_deliveries(
    queue: Queue, deliveries: int, properties: list[tuple[str, bytes]], told: bool
) -> None:
    """A redelivery and a dead letter that was sent back may be done already."""
    encoded = m.message(m.data(b"x"), application=properties)
    queue.put_encoded(encoded)
    queue.waiting[0] = received(encoded, delivery_count=deliveries)
    running = Running(queue, done)
    await running.until(lambda: queue.completed)
    await running.stop()
    assert running.delivered_before == [told]


async def test_a_step_that_failed_may_have_been_carried_out(queue: Queue) -> None:
    """After an outage the handler is told that the order may be done."""
    failures = [Unavailable("Cosmos DB", Failure(503, "Down", "no answer", retry_after=0.01))]

    async def dependent(_: bytes) -> Receipted | Rejected:
        if failures:
            raise failures.pop()
        return DONE

    queue.put(b"x")
    running = Running(queue, dependent)
    await running.until(lambda: queue.completed)
    await running.stop()
    assert running.delivered_before == [False, True]
