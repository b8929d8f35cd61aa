"""Read orders from Cosmos DB: one, or a page of a customer's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError
from pydantic import ValidationError

from contract import OrderDocument
from workload.not_found import is_about_item

_PAGE_SIZE = 20
_LONGEST = 200  # characters of a document that a sentence repeats
_BY_CUSTOMER = "SELECT * FROM c WHERE c.customerId = @customer ORDER BY c.acceptedAt DESC"

_log = structlog.get_logger(__name__)


class UnreadableDocument(Exception):
    """A document that is no `OrderDocument`; it may be of a later version. `str()` says what is wrong."""

    def __init__(self, order_id: str, problem: str) -> None:
        super().__init__(f"What Cosmos DB holds of this order can't be read: {problem}.")
        self.order_id = order_id


@dataclass(frozen=True, slots=True)
class Page:
    """Receipted orders, the newest first. `continuation` leads to the next page, if there is one."""

    documents: list[OrderDocument]
    unreadable: list[UnreadableDocument]
    continuation: str | None


class OrderReader:
    """Read the container with one partition key each time, the customer's id. Its methods raise `SDK_ERRORS`."""

    def __init__(self, container: Callable[[], ContainerProxy]) -> None:
        self._container = container

    def read(self, customer_id: str, order_id: str) -> OrderDocument | None:
        """Return the order's document, or None if the worker has not created it. Raises `UnreadableDocument` too."""
        try:
            item = self._container().read_item(order_id, partition_key=customer_id)
        except CosmosResourceNotFoundError as error:
            if not is_about_item(error):
                raise
            return None
        return _document(item)

    def page(self, customer_id: str, continuation: str | None = None) -> Page:
        """Return a page of the customer's receipted orders."""
        answers: list[Mapping[str, str]] = []
        items = self._container().query_items(
            _BY_CUSTOMER,
            parameters=[{"name": "@customer", "value": customer_id}],
            partition_key=customer_id,
            max_item_count=_PAGE_SIZE,
            # The pager's own `continuation_token` is the client's last answer to any thread, maybe another customer's.
            response_hook=lambda headers, _page: answers.append(headers),
        )
        page = Page([], [], None)
        for item in next(iter(items.by_page(continuation)), []):
            try:
                page.documents.append(_document(item))
            except UnreadableDocument as unreadable:
                page.unreadable.append(unreadable)
        return replace(page, continuation=answers[-1].get("x-ms-continuation"))

    def check(self) -> None:
        """Read the container's own properties: the cheapest call that shows access."""
        self._container().read()


def _document(item: Mapping[str, Any]) -> OrderDocument:
    try:
        return OrderDocument.model_validate(item)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        problem = f"{place[:_LONGEST]}: {first['msg'][:_LONGEST]}"
        order_id = str(item.get("id", ""))
        _log.error("document.unreadable", order_id=order_id, problem=problem, faults=error.error_count())
        raise UnreadableDocument(order_id, problem) from error
