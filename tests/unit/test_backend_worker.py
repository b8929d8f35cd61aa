"""The receive loop: when it receives, how it connects, how it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import pytest
from azure.core.credentials import AccessToken
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import ServiceBusConnectionError
from structlog.testing import capture_logs

from backend.dependencies.health import Health
from backend.identity.clients import servicebus_client
from backend.orders.handler import Receipted, Rejected
from backend.queue.delivery import Delivery
from backend.queue.worker import Worker
from backend.settings import QueueSettings
from tests.unit.backend_fakes import DONE, Queue, Running, done, receipted_at_once
from workload.aio import WatchedCredential


@pytest.fixture
def queue() -> Queue:
    return Queue()


async def test_no_more_is_received_than_is_worked_on(queue: Queue) -> None:
    """With a concurrency of 4, at most 4 messages are locked at a time, and 4 are worked on at once."""
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


async def test_a_backlog_takes_few_calls(queue: Queue) -> None:
    """Once a message has come, as many are received in one call as there are hands free."""
    release = asyncio.Event()

    async def slow(_: bytes) -> Receipted | Rejected:
        await release.wait()
        return DONE

    queue.put(*[b"x"] * 40)
    running = Running(queue, slow, concurrency=16)
    await running.until(lambda: len(queue.locked) == 16)
    assert queue.asked == [1, 15]
    release.set()
    await running.until(lambda: len(queue.completed) == 40)
    await running.stop()
    assert queue.largest == 16


async def test_a_quiet_queue_is_asked_for_one_message(queue: Queue) -> None:
    """The SDK keeps the first message of several until its time is up, so a lone one would come late."""
    running = Running(queue, done)
    await running.until(lambda: queue.calls >= 2)
    queue.put(b"x")
    await running.until(lambda: queue.completed)
    before = queue.calls
    await running.until(lambda: queue.calls >= before + 3)
    await running.stop()
    assert set(queue.asked[:2]) == set(queue.asked[-2:]) == {1}


async def test_what_was_asked_for_before_an_outage_is_received(queue: Queue) -> None:
    """The broker may send what it was asked for, and a lock that nobody renews costs a delivery. No more is asked."""
    release = asyncio.Event()

    async def slow(_: bytes) -> Receipted | Rejected:
        await release.wait()
        return DONE

    running = Running(queue, slow)
    await running.until(lambda: queue.calls)
    running.health.mark_missing("check", "Cosmos DB", "down")
    before = queue.calls
    await running.until(lambda: queue.calls >= before + 3)
    queue.put(b"1", b"2", b"3")
    await running.until(lambda: queue.locked)
    release.set()
    await running.until(lambda: queue.completed)
    assert (queue.asked[before:], len(queue.waiting)) == ([1] * len(queue.asked[before:]), 2)
    running.health.mark_available("check")
    await running.until(lambda: len(queue.completed) == 3)
    await running.stop()


async def test_nothing_is_received_before_every_dependency_has_answered(queue: Queue) -> None:
    """While a dependency is missing, messages stay in the queue. Then they are worked on."""
    queue.put(b"x")
    running = Running(queue, done)
    running.health.mark_missing("check", "Key Vault", "AADSTS700213: no matching federated identity record")
    await running.until(lambda: queue.connections == 1 and "Service Bus" not in running.health.missing)
    assert len(queue.waiting) == 1
    running.health.mark_available("check")
    await running.until(lambda: queue.completed)
    await running.stop()


async def test_a_stop_finishes_what_is_in_flight(queue: Queue) -> None:
    """The worker is unready at once, receives nothing, and settles what is in flight before it closes the link."""
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


async def test_a_broker_that_never_answers_is_given_up_and_tried_again() -> None:
    """The broker accepts connections and says nothing, not even in TLS. The worker gives the real SDK's receiver up
    within its time, says so and connects again. A stop does not wait for it."""
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
        async with servicebus_client(settings, cast(WatchedCredential, AnyToken())) as client:
            health = Health()
            open_receiver = partial(client.get_queue_receiver, settings.orders_queue)
            worker = Worker(open_receiver, receipted_at_once, confirmed, health, concurrency=1, open_timeout=0.2)
            task = asyncio.create_task(worker.run())
            async with asyncio.timeout(10):
                await again.wait()
                assert health.missing == {"Service Bus": "TimeoutError: not connected within 0.2 s"}
                worker.stop()
                await task


class AnyToken:
    async def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken("made up", 2_000_000_000)


async def confirmed(_: str) -> None:
    return None


async def test_a_stop_does_not_wait_for_a_connection() -> None:
    """A stop while the link is being opened ends the worker at once."""
    opening = asyncio.Event()

    @asynccontextmanager
    async def hanging() -> AsyncIterator[ServiceBusReceiver]:
        opening.set()
        await asyncio.Event().wait()
        yield cast(ServiceBusReceiver, None)

    worker = Worker(hanging, receipted_at_once, confirmed, Health(), concurrency=1)
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(10):
        await opening.wait()
        worker.stop()
        await task


async def test_a_lost_connection_is_made_again(queue: Queue) -> None:
    """After it loses the connection, the worker is unready, connects again, and goes on."""
    queue.losses.extend([ServiceBusConnectionError(message="gone"), ServiceBusConnectionError(message="still gone")])
    queue.put(b"1")
    running = Running(queue, done)
    await running.until(lambda: running.health.missing == {"Service Bus": "ServiceBusConnectionError: gone"})
    await running.until(lambda: queue.completed)
    assert queue.connections == 3
    assert running.health.missing == {}
    await running.stop()


async def test_a_dead_receiver_is_replaced(queue: Queue) -> None:
    """A receiver that returns no messages at once is dead: the worker says so, pauses and opens another."""
    queue.deaths = 2
    running = Running(queue, done)
    await running.until(lambda: "the receiver has shut down" in running.health.missing.get("Service Bus", ""))
    queue.put(b"1")
    await running.until(lambda: queue.completed)
    assert queue.connections == 3
    assert running.health.missing == {}
    await running.stop()


async def test_a_receiver_whose_broker_is_gone_is_replaced(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing arrives, the broker is asked for an answer. If it gives none, the worker connects again."""
    monkeypatch.setattr("backend.queue.receiver.ANSWER", 0.1)
    queue.silent = 1
    queue.put(b"1")
    running = Running(queue, done)
    said = "ConnectionError: the broker has not answered for 0.1 s"
    await running.until(lambda: running.health.missing == {"Service Bus": said})
    await running.until(lambda: queue.completed)
    assert (queue.connections, running.health.missing) == (2, {})
    await running.stop()


