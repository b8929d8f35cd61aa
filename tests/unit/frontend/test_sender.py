"""The sender: one thread sends for all, each caller is answered for its own order, and no wait is unbounded."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusConnectionError

from contract import Order, OrderMessage
from frontend.orders.sender import OrderSender
from tests.e2e.waiting import until
from tests.unit.frontend.fakes import FakeSender, FakeServiceBus

MESSAGE = OrderMessage(
    orderId="0" * 32, customerId="1" * 32, order=Order(product="Key", quantity=1), acceptedAt=datetime.now(UTC)
)


def sender_of(bus: FakeServiceBus, patience: float = 10) -> OrderSender:
    return OrderSender(lambda: bus, "orders", patience)  # type: ignore[arg-type, return-value]


def test_one_connection_serves_all_threads() -> None:
    """Many sends at once all arrive, over one connection, which one thread uses at a time."""
    bus = FakeServiceBus()
    sender = sender_of(bus)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: sender.send(MESSAGE), range(200)))
    assert len(bus.messages) == 200
    assert len(bus.opened) == 1


def test_it_connects_anew_after_an_error() -> None:
    """The caller gets the error. A sender that failed is closed and not used again, and later messages are sent."""
    bus = FakeServiceBus()
    sender = sender_of(bus)
    sender.send(MESSAGE)
    bus.failure = ServiceBusConnectionError(message="gone")
    for _ in range(50):
        with pytest.raises(ServiceBusConnectionError):
            sender.send(MESSAGE)
    bus.failure = None
    sender.send(MESSAGE)
    assert [opened.sent for opened in bus.opened] == [1, 1]
    until(lambda: bus.opened[0].closed, bool)


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


def test_a_sender_that_does_not_even_close_costs_no_thread() -> None:
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
        self.connections = 0
        self.answering = threading.Event()

    def get_queue_sender(self, queue: str) -> FakeSender:
        self.connections += 1
        self.answering.wait(30)
        return super().get_queue_sender(queue)


def test_a_broker_that_never_answers_costs_a_bounded_wait() -> None:
    """Each caller gets an error in time, and at most eight connections hang. What waited behind one is never sent.
    Later messages are sent again."""
    bus = HangingBus()
    sender = sender_of(bus, patience=0.1)
    hopeless = orders(40)

    def failure(message: OrderMessage) -> str:
        with pytest.raises(TimeoutError) as raised:
            sender.send(message)
        return str(raised.value)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(failure, hopeless)) == {"no answer from Service Bus within 0.1 seconds"}
    assert 1 < bus.connections <= 8
    bus.answering.set()
    until(lambda: sends(sender, MESSAGE), bool)
    assert not {body.orderId for body in bus.bodies()} & {message.orderId for message in hopeless}
    sender.close()
    assert all(opened.closed for opened in bus.opened)


def orders(count: int) -> list[OrderMessage]:
    return [MESSAGE.model_copy(update={"orderId": f"{number:032x}"}) for number in range(1, count + 1)]


def sends(sender: OrderSender, message: OrderMessage) -> bool:
    """Tell whether the message is sent."""
    try:
        sender.send(message)
    except TimeoutError:
        return False
    return True
