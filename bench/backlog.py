"""Orders put straight on the queue with the frontend's identity, many at a time: `python -m bench.backlog COUNT`."""

import sys
import uuid
from datetime import UTC, datetime

from azure.servicebus import ServiceBusMessage

from contract import Order, OrderMessage
from frontend.identity.clients import servicebus_client, workload_identity
from frontend.settings import Settings
from workload.settings import from_environment

_AT_ONCE = 200  # messages of half a kilobyte, which fit into one batch


def put(count: int) -> None:
    """Send so many orders, each of another customer."""
    settings = from_environment(Settings)
    with (
        workload_identity() as credential,
        servicebus_client(settings, credential) as client,
        client.get_queue_sender(settings.orders_queue) as sender,
    ):
        for start in range(0, count, _AT_ONCE):
            sender.send_messages([_message() for _ in range(min(_AT_ONCE, count - start))])


def _message() -> ServiceBusMessage:
    order = OrderMessage(
        orderId=uuid.uuid4().hex,
        customerId=uuid.uuid4().hex,
        order=Order(product="Brass key", quantity=2),
        acceptedAt=datetime.now(UTC),
    )
    return ServiceBusMessage(order.model_dump_json(), message_id=order.message_id, content_type="application/json")


if __name__ == "__main__":
    put(int(sys.argv[1]))
