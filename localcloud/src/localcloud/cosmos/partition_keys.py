"""Partition keys: the value in a document, and the one in the `x-ms-documentdb-partitionkey` header.

Both become the same text, so that equal keys are equal strings: JSON of one scalar, or `{}` where there is no value.
"""

import math
from typing import Any

from localcloud.cosmos import json_text
from localcloud.cosmos.errors import BadRequest

UNDEFINED = "{}"


def of_document(document: dict[str, Any], property_name: str) -> str:
    """The partition that a document belongs to; raises `BadRequest` for a key that is an object or an array."""
    if property_name not in document:
        return UNDEFINED
    return _text(document[property_name])


def of_header(header: str | None) -> str | None:
    """The partition that the header names, None where there is no header; raises `BadRequest` if it is malformed."""
    if header is None:
        return None
    try:
        values = json_text.parse(header)
    except ValueError:
        values = None
    if values == [] or values == [{}]:
        return UNDEFINED
    if not isinstance(values, list) or len(values) != 1:
        raise BadRequest(f"Partition key {header[:100]} is invalid.")
    return _text(values[0])


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise BadRequest("Partition key provided is neither a string, a number, a boolean nor null.")
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)  # 1.0 and 1 are one number
    return json_text.write(value)
