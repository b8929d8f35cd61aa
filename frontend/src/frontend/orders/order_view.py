"""An order as a client sees it, in JSON and on the page."""

from datetime import UTC, datetime

from flask import url_for
from pydantic import AwareDatetime, BaseModel, Field

from contract import Order, OrderDocument
from frontend.orders.references import Reference, Status
from workload.durations import in_words


class Links(BaseModel):
    self: str
    receipt: str | None = Field(None, description="once the order is receipted, unless its receipt was lost")


class OrderView(BaseModel):
    """`order` is known once the order is receipted. Until then the frontend knows its reference only."""

    reference: str
    orderId: str
    status: Status = Field(description="accepted, receipted, or refused: its key was another order's")
    acceptedAt: AwareDatetime
    receiptedAt: AwareDatetime | None = None
    order: Order | None = None
    links: Links

    @property
    def receipt_missing(self) -> bool:
        """Tell whether the order was receipted and its receipt was lost."""
        return self.status == "receipted" and self.links.receipt is None

    @property
    def waited(self) -> str:
        """Return in words how long the order has waited, or how long it took."""
        return in_words(((self.receiptedAt or datetime.now(UTC)) - self.acceptedAt).total_seconds())


class UnreadableOrder(BaseModel):
    """An order whose document in Cosmos DB can't be read. `detail` says why."""

    orderId: str
    detail: str


class OrderList(BaseModel):
    """Orders on their way first, then receipted ones, the newest first. `next` is the next page's URL."""

    orders: list[OrderView]
    unreadable: list[UnreadableOrder]
    next: str | None = None


def view_of(reference: Reference, document: OrderDocument | None) -> OrderView:
    """Return the order of a valid reference, given the document of its id, if there is one."""
    status = reference.status(document)
    receipted = document if status == "receipted" else None
    path = url_for("orders.show_order", reference=reference.text)
    return OrderView(
        reference=reference.text,
        orderId=reference.order_id,
        status=status,
        acceptedAt=reference.accepted_at,
        receiptedAt=receipted.receiptedAt if receipted else None,
        order=receipted.order if receipted else None,
        links=Links(self=path, receipt=f"{path}/receipt" if receipted else None),
    )
