"""`GET /orders/{reference}/receipt`."""

import structlog
from flask import jsonify, make_response, render_template
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response

from frontend.orders.order_reader import status_of
from frontend.orders.order_view import OrderView, view_of
from frontend.orders.placing import ReferencePath, read_reference, reused
from frontend.orders.receipt_reader import Missing, NotVerified
from frontend.parts import services
from frontend.web import sessions
from frontend.web.openapi import COMMON, ERRORS, SECURITY, problem_response
from frontend.web.problems import Problem, dependency
from frontend.web.representations import wants_html

_log = structlog.get_logger(__name__)

receipts = APIBlueprint(
    "receipts", __name__, abp_tags=[Tag(name="orders")], abp_responses=COMMON, abp_security=SECURITY
)
receipts.before_request(sessions.require_session)


class ReceiptView(BaseModel):
    """A receipt whose signature was verified, just now, with the public key of version `kid`."""

    receipt: str = Field(description="compact JWS (Ed25519) over the contract's `Receipt` as JSON")
    verified: bool
    kid: str = Field(description="the version of the Key Vault secret `receipt-public-key`")
    order: OrderView


@receipts.get(
    "/orders/<reference>/receipt",
    operation_id="showReceipt",
    responses={
        200: ReceiptView,
        404: ERRORS[404],
        409: problem_response("IdempotencyKeyReused, as the order itself"),
        502: problem_response(
            "NotVerified: what is stored is not what the worker signed for this order. "
            "ReceiptMissing: the order is receipted, and its receipt was lost since. "
            "UnreadableOrder: the order's document can't be read"
        ),
    },
)
def show_receipt(path: ReferencePath) -> Response:
    """The order's receipt, verified."""
    reference = read_reference(path.reference)
    with dependency("Cosmos DB"):
        document = services().store.read(reference.customer_id, reference.order_id)
    if document is None:
        raise Problem(404, "NotYetReceipted", "The order is on its way: ask again.", headers={"Retry-After": "1"})
    if status_of(reference, document) == "refused":
        raise reused()
    try:
        with dependency("Blob Storage or Key Vault"):
            receipt = services().receipts.read(document)
    except Missing as error:
        _log.error("receipt.missing", order_id=document.id, receipt=document.receipt)
        raise Problem(
            502,
            "ReceiptMissing",
            "This order was receipted, but its receipt is no longer in Blob Storage: it was lost. "
            "The order stands, and the operator can make its receipt again.",
        ) from error
    except NotVerified as error:
        _log.error("receipt.not_verified", order_id=document.id, receipt=document.receipt, reason=str(error))
        raise Problem(502, "NotVerified", f"DO NOT TRUST THIS RECEIPT: {error}.") from error
    view = ReceiptView(receipt=receipt.jws, verified=True, kid=receipt.kid, order=view_of(reference, document))
    if wants_html():
        return make_response(render_template("receipt.html", view=view, name=document.receipt))
    return make_response(jsonify(view.model_dump(mode="json")))
