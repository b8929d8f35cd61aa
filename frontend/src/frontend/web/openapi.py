"""`/openapi.json`: flask-openapi3 makes it of the views' models and signatures; the rest is here.

https://spec.openapis.org/oas/v3.1.0.html
"""

from typing import Any

from flask import Response
from flask_openapi3.models.info import Info
from pydantic import ValidationError

from contract import Order
from frontend.orders.order_input import FORM, JSON, KEY_PATTERN
from frontend.web.problems import Problem, ProblemDetails, answer, invalid

_PAGE = {"text/html": {"schema": {"type": "string"}}}


def problem_response(description: str) -> dict[str, Any]:
    """Return a response of the type that every error has."""
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

FORM_ACCEPTED: dict[str, Any] = {"description": "a form's answer: the order's page is at `Location`", "content": _PAGE}

SECURITY_OF_FORMS: list[dict[str, list[Any]]] = [{"session": [], "csrf": []}]
"""What a view that takes forms adds to the security of its blueprint."""


def _invalid_parameter(error: ValidationError) -> Response:
    return answer(Problem(400, None, "A parameter is not valid.", errors=invalid(error)))


OPTIONS: dict[str, Any] = {
    "info": Info(
        title="Keyless",
        version="1",
        description="Takes orders and shows their receipts. No service behind it holds a credential.\n\n"
        "Every answer but an accepted order's is a page for a client that prefers `text/html`.",
    ),
    "doc_ui": False,  # its pages load scripts of their own; the document is served by itself
    "security_schemes": {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "keyless",
            "description": "A customer's session. A request without one is a new customer's, and its answer sets one.",
        },
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRFToken",
            "description": "Of the session; the page has it. A form may send it as the field `csrf_token` instead.",
        },
    },
    "validation_error_status": 400,
    "validation_error_model": ProblemDetails,
    "validation_error_callback": _invalid_parameter,
}
"""What the application is made with."""

_KEY = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": f"^{KEY_PATTERN}$"}

_ORDER = Order.model_json_schema()
_ORDER["properties"]["product"]["pattern"] = "\\S"  # spaces around it don't count

_FORM = {
    "type": "object",
    "required": _ORDER["required"],
    "properties": {**_ORDER["properties"], "idempotencyKey": _KEY, "csrf_token": {"type": "string"}},
}

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
"""Written out, because a body comes in two content types, and each is read by rules of its own (`order_input`)."""

_RETRY_AFTER = {"description": "seconds", "required": True, "schema": {"type": "integer"}}
_LOCATION = {"description": "the order", "required": True, "schema": {"type": "string", "format": "uri-reference"}}
_HEADERS = {"202": {"Retry-After": _RETRY_AFTER}, "503": {"Retry-After": _RETRY_AFTER}}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the pages, headers and links, which a model can't say."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for operation in operations:
        for status, response in operation["responses"].items():
            response["content"] |= _PAGE
            if status in _HEADERS:
                response["headers"] = _HEADERS[status]
    accepted = document["paths"]["/orders"]["post"]["responses"]
    del accepted["202"]["content"]["text/html"]
    accepted["202"] |= {"links": _link("showOrder"), "headers": {"Location": _LOCATION, "Retry-After": _RETRY_AFTER}}
    accepted["303"]["headers"] = {"Location": _LOCATION}
    document["paths"]["/orders/{reference}"]["get"]["responses"]["200"]["links"] = _link("showReceipt")
    return document


def _link(operation: str) -> dict[str, Any]:
    return {operation: {"operationId": operation, "parameters": {"reference": "$response.body#/reference"}}}
