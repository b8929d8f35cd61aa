"""`/openapi.json`: what the models and signatures of the views say, and what they can't say.

https://spec.openapis.org/oas/v3.1.0.html
"""

from typing import Any

from flask_openapi3.models.info import Info
from flask_openapi3.types import ResponseDict

from contract import Order
from frontend.orders.order_input import FORM, JSON, KEY_PATTERN

INFO = Info(
    title="Keyless",
    version="1",
    description="Takes orders and shows their receipts. No service behind it holds a credential.\n\n"
    "Every answer but an accepted order's is a page for a client that prefers `text/html`.",
)

SECURITY_SCHEMES: dict[str, Any] = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "keyless",
        "description": "A customer's session. Whoever comes without one is a new customer, and is given one.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": "Of the session; the page has it. A form may send it as the field `csrf_token` instead.",
    },
}

SECURITY: list[dict[str, list[Any]]] = [{}, {"session": []}]
SECURITY_OF_FORMS: list[dict[str, list[Any]]] = [{"session": [], "csrf": []}]
"""What a view adds that takes forms; the others of `SECURITY` are for JSON."""

_PAGE = {"text/html": {"schema": {"type": "string"}}}


def problem_response(description: str) -> dict[str, Any]:
    """A response of the type that every error has."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


ERRORS: dict[int, dict[str, Any]] = {
    status: problem_response(description)
    for status, description in {
        400: "malformed: the request, its host, the JSON, the key, the continuation or the form's token",
        404: "this reference was not handed out here",
        408: "the request did not come in time",
        413: "the body is over 64 KiB",
        414: "the URL is too long",
        415: "neither JSON nor a form",
        422: "the order is not valid; `errors` names the fields",
        431: "the request's head is too long",
        503: "a dependency is down; `Retry-After` says when to try again",
    }.items()
}

COMMON: ResponseDict = {status: ERRORS[status] for status in (400, 408, 413, 414, 431, 503)}

FORM_ACCEPTED: dict[str, Any] = {"description": "a form's answer: the order's page is at `Location`", "content": _PAGE}

_KEY = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": f"^{KEY_PATTERN}$"}

_ORDER = Order.model_json_schema()
_ORDER["properties"]["product"]["pattern"] = "\\S"  # spaces around it don't count

_FORM = {
    "type": "object",
    "required": _ORDER["required"],
    "properties": {**_ORDER["properties"], "idempotencyKey": _KEY, "csrf_token": {"type": "string"}},
}

# Written out, since the body comes in two content types, and each is read by rules of its own (`order_request`).
ORDER_REQUEST: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "a repeat with the same key, body and session is the same order",
            "schema": _KEY,
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": _ORDER, "example": {"product": "Brass keyhole", "quantity": 2}},
            FORM: {"schema": _FORM},
        },
    },
}

_RETRY_AFTER = {"description": "seconds", "required": True, "schema": {"type": "integer"}}
_LOCATION = {"description": "the order", "required": True, "schema": {"type": "string", "format": "uri-reference"}}

_HEADERS = {"202": {"Retry-After": _RETRY_AFTER}, "503": {"Retry-After": _RETRY_AFTER}}

_LINKS = {
    name: {name: {"operationId": name, "parameters": {"reference": "$response.body#/reference"}}}
    for name in ("showOrder", "showReceipt")
}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the pages, headers and links that can't be said with a model."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for operation in operations:
        for status, response in operation["responses"].items():
            response["content"] |= _PAGE
            if status in _HEADERS:
                response["headers"] = _HEADERS[status]
    accepted = document["paths"]["/orders"]["post"]["responses"]
    del accepted["202"]["content"]["text/html"]
    accepted["202"] |= {"links": _LINKS["showOrder"], "headers": {"Location": _LOCATION, "Retry-After": _RETRY_AFTER}}
    accepted["303"]["headers"] = {"Location": _LOCATION}
    document["paths"]["/orders/{reference}"]["get"]["responses"]["200"]["links"] = _LINKS["showReceipt"]
    return document
