"""The sender: one owner at a time, and a new connection after an error."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from azure.servicebus.exceptions import ServiceBusConnectionError
from frontend.sender import OrderSender

from contract import Order, OrderMessage
from tests.unit.frontend_fakes import FakeServiceBus

MESSAGE = OrderMessage(
    orderId="0" * 32, customerId="1" * 32, order=Order(product="Key", quantity=1), acceptedAt=datetime.now(UTC)
)


def sender_of(bus: FakeServiceBus) -> OrderSender:
    return OrderSender(lambda: bus, "orders")  # type: ignore[arg-type, return-value]


def test_threads_never_share_a_sender() -> None:
    """Many sends at once all arrive, over no more connections than there are threads, which are used again."""
    bus = FakeServiceBus()
    sender = sender_of(bus)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: sender.send(MESSAGE), range(200)))
    assert len(bus.messages) == 200
    assert 1 <= len(bus.opened) <= 8


def test_it_connects_anew_after_an_error() -> None:
    """A sender that failed is closed and not used again; the error reaches the caller."""
    bus = FakeServiceBus()
    sender = sender_of(bus)
    sender.send(MESSAGE)
    bus.failure = ServiceBusConnectionError(message="gone")
    with pytest.raises(ServiceBusConnectionError):
        sender.send(MESSAGE)
    assert bus.opened[0].closed
    bus.failure = None
    sender.send(MESSAGE)
    assert len(bus.opened) == 2
