"""The sender: each SDK sender is used by one thread at a time, is replaced after an error, and no wait is unbounded."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusConnectionError

from contract import Order, OrderMessage
from frontend.orders.sender import OrderSender
from tests.unit.frontend.fakes import FakeSender, FakeServiceBus

MESSAGE = OrderMessage(
    orderId="0" * 32, customerId="1" * 32, order=Order(product="Key", quantity=1), acceptedAt=datetime.now(UTC)
)


def sender_of(bus: FakeServiceBus, patience: float = 10) -> OrderSender:
    return OrderSender(lambda: bus, "orders", patience)  # type: ignore[arg-type, return-value]


def test_threads_never_share_a_sender() -> None:
    """Many sends at once all arrive, over eight connections at most."""
    bus = FakeServiceBus()
    sender = sender_of(bus)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: sender.send(MESSAGE), range(200)))
    assert len(bus.messages) == 200
    assert 1 <= len(bus.opened) <= 8


def test_it_connects_anew_after_an_error() -> None:
    """The caller gets the error. A sender that failed is closed and not used again, and later messages are sent."""
    bus = FakeServiceBus()
    sender = sender_of(bus)
    for _ in range(50):  # so that several connections are open
        sender.send(MESSAGE)
    bus.failure = ServiceBusConnectionError(message="gone")
    for _ in range(50):
        with pytest.raises(ServiceBusConnectionError):
            sender.send(MESSAGE)
    bus.failure = None
    for _ in range(50):
        sender.send(MESSAGE)
    assert len(bus.messages) == 100
    assert any(opened.closed for opened in bus.opened)


def test_one_lost_connection_makes_all_suspect() -> None:
    """After one failure, no connection from before is used: the cause may have broken them all."""
    bus = FakeServiceBus()
    sender = sender_of(bus)
    with ThreadPoolExecutor(16) as pool:  # so that several connections are open
        list(pool.map(lambda _: sender.send(MESSAGE), range(200)))
    before = list(bus.opened)
    assert len(before) > 1
    bus.failure = ServiceBusConnectionError(message="gone")
    with pytest.raises(ServiceBusConnectionError):
        sender.send(MESSAGE)
    bus.failure = None
    sent = [opened.sent for opened in before]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: sender.send(MESSAGE), range(200)))
    assert [opened.sent for opened in before] == sent


class BrokenSender(FakeSender):
    """A sender that can neither send nor be closed."""

    def send_messages(self, _message: ServiceBusMessage) -> None:
        raise ServiceBusConnectionError(message="gone")

    def close(self) -> None:
        raise OSError("the socket is gone too")


class BrokenBus(FakeServiceBus):
    """Its first 20 senders are broken: more than there are threads."""

    def get_queue_sender(self, queue: str) -> FakeSender:
        return BrokenSender(self) if len(self.opened) < 20 else super().get_queue_sender(queue)


def test_a_sender_that_does_not_even_close_costs_no_owner() -> None:
    """After many senders that could not be closed, the next message is sent."""
    sender = sender_of(BrokenBus())
    for _ in range(20):
        with pytest.raises(ServiceBusConnectionError):
            sender.send(MESSAGE)
    sender.send(MESSAGE)


class SlowToClose(FakeSender):
    """A sender whose `close` waits until `closing` is set."""

    closing = threading.Event()

    def close(self) -> None:
        self.closing.wait(30)
        super().close()


def test_a_sender_that_takes_long_to_close_delays_no_caller() -> None:
    """The caller gets the error of its message, and the next message is sent, while a sender that failed is closed."""
    bus = FakeServiceBus()
    bus.sender = SlowToClose
    sender = sender_of(bus, patience=1)
    sender.send(MESSAGE)
    bus.failure = ServiceBusConnectionError(message="gone")
    with pytest.raises(ServiceBusConnectionError):
        sender.send(MESSAGE)
    bus.failure = None
    sender.send(MESSAGE)
    SlowToClose.closing.set()
    sender.close()
    assert all(opened.closed for opened in bus.opened)


class HangingBus(FakeServiceBus):
    """A broker that accepts connections and answers nothing until `answering` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.answering = threading.Event()

    def get_queue_sender(self, queue: str) -> FakeSender:
        self.answering.wait(30)
        return super().get_queue_sender(queue)


def test_a_broker_that_never_answers_costs_a_bounded_wait() -> None:
    """Each caller gets an error in time. What no thread had begun is never sent. Later messages are sent again."""
    bus = HangingBus()
    sender = sender_of(bus, patience=0.1)
    hopeless = [MESSAGE.model_copy(update={"orderId": f"{number:032x}"}) for number in range(1, 21)]

    def failure(message: OrderMessage) -> str:
        with pytest.raises(TimeoutError) as raised:
            sender.send(message)
        return str(raised.value)

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(failure, hopeless)) == {"no answer from Service Bus within 0.1 seconds"}
    bus.answering.set()
    assert any(sends(sender) for _ in range(100))
    begun = {body.orderId for body in bus.bodies()} & {message.orderId for message in hopeless}
    assert len(begun) <= 8


def sends(sender: OrderSender) -> bool:
    try:
        sender.send(MESSAGE)
    except TimeoutError:
        return False
    return True
