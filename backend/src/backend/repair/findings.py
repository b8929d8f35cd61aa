"""A document without its receipt, and the receipt that is made from it."""

from dataclasses import dataclass

from contract import OrderDocument, OrderMessage, Receipt


@dataclass(frozen=True, slots=True)
class Finding:
    """A document whose receipt is missing. `name` is its `id`, in a form that can be shown.

    `fault` says why no receipt can be made from `document`, or is None if one can.
    """

    name: str
    document: OrderDocument | None
    fault: str | None


def document_fault(document: OrderDocument) -> str | None:
    """Return why a receipt made from this document would not be its order's, or None."""
    if document.digest != document.order.digest():
        return "the document's digest is not its order's: one of them was changed"
    message = OrderMessage(  # a receipt is named by the message that it was made of
        orderId=document.id, customerId=document.customerId, order=document.order, acceptedAt=document.acceptedAt
    )
    return None if document.receipt == message.receipt_name else "the document names another order's receipt"


def receipt_of(document: OrderDocument) -> Receipt:
    """Return the receipt that the worker signed. The document has its times."""
    return Receipt(
        orderId=document.id,
        customerId=document.customerId,
        order=document.order,
        acceptedAt=document.acceptedAt,
        receiptedAt=document.receiptedAt,
    )
