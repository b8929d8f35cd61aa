"""A customer's orders: those that the session knows to be on their way, then a page of the receipted ones."""

from flask import url_for

from frontend import sessions
from frontend.order_view import OrderList, OrderView, view_of
from frontend.problems import Problem, dependency
from frontend.services import services


def my_orders(customer: str, continuation: str | None) -> OrderList:
    """The first page, or the one that `continuation` leads to; raises the problems 400 and 503."""
    references, store = services().references, services().store
    token = references.read_continuation(continuation) if continuation else None
    if continuation and token is None:
        raise Problem(400, "InvalidContinuation", "This continuation was not handed out here.")
    with dependency("Cosmos DB"):
        page = store.page(customer, token)
        views = [view_of(references.of_document(document), document) for document in page.documents]
        if continuation is None:
            views = [*_pending({document.id for document in page.documents}), *views]
    following = (
        url_for("orders.list_orders", continuation=references.sign_continuation(page.continuation))
        if page.continuation
        else None
    )
    return OrderList(orders=views, next=following)


def _pending(listed: set[str]) -> list[OrderView]:
    """The session's orders that are not receipted, the newest first; the session forgets the receipted ones."""
    pending: list[OrderView] = []
    receipted: set[str] = set()
    for text in sessions.references():
        reference = services().references.read(text)
        if reference is None:
            receipted.add(text)  # its key is gone: nothing more can be said of it
            continue
        view = view_of(reference, services().store.read(reference.customer_id, reference.order_id))
        if view.status == "receipted":
            receipted.add(text)
            if reference.order_id in listed:
                continue
        pending.append(view)
    sessions.forget(receipted)
    return pending
