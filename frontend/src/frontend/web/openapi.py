"""`/openapi.json`: flask-openapi3 makes it of the views' models and signatures. The rest is here and in `openapi.yaml`.

https://spec.openapis.org/oas/v3.1.0.html
"""

from importlib.resources import files
from typing import Any

import yaml
from flask import Response
from flask_openapi3.models.info import Info
from pydantic import ValidationError

from contract import Order
from frontend.orders.order_input import FORM, JSON, KEY_PATTERN
from frontend.web.problems import Problem, ProblemDetails, answer, invalid

_WORDS: dict[str, Any] = yaml.safe_load((files(__package__) / "openapi.yaml").read_text(encoding="utf-8"))
_PAGE = {"text/html": {"schema": {"type": "string"}}}


def problem_response(description: str) -> dict[str, Any]:
    """Return a response of the type that every error has."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


ERRORS: dict[int, dict[str, Any]] = {
    status: problem_response(description) for status, description in _WORDS["errors"].items()
}

FORM_ACCEPTED: dict[str, Any] = {"description": "a form's answer: the order's page is at `Location`", "content": _PAGE}

SECURITY_OF_FORMS: list[dict[str, list[Any]]] = [{"session": [], "csrf": []}]
"""What a view that takes forms adds to the security of its blueprint."""


def _invalid_parameter(error: ValidationError) -> Response:
    return answer(Problem(400, None, "A parameter is not valid.", errors=invalid(error)))


OPTIONS: dict[str, Any] = {
    "info": Info(**_WORDS["info"]),
    "doc_ui": False,  # its pages load scripts of their own; the document is served by itself
    "security_schemes": _WORDS["security_schemes"],
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
            "description": _WORDS["idempotency_key"],
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

_LOCATION, _RETRY_AFTER = _WORDS["location"], {"Retry-After": _WORDS["retry_after"]}
_HEADERS = {"202": _RETRY_AFTER, "503": _RETRY_AFTER}


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
    accepted["202"] |= {"links": _link("showOrder"), "headers": {"Location": _LOCATION} | _RETRY_AFTER}
    accepted["303"]["headers"] = {"Location": _LOCATION}
    document["paths"]["/orders/{reference}"]["get"]["responses"]["200"]["links"] = _link("showReceipt")
    return document


def _link(operation: str) -> dict[str, Any]:
    return {operation: {"operationId": operation, "parameters": {"reference": "$response.body#/reference"}}}
