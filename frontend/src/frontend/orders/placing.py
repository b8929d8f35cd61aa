"""`POST /orders`: accept an order, and send it to the worker."""

import uuid
from datetime import UTC, datetime

import structlog
from flask import jsonify, make_response, redirect, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response

from contract import Order, OrderMessage
from frontend.orders.blueprint import orders
from frontend.orders.listing import orders_page
from frontend.orders.order_faults import order_faults
from frontend.orders.order_input import FORM, JSON, idempotency_key, order_id_for, read_order
from frontend.orders.order_view import OrderView, view_of
from frontend.orders.references import Reference
from frontend.orders.remembered import remember, remembered
from frontend.parts import parts
from frontend.web import openapi
from frontend.web.forgery import csrf
from frontend.web.problems import Problem, calling
from frontend.web.representations import wants_html
from frontend.web.sessions import customer, has_customer

_log = structlog.get_logger(__name__)


@orders.post(
    "/orders",
    operation_id="placeOrder",
    responses={
        202: OrderView,
        303: openapi.FORM_ACCEPTED,
        415: openapi.ERRORS[415],
        422: openapi.ERRORS[422],
    },
    security=openapi.SECURITY_OF_FORMS,
    openapi_extensions=openapi.ORDER_REQUEST,
)
def place_order() -> Response:
    """Accept an order. 202 means that Service Bus has it."""
    if request.mimetype == FORM:
        csrf.protect()
    try:
        order = read_order()
    except ValidationError as error:
        errors = order_faults(error)
        if request.mimetype == FORM and wants_html():
            return orders_page(422, errors)
        raise Problem(422, "InvalidOrder", "The order is not valid.", errors=errors) from error
    reference = _accept(order)
    if request.mimetype != JSON:
        return redirect(url_for("orders.show_order", reference=reference.text), 303)
    view = view_of(reference, None)
    response = make_response(jsonify(view.model_dump(mode="json")), 202)
    response.headers.update({"Location": view.links.self, "Retry-After": "1"})
    return response


# A JSON body needs no CSRF token: another site's page can't send this content type without asking first (CORS), and
# it is never allowed to. A form can come from anywhere, so `place_order` protects forms itself.
csrf.exempt(place_order)


def _accept(order: Order) -> Reference:
    key = idempotency_key()
    if key is not None and not has_customer():
        raise Problem(
            400,
            "IdempotencyKeyWithoutSession",
            "Idempotency keys are remembered per customer, so send the session cookie (GET /orders hands one out): "
            "without it a repeat would become another order.",
        )
    customer_id = customer()
    message = OrderMessage(
        orderId=order_id_for(customer_id, key) if key is not None else uuid.uuid4().hex,
        customerId=customer_id,
        order=order,
        acceptedAt=datetime.now(UTC),
    )
    with calling("Service Bus"):
        parts().sender.send(message)
    _log.info("order.accepted", order_id=message.orderId, message_id=message.message_id)
    earlier = _earlier_reference(message) if key is not None else None  # without a key no two orders are the same
    reference = earlier or parts().references.of_message(message)
    remember(reference)
    return reference


def _earlier_reference(message: OrderMessage) -> Reference | None:
    """Return the reference that the first of two equal requests was given, if the session still knows it."""
    known = (parts().references.read(text) for text in remembered())
    same = (message.orderId, message.order.digest())
    return next(
        (reference for reference in known if reference and (reference.order_id, reference.digest) == same), None
    )
