"""Dead letters sent back within the queue's duplicate-detection window."""

import json
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage, ServiceBusSubQueue

from contract import Order, OrderMessage
from tests.e2e.waiting import until
from tests.faults.application import Application
from tests.faults.customers import Customer

DeadLetters = Callable[[], dict[str, ServiceBusReceivedMessage]]


@pytest.fixture(scope="module")
def dead_letters(application: Application) -> Iterator[DeadLetters]:
    """Looks at the dead letters without taking them: each by the order that it is about."""
    with (
        application.servicebus("redrive") as client,
        client.get_queue_receiver("orders", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver,
    ):
        yield lambda: {
            json.loads(str(letter))["orderId"]: letter for letter in receiver.peek_messages(100, sequence_number=1)
        }


def test_a_valid_order_among_the_dead_letters_is_redriven_and_receipted(
    application: Application, dead_letters: DeadLetters
) -> None:
    """An order that failed at every delivery, while the worker had no access to its key, is receipted after
    `make redrive`."""
    customer = Customer(application.url)
    with waiting_worker(application):
        customer.place()
        fail_every_delivery(application)
    (order_id,) = customer.orders
    assert dead_letters()[order_id].dead_letter_reason == "MaxDeliveryCountExceeded"
    assert [order["status"] for order in customer.listed()] == ["accepted"]
    application.redrive()
    assert len(customer.receipts()) == 1
    assert dead_letters() == {}


def test_an_invalid_order_is_redriven_once_it_is_repaired(
    application: Application, dead_letters: DeadLetters, tmp_path: Path
) -> None:
    """An invalid message is dead-lettered with what is wrong; the default redrive keeps it; with a repaired body it is
    receipted, and never again a dead letter."""
    customer = Customer(application.url)
    order = OrderMessage(
        orderId=uuid.uuid4().hex,
        customerId=customer.id,
        order=Order(product="Lantern", quantity=7),
        acceptedAt=datetime.now(UTC),
    )
    valid = order.model_dump_json()
    with application.servicebus("frontend") as client, client.get_queue_sender("orders") as sender:
        broken = valid.replace('"quantity":7', '"quantity":0')
        sender.send_messages(ServiceBusMessage(broken.encode(), message_id=order.message_id))
    letters = until(dead_letters, lambda letters: order.orderId in letters)
    letter = letters[order.orderId]
    assert letter.dead_letter_reason == "InvalidOrder"
    assert str(letter.dead_letter_error_description).startswith("order.quantity")

    application.redrive()
    assert order.orderId in dead_letters()

    (tmp_path / "repaired.json").write_text(valid)
    application.redrive("resend", "--sequence", str(letter.sequence_number), "--body", str(tmp_path / "repaired.json"))
    (receipted,) = until(customer.listed, lambda orders: [order["status"] for order in orders] == ["receipted"])
    assert receipted["orderId"] == order.orderId
    assert customer.receipt(receipted["links"]["self"])
    assert dead_letters() == {}


@contextmanager
def waiting_worker(application: Application) -> Iterator[None]:
    """A worker that receives nothing, because it was started without access to its key."""
    with application.without("backend", "keyVault/receipt-signing-key"):
        os.kill(application.worker(), signal.SIGKILL)
        until(lambda: application.pod("backend")["reason"], lambda reason: "Key Vault" in reason)
        yield
    until(lambda: application.pod("backend")["ready"], bool)


def fail_every_delivery(application: Application) -> None:
    """What a worker does that fails: it abandons the message, until the queue makes it a dead letter."""
    with application.servicebus("redrive") as client, client.get_queue_receiver("orders") as receiver:
        for _ in range(application.model["entities"]["serviceBus"]["orders"]["maxDeliveryCount"]):
            (message,) = receiver.receive_messages(max_wait_time=10)
            receiver.abandon_message(message)
