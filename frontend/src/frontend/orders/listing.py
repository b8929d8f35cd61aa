"""A customer's orders: those that the session knows to be on their way, then a page of the receipted ones."""

from flask import url_for

from frontend.orders.order_reader import UnreadableDocument
from frontend.orders.order_view import OrderList, OrderView, UnreadableOrder, view_of
from frontend.parts import services
from frontend.web import sessions
from frontend.web.problems import Problem, dependency


def my_orders(customer: str, continuation: str | None) -> OrderList:
    """The first page, or the one that `continuation` leads to; raises the problems 400 and 503."""
    references, store = services().references, services().store
    token = references.read_continuation(continuation) if continuation else None
    if continuation and token is None:
        raise Problem(400, "InvalidContinuation", "This continuation was not handed out here.")
    with dependency("Cosmos DB"):
        page = store.page(customer, token)
    found = OrderList(
        orders=[view_of(references.of_document(document), document) for document in page.documents],
        unreadable=[_unreadable(document) for document in page.unreadable],
    )
    if continuation is None:
        _put_pending_first(found)
    if page.continuation:
        found.next = url_for("orders.list_orders", continuation=references.sign_continuation(page.continuation))
    return found


def _put_pending_first(found: OrderList) -> None:
    """Adds the session's orders that are not receipted, the newest first; the session forgets the receipted ones."""
    listed = {order.orderId for order in found.orders} | {order.orderId for order in found.unreadable}
    pending: list[OrderView] = []
    processed: set[str] = set()
    for text in sessions.references():
        reference = services().references.read(text)
        if reference is None:
            processed.add(text)  # its key is gone: nothing more can be said of it
            continue
        try:
            with dependency("Cosmos DB"):
                document = services().store.read(reference.customer_id, reference.order_id)
        except UnreadableDocument as unreadable:
            if reference.order_id not in listed:
                found.unreadable.append(_unreadable(unreadable))
            continue
        view = view_of(reference, document)
        if view.status == "receipted":
            processed.add(text)
            if reference.order_id in listed:
                continue
        pending.append(view)
    sessions.forget(processed)
    found.orders[:0] = pending


def _unreadable(document: UnreadableDocument) -> UnreadableOrder:
    return UnreadableOrder(orderId=document.order_id, detail=str(document))
