"""The document in the Cosmos container `orders`, version 1."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from contract.message import Identifier
from contract.order import Order


class OrderDocument(BaseModel):
    """A receipted order.

    `id` is the order id, `customerId` the partition key, and `digest` the order's. `receipt` is the name of the blob in
    the container `receipts` that holds the signed `Receipt`, which has the same times. The properties that Cosmos DB
    adds are ignored.
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
