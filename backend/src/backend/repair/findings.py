"""A document without its receipt, and the receipt that is made from it."""

from dataclasses import dataclass

from contract import OrderDocument, OrderMessage, Receipt


@dataclass(frozen=True, slots=True)
class Finding:
    """A document whose receipt is missing. `name` is its order's id, or what stands in its place.

    `fault` says why no receipt can be made from `document`; it is None if one can.
    """

    name: str
    document: OrderDocument | None
    fault: str | None


def fault_of(document: OrderDocument) -> str | None:
    """Why a receipt made from this document would not be its order's; None if it would."""
    if document.digest != document.order.digest():
        return "the document's digest is not its order's: one of them was changed"
    if document.receipt != _message_of(document).receipt_name:
        return "the document names another order's receipt"
    return None


def receipt_of(document: OrderDocument) -> Receipt:
    """The receipt as the worker signed it: the document took its times from there."""
    return Receipt(
        orderId=document.id,
        customerId=document.customerId,
        order=document.order,
        acceptedAt=document.acceptedAt,
        receiptedAt=document.receiptedAt,
    )


def _message_of(document: OrderDocument) -> OrderMessage:
    """The message that the document was made of, by whose rule the receipt is named."""
    return OrderMessage(
        orderId=document.id, customerId=document.customerId, order=document.order, acceptedAt=document.acceptedAt
    )
