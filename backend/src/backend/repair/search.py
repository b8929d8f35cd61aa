"""Look at every document in Cosmos DB, and ask Blob Storage for the receipt that it names."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from azure.cosmos.aio import ContainerProxy
from pydantic import BaseModel, StringConstraints, ValidationError

from backend.dependencies.dependency import COSMOS_DB, dependency
from backend.orders.order_documents import OrderDocuments
from backend.orders.printable import describe, printable
from backend.orders.receipt_blobs import ReceiptBlobs
from backend.repair.findings import Finding, document_fault
from contract import Identifier

PAGE = 32  # documents, whose receipts are asked for at the same time

_ALL = "SELECT c.id, c.customerId, c.receipt FROM c"


class Row(BaseModel):
    """What is read of each document."""

    id: Identifier
    customerId: Identifier
    receipt: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}/[0-9a-f]{64}\.jws$")]


async def documents_without_receipt(orders: ContainerProxy, receipts: ReceiptBlobs) -> AsyncIterator[Finding]:
    """Yield each document whose receipt is missing, and each that is no order's document, in no particular order.

    The worker stores the receipt before the document, so no order in progress is among them. Raises `Unavailable`.
    """
    documents = OrderDocuments(orders)
    async for rows in _pages(orders):
        for finding in await asyncio.gather(*(_look(row, documents, receipts) for row in rows)):
            if finding is not None:
                yield finding


async def _pages(orders: ContainerProxy) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the rows of all partitions, a page at a time."""
    pages = orders.query_items(_ALL, max_item_count=PAGE).by_page()
    while True:
        async with dependency(COSMOS_DB):
            try:
                page = [row async for row in await anext(pages)]
            except StopAsyncIteration:
                return
        yield page


async def _look(row: dict[str, Any], documents: OrderDocuments, receipts: ReceiptBlobs) -> Finding | None:
    """Return None if the order's receipt is there. If not, read the whole document."""
    name = printable(str(row["id"]))
    try:
        found = Row.model_validate(row)
        if found.receipt.startswith(f"{found.id}/") and await receipts.has(found.receipt):
            return None
        document = await documents.read(found.id, found.customerId)
    except ValidationError as error:
        return Finding(name, None, f"it is no order's document: {describe(error)}")
    return None if document is None else Finding(name, document, document_fault(document))
