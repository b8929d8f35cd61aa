"""The receipt in the blob container `receipts`, version 1."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from contract.message import Identifier
from contract.order import Order

RECEIPT_ALGORITHM = "Ed25519"  # RFC 9864's name for EdDSA over this curve; it deprecates the name EdDSA


class Receipt(BaseModel):
    """What the worker signs: the order as it was accepted, and the time when it was receipted.

    A stored receipt is a compact JWS (RFC 7515) with this model as its JSON payload. Its header names the algorithm,
    `RECEIPT_ALGORITHM`, and as `kid` the version of the Key Vault secret `receipt-public-key` that verifies it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    orderId: Identifier
    customerId: Identifier
    order: Order
    acceptedAt: AwareDatetime
    receiptedAt: AwareDatetime
