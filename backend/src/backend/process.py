"""One order's way, from the message to the receipt and the document: repeatable steps in a fixed order.

    validate, read the document, sign, add the receipt, create the document    (and then the worker settles)

Each step may be repeated with the same result: the receipt and the document are only ever created, and what is
already there is read and kept. So a crash between any two steps is no more than a redelivery.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from pydantic import ValidationError

from backend.messages import INVALID_ORDER, printable
from backend.receipts import read_receipt
from contract import OrderDocument, OrderMessage, Receipt

KEY_REUSED = "IdempotencyKeyReused"
RECEIPT_MISMATCH = "ReceiptMismatch"


class Receipts(Protocol):
    """The receipts of all orders, by blob name."""

    async def add(self, name: str, receipt: str) -> str:
        """Stores the receipt unless one has this name already; returns the one that is stored now."""


class Documents(Protocol):
    """The documents of all orders, by order and customer."""

    async def read(self, order_id: str, customer_id: str) -> OrderDocument | None:
        """The order's document, if there is one."""

    async def create(self, document: OrderDocument) -> OrderDocument:
        """Stores the document unless the order has one already; returns the one that is stored now."""


Signer = Callable[[Receipt], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Receipted:
    """The order has its receipt and its document, from now or from an earlier delivery: complete the message."""

    document: OrderDocument


@dataclass(frozen=True, slots=True)
class Rejected:
    """No delivery of this message can ever succeed: dead-letter it with this reason and description."""

    reason: str
    description: str


class Process:
    """Turns one message's body into a receipt and a document."""

    def __init__(
        self,
        receipts: Receipts,
        documents: Documents,
        sign: Signer,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._receipts = receipts
        self._documents = documents
        self._sign = sign
        self._now = now

    async def __call__(self, body: bytes) -> Receipted | Rejected:
        """Raises `Unavailable` if a dependency fails; the call may then be repeated as it is."""
        try:
            message = OrderMessage.model_validate_json(body)
        except ValidationError as error:
            return Rejected(INVALID_ORDER, describe(error))

        # Read first: another body under a used key gets no receipt, since a receipt can't be taken back.
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


def describe(error: ValidationError) -> str:
    """The first three faults, as `field: what is wrong`, without the values that were sent."""
    faults = [
        f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)[:3]
    ]
    return printable("; ".join(faults))[:1000]


def _same_order(receipt: Receipt, message: OrderMessage) -> bool:
    """Whether an earlier delivery, or an earlier request with the same key and body, made this receipt."""
    return (receipt.orderId, receipt.customerId, receipt.order) == (message.orderId, message.customerId, message.order)


def _document(receipt: Receipt, name: str) -> OrderDocument:
    """The document takes its times from the stored receipt, so that the two always agree."""
    return OrderDocument(
        id=receipt.orderId,
        customerId=receipt.customerId,
        order=receipt.order,
        digest=receipt.order.digest(),
        acceptedAt=receipt.acceptedAt,
        receiptedAt=receipt.receiptedAt,
        receipt=name,
    )
