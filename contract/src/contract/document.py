"""The document in the Cosmos container `orders`, version 1."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from contract.message import Identifier
from contract.order import Order


class OrderDocument(BaseModel):
    """A receipted order. `id` is the order id, `customerId` the partition key; `digest` is the order's.

    `receipt` is the name of the blob in the container `receipts` that holds this order's `Receipt`, signed; its
    times are the document's. Cosmos DB adds properties of its own, which are ignored.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal[1] = 1
    id: Identifier
    customerId: Identifier
    order: Order
    digest: str
    acceptedAt: AwareDatetime
    receiptedAt: AwareDatetime
    receipt: str
