"""Looks at every document in Cosmos DB, and asks Blob Storage for the receipt that it names."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from azure.cosmos.aio import ContainerProxy
from pydantic import BaseModel, StringConstraints, ValidationError

from backend.dependencies import COSMOS_DB, calling
from backend.process import describe
from backend.repair.findings import Finding, fault_of
from backend.stores import BlobReceipts, CosmosDocuments
from contract import Identifier

AT_ONCE = 32  # documents on a page, whose receipts are asked for side by side

_ALL = "SELECT c.id, c.customerId, c.receipt FROM c"


class Row(BaseModel):
    """What is read of each document: who it is, and the name of its receipt."""

    id: Identifier
    customerId: Identifier
    receipt: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}/[0-9a-f]{64}\.jws$")]


async def documents_without_receipt(orders: ContainerProxy, receipts: BlobReceipts) -> AsyncIterator[Finding]:
    """Each document whose receipt is missing, in no particular order; also what is no order's document at all.

    The worker stores the receipt first, so a document whose receipt is not there yet does not exist.
    Raises `Unavailable`.
    """
    documents = CosmosDocuments(orders)
    async for rows in _pages(orders):
        for finding in await asyncio.gather(*(_look(row, documents, receipts) for row in rows)):
            if finding is not None:
                yield finding


async def _pages(orders: ContainerProxy) -> AsyncIterator[list[dict[str, Any]]]:
    """The rows of all partitions, a page at a time."""
    pages = orders.query_items(_ALL, max_item_count=AT_ONCE).by_page()
    while True:
        async with calling(COSMOS_DB):
            try:
                page = [row async for row in await anext(pages)]
            except StopAsyncIteration:
                return
        yield page


async def _look(row: dict[str, Any], documents: CosmosDocuments, receipts: BlobReceipts) -> Finding | None:
    """None if the order's receipt is there. If not, the document is read whole."""
    name = str(row["id"]).encode("unicode_escape").decode()  # in the form in which a terminal may have any text
    try:
        found = Row.model_validate(row)
        if found.receipt.startswith(f"{found.id}/") and await receipts.has(found.receipt):
            return None
        document = await documents.read(found.id, found.customerId)
    except ValidationError as error:
        return Finding(name, None, f"it is no order's document: {describe(error)}")
    return None if document is None else Finding(name, document, fault_of(document))
