"""Messages as the frontend sends them."""

import uuid
from datetime import UTC, datetime

from azure.servicebus import ServiceBusMessage

from contract import Order, OrderMessage


def new_message() -> ServiceBusMessage:
    """Return the message of a new order of a new customer."""
    order = OrderMessage(
        orderId=uuid.uuid4().hex,
        customerId=uuid.uuid4().hex,
        order=Order(product="Brass key", quantity=2),
        acceptedAt=datetime.now(UTC),
    )
    return ServiceBusMessage(order.model_dump_json(), message_id=order.message_id, content_type="application/json")
