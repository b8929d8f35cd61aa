"""The sender with the real SDK: what it sends in batches arrives once."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from azure.identity import WorkloadIdentityCredential
from azure.servicebus import ServiceBusClient, TransportType
from localcloud.testing import RunningCloud

from contract import Order, OrderMessage
from frontend.identity.lazy_clients import LazyClients
from frontend.orders.sender import OrderSender
from frontend.settings import Settings
from workload.settings import from_environment


def test_every_order_of_a_batch_arrives_once(cloud: RunningCloud) -> None:
    """Sixty orders, each placed twice at the same time, are sixty messages: duplicate detection sees into batches."""
    customer = uuid.uuid4().hex
    messages = [
        OrderMessage(
            orderId=uuid.uuid4().hex,
            customerId=customer,
            order=Order(product="Brass key", quantity=1, note="n" * 500),
            acceptedAt=datetime.now(UTC),
        )
        for _ in range(60)
    ]
    with cloud.acting_as("frontend"):
        clients = LazyClients(from_environment(Settings))
        sender = OrderSender(clients.servicebus, "orders")
        with ThreadPoolExecutor(30) as pool:
            list(pool.map(sender.send, [message for message in messages for _ in range(2)]))
        sender.close()
        clients.close()
    arrived = Counter(body.orderId for body in waiting(cloud) if body.customerId == customer)
    assert arrived == {message.orderId: 1 for message in messages}


def waiting(cloud: RunningCloud) -> list[OrderMessage]:
    """Return the messages of the queue, as the worker may peek at them."""
    with (
        WorkloadIdentityCredential(**cloud.workload_identity("backend")) as credential,
        ServiceBusClient(
            cloud.namespace,
            credential,
            transport_type=TransportType.Amqp,
            custom_endpoint_address=cloud.amqp_endpoint,
            connection_verify=cloud.ca_bundle,
        ) as client,
        client.get_queue_receiver("orders") as receiver,
    ):
        return [
            OrderMessage.model_validate_json(b"".join(message.body))
            for message in receiver.peek_messages(max_message_count=250)
        ]
