"""What a program does with the four services, a line for each operation with what came of it."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import HttpResponseError
from azure.cosmos import CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusSubQueue,
    TransportType,
)
from azure.servicebus.exceptions import ServiceBusError
from azure.storage.blob import BlobServiceClient

credential = WorkloadIdentityCredential()


def say(operation: str, *results: object) -> None:
    print(f"{operation}:", ", ".join(map(str, results)))


def key_vault() -> None:
    vault = SecretClient(os.environ["AZURE_KEYVAULT_RESOURCEENDPOINT"], credential)
    say("Key Vault, get", vault.get_secret("api-key").value)
    try:
        vault.get_secret("billing-key")
    except HttpResponseError as error:
        say("Key Vault, get what is not granted", error.status_code, error.error.innererror["code"])


def blob_storage() -> None:
    service = BlobServiceClient(os.environ["AZURE_STORAGEBLOB_RESOURCEENDPOINT"], credential)
    files = service.get_container_client("files")
    files.upload_blob("greeting.txt", b"hello")
    say("Blob Storage, upload and list", *files.list_blob_names())
    say("Blob Storage, download", files.download_blob("greeting.txt", encoding="utf-8").readall())
    try:
        list(service.get_container_client("payslips").list_blobs())
    except HttpResponseError as error:
        say("Blob Storage, list what is not granted", error.status_code, error.error_code)


def cosmos_db() -> None:
    client = CosmosClient(os.environ["AZURE_COSMOS_RESOURCEENDPOINT"], credential)
    items = client.get_database_client("shop").get_container_client("items")
    for item in ({"id": "a", "pk": "x", "n": 1}, {"id": "z", "pk": "y", "n": 9}):
        items.upsert_item(item)
    say("Cosmos DB, upsert and read", items.read_item("a", "x")["n"])
    creations = [("create", ({"id": id, "pk": "x", "n": n},)) for id, n in (("b", 2), ("c", 3))]
    say("Cosmos DB, batch", *(each["statusCode"] for each in items.execute_item_batch(creations, "x")))
    in_partition = items.query_items(
        "SELECT VALUE c.n FROM c WHERE c.n >= @least ORDER BY c.n DESC",
        parameters=[{"name": "@least", "value": 2}],
        partition_key="x",
    )
    say("Cosmos DB, query one partition", *in_partition)
    everywhere = items.query_items("SELECT VALUE c.id FROM c WHERE c.n > 2", enable_cross_partition_query=True)
    say("Cosmos DB, query all partitions", *sorted(everywhere))
    greatest = items.query_items("SELECT VALUE MAX(c.n) FROM c", enable_cross_partition_query=True)
    say("Cosmos DB, aggregate", *greatest)
    changes = items.query_items_change_feed(start_time="Beginning")
    say("Cosmos DB, change feed", *sorted(item["id"] for item in changes))
    changes = items.query_items_change_feed(start_time="Beginning", partition_key="x")
    say("Cosmos DB, change feed of one key", *(item["id"] for item in changes))
    items.patch_item("a", "x", [{"op": "incr", "path": "/n", "value": 10}])
    say("Cosmos DB, patch", items.read_item("a", "x")["n"])
    try:
        client.get_database_client("shop").get_container_client("ledger").read_item("a", "x")
    except CosmosHttpResponseError as error:
        say("Cosmos DB, read what is not granted", error.status_code)


def service_bus() -> None:
    client = ServiceBusClient(
        os.environ["AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE"],
        credential,
        transport_type=TransportType.Amqp,
        custom_endpoint_address=os.environ["AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS"],
        connection_verify=os.environ["SSL_CERT_FILE"],
        retry_total=0,
    )
    with client, client.get_queue_sender("jobs") as sender, client.get_queue_receiver("jobs") as receiver:

        def next_message() -> ServiceBusReceivedMessage:
            (message,) = receiver.receive_messages(max_message_count=1, max_wait_time=30)
            return message

        def send(text: str) -> None:
            sender.send_messages(ServiceBusMessage(text))

        send("one")
        message = next_message()
        receiver.complete_message(message)
        say("Service Bus, send, receive and complete", message, "with an id" if message.message_id else "without an id")

        send("zero")
        receiver.abandon_message(next_message())
        say("Service Bus, abandon", *completed(receiver, [next_message()]))

        send("two")
        say("Service Bus, peek", *receiver.peek_messages())
        message = next_message()
        receiver.defer_message(message)
        deferred = receiver.receive_deferred_messages(message.sequence_number)
        say("Service Bus, defer", *completed(receiver, deferred))

        sender.schedule_messages(ServiceBusMessage("three"), datetime.now(UTC) + timedelta(seconds=1))
        say("Service Bus, schedule", *completed(receiver, [next_message()]))

        send("four")
        receiver.dead_letter_message(next_message(), reason="spoilt")
        with client.get_queue_receiver("jobs", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead_letters:
            (dead,) = dead_letters.receive_messages(max_message_count=1, max_wait_time=30)
            dead_letters.complete_message(dead)
        say("Service Bus, dead-letter", dead, dead.dead_letter_reason)

        for queue in ("payroll", "nowhere"):
            try:
                with client.get_queue_sender(queue) as other:
                    other.send_messages(ServiceBusMessage("five"))
            except ServiceBusError as error:
                say(f"Service Bus, send to {queue}", type(error).__name__)


def completed(receiver, messages: Iterable[ServiceBusReceivedMessage]) -> list[ServiceBusReceivedMessage]:
    for message in messages:
        receiver.complete_message(message)
    return list(messages)


key_vault()
blob_storage()
cosmos_db()
service_bus()
