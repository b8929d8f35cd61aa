"""References: signed names of orders, `/orders/{reference}`.

A reference can't be guessed or enumerated, and tells "accepted, not yet processed" from "never existed" with no state
in the frontend. It carries the order's digest, so that a key reused with another body can be told from a repeat.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from contract import OrderDocument, OrderMessage
from frontend.web.signing_keys import SigningKeys


@dataclass(frozen=True, slots=True)
class Reference:
    """What a valid reference says. `text` is the reference itself, as it stands in the URL."""

    text: str
    customer_id: str
    order_id: str
    digest: str
    accepted_at: datetime


class References:
    """Makes and reads references, and signs Cosmos DB's continuation tokens for their way through the browser."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    def of_message(self, message: OrderMessage) -> Reference:
        """The reference of an order on its way."""
        return self._make(message.customerId, message.orderId, message.order.digest(), message.acceptedAt)

    def of_document(self, document: OrderDocument) -> Reference:
        """The reference of a receipted order."""
        return self._make(document.customerId, document.id, document.digest, document.acceptedAt)

    def read(self, text: str) -> Reference | None:
        """The reference, or None where it was not signed here."""
        fields = self._verified("order reference", text)
        if fields is None:
            return None
        customer_id, order_id, digest, accepted_at = fields
        return Reference(text, customer_id, order_id, digest, datetime.fromisoformat(accepted_at))

    def sign_continuation(self, token: str) -> str:
        return str(self._serializer("continuation").dumps(token))

    def read_continuation(self, text: str) -> str | None:
        """Cosmos DB's token, or None where it was not signed here."""
        token = self._verified("continuation", text)
        return None if token is None else str(token)

    def _make(self, customer_id: str, order_id: str, digest: str, accepted_at: datetime) -> Reference:
        fields = [customer_id, order_id, digest, accepted_at.isoformat()]
        text = str(self._serializer("order reference").dumps(fields))
        return Reference(text, customer_id, order_id, digest, accepted_at)

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(self._keys.keys(), salt=purpose)

    def _verified(self, purpose: str, text: str) -> Any:
        try:
            return self._serializer(purpose).loads(text)
        except BadSignature:
            if not self._keys.refresh_after_bad_signature():
                return None
        try:
            return self._serializer(purpose).loads(text)
        except BadSignature:
            return None