async def test_a_quiet_queue_keeps_its_receiver(queue: Queue) -> None:
    """A receiver whose broker answers is kept, also if nothing arrives."""
    running = Running(queue, done)
    await running.until(lambda: queue.peeks >= 3)
    assert (queue.connections, running.health.missing) == (1, {})
    await running.stop()


async def test_a_dead_receiver_leaves_the_probes_their_turn(queue: Queue) -> None:
    """While every receiver is dead, other tasks run, and the pauses between attempts grow."""
    queue.deaths = 1_000_000
    running = Running(queue, done)
    await running.until(lambda: queue.connections == 3)
    assert running.health.alive
    assert queue.deaths == 1_000_000 - 3
    await running.stop()


async def test_an_empty_queue_is_not_a_dead_receiver(queue: Queue) -> None:
    """A receiver that waits for as long as it is asked to is kept, also if nothing comes."""
    running = Running(queue, done)
    await running.until(lambda: queue.calls >= 5)
    queue.put(b"1")
    await running.until(lambda: queue.completed)
    assert queue.connections == 1
    await running.stop()


async def test_what_a_lost_receiver_has_received_is_settled_over_it(queue: Queue) -> None:
    """It is closed as soon as its messages are settled, so that none loses a delivery. The next receives meanwhile."""
    release = asyncio.Event()

    async def slow(body: bytes) -> Receipted | Rejected:
        if body == b"slow":
            await release.wait()
        return DONE

    queue.put(b"slow")
    running = Running(queue, slow)
    await running.until(lambda: queue.locked)
    queue.deaths = 1
    await running.until(lambda: queue.connections == 2)
    queue.put(b"quick")
    await running.until(lambda: queue.completed == [2])
    release.set()
    await running.until(lambda: queue.completed == [2, 1])
    await running.stop()
    assert queue.given_back == []


async def test_a_fault_of_the_worker_itself_is_logged(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that escapes the handling of a message is logged, and stops nothing."""

    async def fails(*_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(Delivery, "handle", fails)
    queue.put(b"1")
    with capture_logs() as logs:
        running = Running(queue, done)
        await running.until(lambda: any(line["event"] == "delivery.failed" for line in logs))
        assert running.health.alive
        await running.stop()
    (line,) = [line for line in logs if line["event"] == "delivery.failed"]
    assert str(line["exc_info"]) == "unforeseen"
