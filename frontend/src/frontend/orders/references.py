"""References: the signed names of orders, as they stand in `/orders/{reference}`.

A reference can't be guessed. It tells an order that is not processed yet from one that never was, without any state in
the frontend. It carries the order's digest, which tells a repeat from a key that is used again with another body.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contract import OrderDocument, OrderMessage
from frontend.web.signing_keys import SigningKeys

_PURPOSE = "order reference"

Status = Literal["accepted", "receipted", "refused"]
"""accepted: Service Bus has it, the worker not yet. receipted: done. refused: its key was another order's already."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a valid reference says. `text` is the reference itself."""

    text: str
    customer_id: str
    order_id: str
    digest: str
    accepted_at: datetime

    def status(self, document: OrderDocument | None) -> Status:
        """Return how far the order is, given the document of its id."""
        if document is None:
            return "accepted"
        return "receipted" if document.digest == self.digest else "refused"


class References:
    """Make references, and read them."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    def of_message(self, message: OrderMessage) -> Reference:
        """Return the reference of an order on its way."""
        return self._signed(message.customerId, message.orderId, message.order.digest(), message.acceptedAt)

    def of_document(self, document: OrderDocument) -> Reference:
        """Return the reference of a receipted order."""
        return self._signed(document.customerId, document.id, document.digest, document.acceptedAt)

    def read(self, text: str) -> Reference | None:
        """Return the reference, or None if it was not signed here."""
        fields = self._keys.verified(_PURPOSE, text)
        if fields is None:
            return None
        customer_id, order_id, digest, accepted_at = fields
        return Reference(text, customer_id, order_id, digest, datetime.fromisoformat(accepted_at))

    def _signed(self, customer_id: str, order_id: str, digest: str, accepted_at: datetime) -> Reference:
        text = self._keys.sign(_PURPOSE, [customer_id, order_id, digest, accepted_at.isoformat()])
        return Reference(text, customer_id, order_id, digest, accepted_at)
