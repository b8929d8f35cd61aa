"""`GET /orders`: a customer's orders, those on their way first, and the form to place another."""

import uuid

from flask import Response, jsonify, make_response, render_template, request, url_for
from pydantic import BaseModel, Field

from frontend.orders.blueprint import orders
from frontend.orders.order_reader import UnreadableDocument
from frontend.orders.order_view import OrderList, OrderView, UnreadableOrder, view_of
from frontend.orders.remembered import forget, remembered
from frontend.parts import parts
from frontend.web.problems import FieldError, Problem, calling
from frontend.web.representations import wants_html
from frontend.web.sessions import customer

_CONTINUATION = "continuation"  # what it is signed for: Cosmos DB gets none that was not handed out here


class OrdersQuery(BaseModel):
    continuation: str = Field(default="", description="from `next`")


@orders.get("/orders", operation_id="listOrders", responses={200: OrderList})
def list_orders(query: OrdersQuery) -> Response:
    """List the customer's orders: those on their way, then the receipted ones."""
    return orders_page(200, [], query.continuation)


def orders_page(status: int, errors: list[FieldError], continuation: str = "") -> Response:
    """Return the list and the form, with the entries of a form that was not valid. Raises the problems 400 and 503."""
    found = _orders(customer(), continuation)
    if not wants_html():
        return make_response(jsonify(found.model_dump(mode="json")), status)
    page = render_template(
        "orders.html",
        found=found,
        first_page=not continuation,
        errors={error.pointer.removeprefix("#/"): error.detail for error in errors},
        entered=request.form,
        idempotency_key=request.form.get("idempotencyKey") or uuid.uuid4().hex,
    )
    return make_response(page, status)


def _orders(customer_id: str, continuation: str) -> OrderList:
    keys, references = parts().keys, parts().references
    token = keys.verified(_CONTINUATION, continuation) if continuation else None
    if continuation and token is None:
        raise Problem(400, "InvalidContinuation", "This continuation was not handed out here.")
    with calling("Cosmos DB"):
        page = parts().orders.page(customer_id, token)
    found = OrderList(
        orders=[view_of(references.of_document(document), document) for document in page.documents],
        unreadable=[_unreadable(document) for document in page.unreadable],
    )
    if not continuation:
        _put_pending_first(found)
    if page.continuation:
        found.next = url_for("orders.list_orders", continuation=keys.sign(_CONTINUATION, page.continuation))
    return found


def _put_pending_first(found: OrderList) -> None:
    """Add the session's orders that are not receipted, the newest first. The session forgets the receipted ones."""
    listed = {order.orderId for order in found.orders} | {order.orderId for order in found.unreadable}
    pending: list[OrderView] = []
    processed: set[str] = set()
    for text in remembered():
        reference = parts().references.read(text)
        if reference is None:
            processed.add(text)  # its key is gone, so nothing can be said of it any more
            continue
        try:
            with calling("Cosmos DB"):
                document = parts().orders.read(reference.customer_id, reference.order_id)
        except UnreadableDocument as unreadable:
            if reference.order_id not in listed:
                found.unreadable.append(_unreadable(unreadable))
            continue
        view = view_of(reference, document)
        if view.status == "receipted":
            processed.add(text)
        if view.status != "receipted" or reference.order_id not in listed:
            pending.append(view)
    forget(processed)
    found.orders[:0] = pending


def _unreadable(document: UnreadableDocument) -> UnreadableOrder:
    return UnreadableOrder(orderId=document.order_id, detail=str(document))
