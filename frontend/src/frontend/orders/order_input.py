"""What `POST /orders` takes: an order as JSON or as a form, and perhaps an idempotency key."""

import hashlib
import re

from flask import request
from pydantic import ValidationError

from contract import Order
from frontend.web.problems import Problem

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

KEY_PATTERN = "[!-~]([ -~]{0,253}[!-~])?"
"""Printable ASCII without a space at either end, because HTTP would lose it there."""


def read_order() -> Order:
    """Return the order in the body. Raises pydantic's `ValidationError`, or the problems 400, 413 and 415."""
    if request.mimetype == FORM:
        return Order.model_validate(_form_fields())
    if request.mimetype != JSON:
        raise Problem(415, None, f"Send the order as {JSON}.", headers={"Accept-Post": f"{JSON}, {FORM}"})
    try:
        return Order.model_validate_json(request.get_data())
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Problem(400, "InvalidJson", f"The body is not JSON: {error.errors()[0]['msg']}.") from error
        raise


def _form_fields() -> dict[str, str | int]:
    """Return the fields that were filled in, typed as `Order` takes them.

    A browser sends a line's end as two characters, and its field's `maxlength` has counted it as one.
    """
    texts = {name: request.form.get(name, "").strip().replace("\r\n", "\n") for name in Order.model_fields}
    fields: dict[str, str | int] = {name: text for name, text in texts.items() if text}
    if re.fullmatch(r"[+-]?[0-9]{1,4000}", texts["quantity"]):
        fields["quantity"] = int(texts["quantity"])
    return fields


def idempotency_key() -> str | None:
    """Return the key of the header or of the form, or None. Raises the problem 400.

    The form's hidden field makes a double click one order.
    """
    keys = {request.headers.get("Idempotency-Key"), request.form.get("idempotencyKey")} - {None}
    if len(keys) > 1:
        raise Problem(400, "InvalidIdempotencyKey", "The header and the form have two different idempotency keys.")
    key = next(iter(keys), None)
    if key is not None and not re.fullmatch(KEY_PATTERN, key):
        raise Problem(400, "InvalidIdempotencyKey", "An Idempotency-Key is 1 to 255 printable ASCII characters.")
    return key


def order_id_for(customer: str, key: str) -> str:
    """Return an order id that is the same for the same customer and key, and for no others.

    It is a UUID of version 8, the version for own algorithms, so it is no random one (version 4).
    https://www.rfc-editor.org/rfc/rfc9562.html#name-uuid-version-8
    """
    digits = hashlib.sha256(f"{customer}:{key}".encode()).hexdigest()
    return f"{digits[:12]}8{digits[13:16]}8{digits[17:32]}"
