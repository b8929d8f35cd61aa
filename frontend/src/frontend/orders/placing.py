"""`POST /orders`, `GET /orders` and `GET /orders/{reference}`."""

import uuid
from datetime import UTC, datetime

import structlog
from flask import Response, jsonify, make_response, redirect, render_template, request, url_for
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field, ValidationError
from werkzeug.wrappers import Response as AnyResponse

from contract import Order, OrderMessage
from frontend.orders.listing import my_orders
from frontend.orders.order_input import FORM, JSON, idempotency_key, order_id_for, read_order
from frontend.orders.order_reader import UnreadableDocument
from frontend.orders.order_view import OrderList, OrderView, view_of
from frontend.orders.references import Reference
from frontend.parts import csrf, services
from frontend.web import sessions
from frontend.web.openapi import (
    COMMON,
    ERRORS,
    FORM_ACCEPTED,
    ORDER_REQUEST,
    SECURITY,
    SECURITY_OF_FORMS,
    problem_response,
)
from frontend.web.problems import FieldError, Problem, answer, dependency, invalid
from frontend.web.representations import wants_html

_log = structlog.get_logger(__name__)

orders = APIBlueprint("orders", __name__, abp_tags=[Tag(name="orders")], abp_responses=COMMON, abp_security=SECURITY)
orders.before_request(sessions.require_session)


class ReferencePath(BaseModel):
    reference: str = Field(description="what `POST /orders` returned")


class OrdersQuery(BaseModel):
    continuation: str = Field(default="", description="from `next`")


@orders.post(
    "/orders",
    operation_id="placeOrder",
    responses={
        202: OrderView,
        303: FORM_ACCEPTED,
        415: ERRORS[415],
        422: ERRORS[422],
    },
    security=SECURITY_OF_FORMS,
    openapi_extensions=ORDER_REQUEST,
)
def place_order() -> AnyResponse:
    """Accepts an order: 202 means that Service Bus has it."""
    if request.mimetype == FORM:
        csrf.protect()
    try:
        order = read_order()
    except ValidationError as error:
        errors = invalid(error)
        if request.mimetype == FORM and wants_html():
            return _orders_page(422, errors)
        raise Problem(422, "InvalidOrder", "The order is not valid.", errors=errors) from error
    reference = _accept(order)
    if request.mimetype != JSON:
        return redirect(url_for("orders.show_order", reference=reference.text), 303)
    view = view_of(reference, None)
    response = make_response(jsonify(view.model_dump(mode="json")), 202)
    response.headers.update({"Location": view.links.self, "Retry-After": "1"})
    return response


# A JSON body needs no CSRF token: another site's page can't send this content type without asking first (CORS), and
# is never allowed to. A form can come from anywhere, so `place_order` protects forms itself.
csrf.exempt(place_order)


def _accept(order: Order) -> Reference:
    key = idempotency_key()
    if key is not None and sessions.customer_of_session() is None:
        raise Problem(
            400,
            "IdempotencyKeyWithoutSession",
            "Idempotency keys are remembered per customer, so send the session cookie (GET /orders hands one out): "
            "without it a repeat would become another order.",
        )
    customer = sessions.customer()
    message = OrderMessage(
        orderId=order_id_for(customer, key) if key is not None else uuid.uuid4().hex,
        customerId=customer,
        order=order,
        acceptedAt=datetime.now(UTC),
    )
    with dependency("Service Bus"):
        services().sender.send(message)
    _log.info("order.accepted", order_id=message.orderId, message_id=message.message_id)
    reference = _earlier_reference(message) or services().references.of_message(message)
    sessions.remember(reference)
    return reference


def _earlier_reference(message: OrderMessage) -> Reference | None:
    """The reference that a repeat was given the first time, if the session still knows it."""
    known = (services().references.read(text) for text in sessions.references())
    same = (message.orderId, message.order.digest())
    return next(
        (reference for reference in known if reference and (reference.order_id, reference.digest) == same), None
    )


@orders.get("/orders", operation_id="listOrders", responses={200: OrderList})
def list_orders(query: OrdersQuery) -> AnyResponse:
    """The customer's orders: those on their way, then the receipted ones."""
    return _orders_page(200, [], query.continuation or None)


def _orders_page(status: int, errors: list[FieldError], continuation: str | None = None) -> Response:
    found = my_orders(sessions.customer(), continuation)
    if not wants_html():
        return make_response(jsonify(found.model_dump(mode="json")), status)
    page = render_template(
        "orders.html",
        found=found,
        first_page=continuation is None,
        errors={error.pointer.removeprefix("#/"): error.detail for error in errors},
        entered=request.form,
        idempotency_key=request.form.get("idempotencyKey") or uuid.uuid4().hex,
    )
    return make_response(page, status)


@orders.get(
    "/orders/<reference>",
    operation_id="showOrder",
    responses={
        200: OrderView,
        202: OrderView,
        404: ERRORS[404],
        409: problem_response("IdempotencyKeyReused: the key was another order's already"),
        502: problem_response("UnreadableOrder: what Cosmos DB holds of this order can't be read"),
    },
)
def show_order(path: ReferencePath) -> AnyResponse:
    """One order: 202 while it is on its way, 200 once it is receipted."""
    reference = read_reference(path.reference)
    with dependency("Cosmos DB"):
        document = services().store.read(reference.customer_id, reference.order_id)
    view = view_of(reference, document)
    if view.status == "refused":
        raise reused()
    if document is not None and services().receipts.is_missing(document):
        view.links.receipt = None
    status = 200 if view.status == "receipted" else 202
    if wants_html():
        response = make_response(render_template("order.html", view=view), status)
    else:
        response = make_response(jsonify(view.model_dump(mode="json")), status)
    if status == 202:
        response.headers["Retry-After"] = "1"
    return response


def read_reference(text: str) -> Reference:
    """The reference in a URL; raises the problem 404 where it was not signed here."""
    reference = services().references.read(text)
    if reference is None:
        raise Problem(404, "UnknownReference", "There is no such order.")
    return reference


@orders.app_errorhandler(UnreadableDocument)
def unreadable(error: UnreadableDocument) -> Response:
    """The problem 502: there is a document of the order, and it can't be read."""
    return answer(Problem(502, "UnreadableOrder", str(error)))


def reused() -> Problem:
    """The problem 409: the key's order has another body."""
    return Problem(
        409,
        "IdempotencyKeyReused",
        "This idempotency key was used before with another order, and that one stands. Send this order with a new key.",
    )
