"""For each service, one thing that the frontend may do and one that it was not granted. Both are done for real.

The second one shows that the service itself refuses: nothing here knows the access model.
"""

from collections.abc import Callable
from dataclasses import dataclass

from azure.cosmos import ContainerProxy
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient
from azure.storage.blob import ContainerClient

from frontend.parts import Parts
from frontend.web.signing_keys import SECRET
from workload.failure import SDK_ERRORS, Failure, explain
from workload.not_found import NO_SUCH_ID


@dataclass(frozen=True, slots=True)
class Privilege:
    """`allowed` says what `use` does, and `denied` what `try_denied` does. Each returns its result as a sentence."""

    service: str
    allowed: str
    use: Callable[[], str]
    denied: str
    try_denied: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Tried:
    """What the service answered: a result, or a refusal."""

    result: str | None = None
    refusal: Failure | None = None


def tried(call: Callable[[], str]) -> Tried:
    """Make the call, and return what the service answered."""
    try:
        return Tried(result=call())
    except SDK_ERRORS as error:
        return Tried(refusal=explain(error))


def privileges(parts: Parts) -> dict[str, Privilege]:
    """Return the privileges by the name that stands in a button's URL."""
    clients, queue = parts.clients, parts.settings.orders_queue
    return {
        "keyvault": Privilege(
            "Key Vault",
            f"Read the secret {SECRET}",
            lambda: _read_secret(clients.secrets(), SECRET),
            "Read the secret receipt-signing-key, which is the backend's",
            lambda: _read_secret(clients.secrets(), "receipt-signing-key"),
        ),
        "servicebus": Privilege(
            "Service Bus",
            f"Send to the queue {queue}",
            lambda: _open_sender(parts),
            f"Receive from the queue {queue}",
            lambda: _open_receiver(clients.servicebus(), queue),
        ),
        "cosmos": Privilege(
            "Cosmos DB",
            "Query orders",
            lambda: f"{len(parts.orders.page(NO_SUCH_ID).documents)} orders of a customer who has none",
            "Create an order's document",
            lambda: _create_document(clients.orders()),
        ),
        "blob": Privilege(
            "Blob Storage",
            "Read receipts",
            lambda: _list_receipts(clients.receipts()),
            "Upload a receipt",
            lambda: _upload_receipt(clients.receipts()),
        ),
    }


def _read_secret(secrets: SecretClient, name: str) -> str:
    return f"version {secrets.get_secret(name).properties.version}"


def _open_sender(parts: Parts) -> str:
    parts.sender.connect()
    return "the link is open; Service Bus checks the right to send when it is opened"


def _open_receiver(servicebus: ServiceBusClient, queue: str) -> str:
    # Service Bus checks the right when the link is opened. With no prefetch, no message is taken from the worker.
    with servicebus.get_queue_receiver(queue, prefetch_count=0):
        return "the link is open"


def _create_document(orders: ContainerProxy) -> str:
    created = orders.create_item({"id": NO_SUCH_ID, "customerId": NO_SUCH_ID})
    return f"created {created['id']}"


def _list_receipts(receipts: ContainerClient) -> str:
    first = next(iter(receipts.list_blob_names(results_per_page=1)), None)
    return f"the first is {first[:8]}…" if first else "there is none yet"


def _upload_receipt(receipts: ContainerClient) -> str:
    receipts.upload_blob("not-granted.jws", b"")
    return "uploaded not-granted.jws"
