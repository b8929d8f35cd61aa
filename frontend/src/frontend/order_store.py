"""What the frontend reads from Cosmos DB's container `orders`: one order, or a page of a customer's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from contract import OrderDocument
from frontend.references import Reference

PAGE_SIZE = 20

Status = Literal["accepted", "receipted", "refused"]
"""accepted: Service Bus has it, the worker not yet. receipted: done. refused: the key was another order's already."""

_NO_SUCH_CONTAINER = 1003
_BY_CUSTOMER = "SELECT * FROM c WHERE c.customerId = @customer ORDER BY c.acceptedAt DESC"


@dataclass(frozen=True, slots=True)
class Page:
    """Receipted orders, the newest first; `continuation` leads to the next page, if there is one."""

    documents: list[OrderDocument]
    continuation: str | None


def status_of(reference: Reference, document: OrderDocument | None) -> Status:
    """Where the order stands, given the document of its id."""
    if document is None:
        return "accepted"
    return "receipted" if document.digest == reference.digest else "refused"


class OrderStore:
    """Reads with one partition key each time, the customer's id. Raises one of `DEPENDENCY_ERRORS`."""

    def __init__(self, container: Callable[[], ContainerProxy]) -> None:
        self._container = container

    def read(self, customer_id: str, order_id: str) -> OrderDocument | None:
        """The order's document, or None where the worker has not created one."""
        try:
            item = self._container().read_item(order_id, partition_key=customer_id)
        except CosmosResourceNotFoundError as error:
            if error.sub_status == _NO_SUCH_CONTAINER:
                raise
            return None
        return OrderDocument.model_validate(item)

    def page(self, customer_id: str, continuation: str | None = None) -> Page:
        """A page of the customer's receipted orders."""
        answers: list[Mapping[str, str]] = []
        items = self._container().query_items(
            _BY_CUSTOMER,
            parameters=[{"name": "@customer", "value": customer_id}],
            partition_key=customer_id,
            max_item_count=PAGE_SIZE,
            # The pager's own `continuation_token` is the client's last answer to any thread, maybe another customer's.
            response_hook=lambda headers, _page: answers.append(headers),
        )
        page = list(next(iter(items.by_page(continuation)), []))
        return Page([OrderDocument.model_validate(item) for item in page], answers[-1].get("x-ms-continuation"))

    def check(self) -> None:
        """Reads the container's own properties: the cheapest call that shows access."""
        self._container().read()
