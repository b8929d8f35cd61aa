"""A link: what waits is sent as one batch, and each message has an answer of its own."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import MessageSizeExceededError

from frontend.orders.link import Link, Waiting
from tests.unit.frontend.fakes import FakeServiceBus


class HeldBus(FakeServiceBus):
    """A broker that takes no batch while it is held, and refuses those of which `refuses` tells so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.held = threading.Event()
        self.refuses: Callable[[list[str]], bool] = lambda _ids: False
        self.batches: list[int] = []

    def take(self, batch: list[ServiceBusMessage]) -> None:
        self.asked.set()
        self.held.wait(30)
        if self.refuses([str(message.message_id) for message in batch]):
            raise MessageSizeExceededError(message="too large")
        self.batches.append(len(batch))
        super().take(batch)


@pytest.fixture
def bus() -> HeldBus:
    return HeldBus()


@pytest.fixture
def link(bus: HeldBus) -> Iterator[Link]:
    """A link that sends one message, and is held by the broker meanwhile."""
    link = Link(lambda: bus.get_queue_sender("orders"))  # type: ignore[arg-type, return-value]
    link.put(waiting("first"))
    bus.asked.wait(30)
    yield link
    link.close()
    assert link.has_ended(30)
    assert all(opened.closed for opened in bus.opened)


def waiting(message_id: str, seconds: float = 30) -> Waiting:
    return Waiting(ServiceBusMessage(b"", message_id=message_id), time.monotonic() + seconds)


def put(link: Link, count: int) -> list[Waiting]:
    """Put messages with the ids "0", "1" and so on."""
    messages = [waiting(str(number)) for number in range(count)]
    for message in messages:
        link.put(message)
    return messages


def test_what_waits_is_sent_together(bus: HeldBus, link: Link) -> None:
    """What comes while a batch is on its way is the next batch, of 64 messages at most. None counts as sent before
    Service Bus has it."""
    messages = put(link, 100)
    assert not any(message.sent.done() for message in messages)
    bus.held.set()
    for message in messages:
        message.sent.result(30)
    assert bus.batches == [1, 64, 36]
    assert [message.message_id for message in bus.messages] == ["first", *map(str, range(100))]


def test_a_batch_that_is_too_large_is_sent_message_by_message(bus: HeldBus, link: Link) -> None:
    """No message fails because of the size of the others."""
    bus.refuses = lambda ids: len(ids) > 1
    messages = put(link, 9)
    bus.held.set()
    for message in messages:
        message.sent.result(30)
    assert bus.batches == [1] * 10


def test_a_message_that_is_refused_fails_alone(bus: HeldBus, link: Link) -> None:
    """If Service Bus refuses a batch because of one message, that one has the error, and the others are sent."""
    bus.refuses = lambda ids: "4" in ids
    messages = put(link, 9)
    bus.held.set()
    failed = [number for number, message in enumerate(messages) if message.sent.exception(30)]
    assert failed == [4]
    assert len(bus.messages) == 9


def test_a_message_that_nobody_waits_for_is_not_sent(bus: HeldBus, link: Link) -> None:
    """A message whose deadline has passed while it waited is left out, and the others of its batch are sent."""
    late = waiting("late", seconds=0)
    link.put(late)
    (message,) = put(link, 1)
    bus.held.set()
    message.sent.result(30)
    assert [sent.message_id for sent in bus.messages] == ["first", "0"]
    assert not late.sent.done()
