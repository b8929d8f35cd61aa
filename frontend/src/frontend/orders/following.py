"""`GET /orders/{reference}` and `GET /orders/{reference}/receipt`: follow an order to its verified receipt."""

import structlog
from flask import Response, jsonify, make_response, render_template
from pydantic import BaseModel, Field

from contract import OrderDocument
from frontend.orders.blueprint import orders
from frontend.orders.order_reader import UnreadableDocument
from frontend.orders.order_view import OrderView, view_of
from frontend.orders.receipt_reader import ReceiptMissing, ReceiptNotVerified, VerifiedReceipt
from frontend.orders.references import Reference
from frontend.parts import parts
from frontend.web import openapi
from frontend.web.openapi import problem_response
from frontend.web.problems import Problem, answer, calling
from frontend.web.representations import wants_html

_log = structlog.get_logger(__name__)


class ReferencePath(BaseModel):
    reference: str = Field(description="what `POST /orders` returned")


class ReceiptView(BaseModel):
    """A receipt whose signature was verified just now, with the public key of version `kid`."""

    receipt: str = Field(description="compact JWS (Ed25519) over the contract's `Receipt` as JSON")
    verified: bool
    kid: str = Field(description="the version of the Key Vault secret `receipt-public-key`")
    order: OrderView


@orders.get(
    "/orders/<reference>",
    operation_id="showOrder",
    responses={
        200: OrderView,
        202: OrderView,
        404: openapi.ERRORS[404],
        409: problem_response("IdempotencyKeyReused: the key was another order's already"),
        502: problem_response("UnreadableOrder: what Cosmos DB holds of this order can't be read"),
    },
)
def show_order(path: ReferencePath) -> Response:
    """Show one order: 202 while it is on its way, 200 once it is receipted."""
    reference, document = _order(path.reference)
    view = view_of(reference, document)
    if document is not None and parts().receipts.is_missing(document):
        view.links.receipt = None
    status = 202 if document is None else 200
    if wants_html():
        response = make_response(render_template("order.html", view=view), status)
    else:
        response = make_response(jsonify(view.model_dump(mode="json")), status)
    if status == 202:
        response.headers["Retry-After"] = "1"
    return response


@orders.get(
    "/orders/<reference>/receipt",
    operation_id="showReceipt",
    responses={
        200: ReceiptView,
        404: openapi.ERRORS[404],
        409: problem_response("IdempotencyKeyReused, as the order itself"),
        502: problem_response(
            "NotVerified: what is stored is not what the worker signed for this order. "
            "ReceiptMissing: the order is receipted, and its receipt was lost since. "
            "UnreadableOrder: the order's document can't be read"
        ),
    },
)
def show_receipt(path: ReferencePath) -> Response:
    """Show the order's receipt, verified."""
    reference, document = _order(path.reference)
    if document is None:
        raise Problem(404, "NotYetReceipted", "The order is on its way: ask again.", headers={"Retry-After": "1"})
    receipt = _receipt(document)
    view = ReceiptView(receipt=receipt.jws, verified=True, kid=receipt.kid, order=view_of(reference, document))
    if wants_html():
        return make_response(render_template("receipt.html", view=view, name=document.receipt))
    return jsonify(view.model_dump(mode="json"))


def _order(text: str) -> tuple[Reference, OrderDocument | None]:
    """Return what a reference says, and the order's document if there is one. Raises the problems 404, 409 and 503."""
    reference = parts().references.read(text)
    if reference is None:
        raise Problem(404, "UnknownReference", "There is no such order.")
    with calling("Cosmos DB"):
        document = parts().orders.read(reference.customer_id, reference.order_id)
    if reference.status(document) == "refused":
        raise Problem(
            409,
            "IdempotencyKeyReused",
            "This form, or this idempotency key, was used before with another order, and that one stands. "
            "Fill in a new form, or send a new key.",
        )
    return reference, document


def _receipt(document: OrderDocument) -> VerifiedReceipt:
    """Return the order's receipt. Raises the problems 502 and 503."""
    try:
        with calling("Blob Storage or Key Vault"):
            return parts().receipts.read(document)
    except ReceiptMissing as error:
        _log.error("receipt.missing", order_id=document.id, receipt=document.receipt)
        raise Problem(
            502,
            "ReceiptMissing",
            "This order was receipted, but its receipt is no longer in Blob Storage: it was lost. "
            "The order stands, and the operator can make its receipt again.",
        ) from error
    except ReceiptNotVerified as error:
        _log.error("receipt.not_verified", order_id=document.id, receipt=document.receipt, reason=str(error))
        raise Problem(502, "NotVerified", f"DO NOT TRUST THIS RECEIPT: {error}.") from error


@orders.errorhandler(UnreadableDocument)
def unreadable(error: UnreadableDocument) -> Response:
    """Answer with the problem 502: there is a document of the order, and it can't be read."""
    return answer(Problem(502, "UnreadableOrder", str(error)))
