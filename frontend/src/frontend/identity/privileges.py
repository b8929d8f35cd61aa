"""For each service, one thing that the frontend may do and one that it was not granted. Both are done for real.

The second one shows that the service itself refuses: nothing here decides by the access model.
`privileges.yaml` says what is done, on which entity, and why not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from azure.cosmos import ContainerProxy
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient
from azure.storage.blob import ContainerClient

from frontend.identity.lazy_clients import LazyClients
from frontend.orders.order_reader import OrderReader
from frontend.orders.sender import OrderSender
from frontend.web.signing_keys import SECRET
from workload.journey.uses import Use, read_uses
from workload.not_found import NO_SUCH_ID


@dataclass(frozen=True, slots=True)
class Privilege:
    """`do` does what is allowed, and `try_denied` what is not. Each returns its result as a sentence."""

    use: Use
    do: Callable[[], str]
    try_denied: Callable[[], str]


def privileges(clients: LazyClients, queue: str, sender: OrderSender, orders: OrderReader) -> dict[str, Privilege]:
    """Return the privileges by the name that stands in a button's URL."""
    acts: dict[str, tuple[Callable[[], str], Callable[[], str]]] = {
        "keyvault": (
            lambda: _read_secret(clients.secrets(), SECRET),
            lambda: _read_secret(clients.secrets(), "receipt-signing-key"),
        ),
        "servicebus": (lambda: _open_sender(sender), lambda: _open_receiver(clients.servicebus(), queue)),
        "cosmos": (lambda: _query_orders(orders), lambda: _create_document(clients.orders())),
        "blob": (lambda: _list_receipts(clients.receipts()), lambda: _upload_receipt(clients.receipts())),
    }
    uses = read_uses(files(__package__) / "privileges.yaml")
    return {use.name: Privilege(use, *acts[use.name]) for use in uses}


def _read_secret(secrets: SecretClient, name: str) -> str:
    return f"version {secrets.get_secret(name).properties.version}"


def _open_sender(sender: OrderSender) -> str:
    sender.connect()
    return "the link is open; Service Bus checks the right to send when it is opened"


def _open_receiver(servicebus: ServiceBusClient, queue: str) -> str:
    # Service Bus checks the right when the link is opened. With no prefetch, no message is taken from the worker.
    with servicebus.get_queue_receiver(queue, prefetch_count=0):
        return "the link is open"


def _query_orders(orders: OrderReader) -> str:
    return f"{len(orders.page(NO_SUCH_ID).documents)} orders of a customer who has none"


def _create_document(orders: ContainerProxy) -> str:
    created = orders.create_item({"id": NO_SUCH_ID, "customerId": NO_SUCH_ID})
    return f"created {created['id']}"


def _list_receipts(receipts: ContainerClient) -> str:
    first = next(iter(receipts.list_blob_names(results_per_page=1)), None)
    return f"the first is {first[:8]}…" if first else "there is none yet"


def _upload_receipt(receipts: ContainerClient) -> str:
    receipts.upload_blob("not-granted.jws", b"")
    return "uploaded not-granted.jws"
