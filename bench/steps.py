"""The ceiling of the worker: the bare SDK's steps, so many messages at once: `python -m bench.steps CONCURRENCY`.

Each message is received, its receipt uploaded, its document created, and the message completed. Nothing is validated,
signed, renewed or repeated. A line is printed for each order, as the worker logs one.
"""

import asyncio
import os
import sys
from contextlib import AsyncExitStack, suppress

from azure.core.exceptions import ResourceExistsError
from azure.cosmos.aio import CosmosClient
from azure.identity.aio import WorkloadIdentityCredential
from azure.servicebus import ServiceBusReceivedMessage, TransportType
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.storage.blob.aio import BlobServiceClient

from contract import OrderMessage


async def work(concurrency: int) -> None:
    """Work until the process is ended."""
    credential = WorkloadIdentityCredential()
    async with AsyncExitStack() as stack:
        opened = stack.enter_async_context
        cosmos = await opened(CosmosClient(os.environ["AZURE_COSMOS_RESOURCEENDPOINT"], credential))
        blobs = await opened(BlobServiceClient(os.environ["AZURE_STORAGEBLOB_RESOURCEENDPOINT"], credential))
        bus = ServiceBusClient(
            os.environ["AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE"],
            credential,
            transport_type=TransportType.Amqp,
            custom_endpoint_address=os.environ["AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS"],
            connection_verify=os.environ["SSL_CERT_FILE"],
        )
        receiver = await opened((await opened(bus)).get_queue_receiver("orders"))
        documents = cosmos.get_database_client("keyless").get_container_client("orders")
        receipts = blobs.get_container_client("receipts")

        async def handle(message: ServiceBusReceivedMessage, receiver: ServiceBusReceiver) -> None:
            order = OrderMessage.model_validate_json(b"".join(message.body))
            document = {"id": order.orderId, "customerId": order.customerId, **order.model_dump(mode="json")}
            with suppress(ResourceExistsError):  # an order that was under way when an earlier run was ended
                await receipts.upload_blob(order.receipt_name, order.model_dump_json().encode())
            with suppress(ResourceExistsError):
                await documents.create_item(document)
            await receiver.complete_message(message)
            print("order.receipted", flush=True)

        while True:
            messages = await receiver.receive_messages(max_message_count=concurrency, max_wait_time=1)
            await asyncio.gather(*(handle(message, receiver) for message in messages))


if __name__ == "__main__":
    asyncio.run(work(int(sys.argv[1])))
