"""For each service, one thing that the frontend may do and one that it was not granted, both done for real.

The second shows that the service itself refuses: nothing here knows the access model.
"""

from collections.abc import Callable
from dataclasses import dataclass

from azure.cosmos import ContainerProxy
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient
from azure.storage.blob import ContainerClient

from frontend.parts import Services
from frontend.refusals import DEPENDENCY_ERRORS, Refusal, explain
from frontend.web.signing_keys import SECRET

_NOBODY = "0" * 32  # a customer who has no orders


@dataclass(frozen=True, slots=True)
class Privilege:
    """`allowed` and `denied` say what `exercise` and `trespass` do; each returns what came of it."""

    service: str
    allowed: str
    exercise: Callable[[], str]
    denied: str
    trespass: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the service said: `result` where it did it, `refusal` where it did not."""

    result: str | None = None
    refusal: Refusal | None = None


def outcome_of(call: Callable[[], str]) -> Outcome:
    """Makes the call and reports."""
    try:
        return Outcome(result=call())
    except DEPENDENCY_ERRORS as error:
        return Outcome(refusal=explain(error))


def privileges(parts: Services) -> dict[str, Privilege]:
    """By the name that stands in a button's URL."""
    clients, queue = parts.clients, parts.settings.orders_queue
    return {
        "keyvault": Privilege(
            "Key Vault",
            f"Read the secret {SECRET}",
            lambda: _read_secret(clients.secrets()),
            "Read the secret receipt-signing-key, which is the backend's",
            lambda: _read_private_key(clients.secrets()),
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
            lambda: f"{len(parts.store.page(_NOBODY).documents)} orders of a customer who has none",
            "Create an order's document",
            lambda: _create_item(clients.orders()),
        ),
        "blob": Privilege(
            "Blob Storage",
            "Read receipts",
            lambda: _list_receipts(clients.receipts()),
            "Upload a receipt",
            lambda: _upload_receipt(clients.receipts()),
        ),
    }


def _read_secret(secrets: SecretClient) -> str:
    return f"version {secrets.get_secret(SECRET).properties.version}"


def _read_private_key(secrets: SecretClient) -> str:
    return f"version {secrets.get_secret('receipt-signing-key').properties.version}"


def _open_sender(parts: Services) -> str:
    parts.sender.connect()
    return "the link is open; Service Bus checks the right to send when it is opened"


def _open_receiver(servicebus: ServiceBusClient, queue: str) -> str:
    # The right is checked when the link is opened, so no message is taken from the worker even where it is granted.
    with servicebus.get_queue_receiver(queue, prefetch_count=0):
        return "the link is open"


def _create_item(orders: ContainerProxy) -> str:
    created = orders.create_item({"id": _NOBODY, "customerId": _NOBODY})
    return f"created {created['id']}"


def _list_receipts(receipts: ContainerClient) -> str:
    newest = next(iter(receipts.list_blob_names(results_per_page=1)), None)
    return f"the first is {newest[:8]}…" if newest else "there is none yet"


def _upload_receipt(receipts: ContainerClient) -> str:
    receipts.upload_blob("not-granted.jws", b"")
    return "uploaded not-granted.jws"
