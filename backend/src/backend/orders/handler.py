"""One order, from its message to its receipt and its document, in repeatable steps:

    validate, read the document, sign, add the receipt, create the document    (then the message is settled)

The document is read only if it may be there: the message was delivered before, or another request had the same
idempotency key.

Each step may be repeated with the same result. The receipt and the document are created and never changed; one that is
there already is read and kept. So a crash between two steps causes a redelivery, and nothing else.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from pydantic import ValidationError

from backend.orders.printable import describe
from backend.orders.receipt_signer import read_receipt
from contract import OrderDocument, OrderMessage, Receipt

INVALID_ORDER = "InvalidOrder"
KEY_REUSED = "IdempotencyKeyReused"
RECEIPT_MISMATCH = "ReceiptMismatch"


class Receipts(Protocol):
    """The stored receipts, by blob name."""

    async def add(self, name: str, receipt: str) -> str:
        """Store the receipt unless its name is taken. Return the one that is stored now."""


class Documents(Protocol):
    """The stored documents, by order and customer."""

    async def read(self, order_id: str, customer_id: str) -> OrderDocument | None:
        """Return the order's document, or None."""

    async def create(self, document: OrderDocument) -> OrderDocument:
        """Store the document unless the order has one. Return the one that is stored now."""


@dataclass(frozen=True, slots=True)
class Receipted:
    """The order has its receipt and its document, from now or from an earlier delivery. Complete the message."""

    document: OrderDocument


@dataclass(frozen=True, slots=True)
class Rejected:
    """No delivery of this message can succeed. Dead-letter it with this reason and description."""

    reason: str
    description: str


class OrderHandler:
    """Make a receipt and a document of each order. `sign` returns a receipt as a compact JWS."""

    def __init__(
        self,
        receipts: Receipts,
        documents: Documents,
        sign: Callable[[Receipt], Awaitable[str]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._receipts = receipts
        self._documents = documents
        self._sign = sign
        self._now = now

    async def handle_order(self, body: bytes, delivered_before: bool = True) -> Receipted | Rejected:
        """Take the steps. Raises `Unavailable` if a dependency fails: the call may be repeated."""
        try:
            message = OrderMessage.model_validate_json(body)
        except ValidationError as error:
            return Rejected(INVALID_ORDER, describe(error))

        document = None
        if delivered_before or not message.has_random_id:
            # Another body under a used key gets no receipt, since a receipt can't be taken back. An order that is done
            # gets no new one either, even if its own was lost: it would not agree with the document.
            document = await self._documents.read(message.orderId, message.customerId)
        if document is None:
            signed = await self._sign(self._receipt(message))
            receipt = read_receipt(await self._receipts.add(message.receipt_name, signed))
            if receipt is None or not _same_order(receipt, message):
                return Rejected(RECEIPT_MISMATCH, f"the stored receipt {message.receipt_name} is not this order's")
            document = await self._documents.create(_document(receipt, message.receipt_name))
        if document.digest != message.order.digest():
            return Rejected(KEY_REUSED, f"order {message.orderId} was receipted with another body")
        return Receipted(document)

    def _receipt(self, message: OrderMessage) -> Receipt:
        return Receipt(
            orderId=message.orderId,
            customerId=message.customerId,
            order=message.order,
            acceptedAt=message.acceptedAt,
            receiptedAt=self._now(),
        )


def _same_order(receipt: Receipt, message: OrderMessage) -> bool:
    """Tell whether an earlier delivery, or an earlier request with the same key and body, made this receipt."""
    return (receipt.orderId, receipt.customerId, receipt.order) == (message.orderId, message.customerId, message.order)


def _document(receipt: Receipt, name: str) -> OrderDocument:
    """Return the document of a stored receipt. It takes its times from the receipt, so that the two always agree."""
    return OrderDocument(
        id=receipt.orderId,
        customerId=receipt.customerId,
        order=receipt.order,
        digest=receipt.order.digest(),
        acceptedAt=receipt.acceptedAt,
        receiptedAt=receipt.receiptedAt,
        receipt=name,
    )
