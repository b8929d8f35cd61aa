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
    assert order_id not in dead_letters()


def test_an_invalid_order_is_kept_until_it_is_repaired(
    application: Application, dead_letters: DeadLetters, tmp_path: Path
) -> None:
    """An invalid message is dead-lettered with what is wrong, and the default redrive keeps it; with its body repaired
    it is receipted, though its message id was seen within the duplicate-detection window."""
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
    letter = until(dead_letters, lambda letters: order.orderId in letters)[order.orderId]
    assert letter.dead_letter_reason == "InvalidOrder"
    assert str(letter.dead_letter_error_description).startswith("order.quantity")

    application.redrive()
    assert order.orderId in dead_letters()

    (tmp_path / "repaired.json").write_text(valid)
    application.redrive("resend", "--sequence", str(letter.sequence_number), "--body", str(tmp_path / "repaired.json"))
    (receipted,) = until(customer.listed, lambda orders: [order["status"] for order in orders] == ["receipted"])
    assert receipted["orderId"] == order.orderId
    assert customer.receipt(receipted["links"]["self"])
    assert order.orderId not in dead_letters()


def test_a_second_body_under_a_used_key_is_kept(application: Application, dead_letters: DeadLetters) -> None:
    """One key with two bodies is one order and one dead letter, which no redrive sends back unasked."""
    customer = Customer(application.url)
    answers = [
        customer.client.post(
            "/orders", json={"product": product, "quantity": 1}, headers={"Idempotency-Key": "one and the same"}
        )
        for product in ("kettle", "lantern")
    ]
    (order_id,) = {answer.raise_for_status().json()["orderId"] for answer in answers}
    letter = until(dead_letters, lambda letters: order_id in letters)[order_id]
    assert letter.dead_letter_reason == "IdempotencyKeyReused"
    application.redrive()
    assert order_id in dead_letters()
    assert sorted(order["status"] for order in customer.listed()) == ["receipted", "refused"]


@contextmanager
def waiting_worker(application: Application) -> Iterator[None]:
    """A worker that receives nothing, because it was started without access to its key."""
    with application.without("backend", "keyVault/receipt-signing-key"):
        os.kill(application.worker(), signal.SIGKILL)
        until(lambda: application.pod("backend")["reason"], lambda reason: "Key Vault" in reason)
        yield
    until(lambda: application.pod("backend")["ready"], bool)


def fail_every_delivery(application: Application) -> None:
    """Abandon the message, as a failing worker does, until the queue dead-letters it."""
    with application.servicebus("redrive") as client, client.get_queue_receiver("orders") as receiver:
        for _ in range(application.model["entities"]["serviceBus"]["orders"]["maxDeliveryCount"]):
            (message,) = receiver.receive_messages(max_wait_time=10)
            receiver.abandon_message(message)
