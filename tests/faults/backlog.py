"""Orders put straight on the queue, many at a time, with the identity of the frontend."""

import uuid
from datetime import UTC, datetime

from azure.servicebus import ServiceBusMessage

from contract import Order, OrderMessage
from tests.faults.application import Application

AT_ONCE = 200  # messages: of half a kilobyte each, they surely fit into the 256 KB that the queue takes at once


def order(customer: str, product: str = "Lantern", order_id: str | None = None) -> OrderMessage:
    """An order as the frontend would accept it now."""
    return OrderMessage(
        orderId=order_id or uuid.uuid4().hex,
        customerId=customer,
        order=Order(product=product, quantity=1),
        acceptedAt=datetime.now(UTC),
    )


def message(of: OrderMessage, message_id: str | None = None) -> ServiceBusMessage:
    """Its message, under the id that the frontend gives it or another one."""
    return ServiceBusMessage(
        of.model_dump_json(), message_id=message_id or of.message_id, content_type="application/json"
    )


def put(application: Application, orders: list[OrderMessage]) -> dict[str, str]:
    """Sends them in batches; returns the customer of each that the queue has taken."""
    with application.servicebus("frontend") as client, client.get_queue_sender("orders") as sender:
        for start in range(0, len(orders), AT_ONCE):
            sender.send_messages([message(of) for of in orders[start : start + AT_ONCE]])
    return {of.orderId: of.customerId for of in orders}
