"""What `/openapi.json` says beyond the models and signatures of the views."""

from typing import Any

from flask_openapi3.models.info import Info
from flask_openapi3.types import ResponseDict

from contract import Order

INFO = Info(
    title="Keyless",
    version="1",
    description="Takes orders and shows their receipts. No service behind it holds a credential.",
)


def problem_response(description: str) -> dict[str, Any]:
    """A response of the type that every error has."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


ERRORS: dict[int, dict[str, Any]] = {
    status: problem_response(description)
    for status, description in {
        400: "malformed: the JSON, the key, the continuation or the form's token",
        404: "this reference was not handed out here",
        413: "the body is over 64 KiB",
        415: "neither JSON nor a form",
        422: "the order is not valid; `errors` names the fields",
        503: "a dependency is down; `Retry-After` says when to try again",
    }.items()
}

COMMON: ResponseDict = {status: ERRORS[status] for status in (400, 422, 503)}

_ORDER = Order.model_json_schema()

# Written out, since the body comes in two content types, and each is read by rules of its own (`order_request`).
ORDER_REQUEST: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "a repeat with the same key, body and session is the same order",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*$"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _ORDER, "example": {"product": "Brass keyhole", "quantity": 2}},
            "application/x-www-form-urlencoded": {"schema": _ORDER},
        },
    },
}
