"""Partition keys: the values in a document, and those in the `x-ms-documentdb-partitionkey` header.

A container has one path to a value, or up to three of them (https://learn.microsoft.com/azure/cosmos-db/hierarchical-partition-keys).
A key's text is the JSON of its values with commas between; `{}` stands for a value that is not there. So equal keys are
equal texts, and the text of a key's first values is the beginning of its own.
"""

import math
from collections.abc import Sequence
from typing import Any

from localcloud.cosmos import json_text
from localcloud.cosmos.errors import BadRequest

Path = tuple[str, ...]
"""The names on the way to a value: `("address", "city")` for `/address/city`."""

LONGEST = 2048  # bytes of a value, https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-item-limits

_ABSENT = "{}"


def of_document(document: dict[str, Any], paths: Sequence[Path]) -> str:
    """Read the key's text; raises `BadRequest` if one of its values is an object or an array."""
    return join(_in_document(document, path) for path in paths)


def of_header(header: str, levels: int) -> tuple[str, ...]:
    """Read the texts of the values in the header, in a container of so many levels; raises `BadRequest`.

    There may be fewer than `levels`. An empty array is the key of a document that has none of the values.
    """
    try:
        values = json_text.parse(header)
    except ValueError:
        values = None
    if not isinstance(values, list) or len(values) > levels:
        raise BadRequest(f"Partition key {header[:100]} is invalid.")
    if not values:
        return (_ABSENT,) * levels
    return tuple(_ABSENT if value == {} else _text(value) for value in values)


def join(values: Any) -> str:
    """Write the text of a key, or of its first values."""
    return ",".join(values)


def _in_document(document: dict[str, Any], path: Path) -> str:
    place: Any = document
    for name in path:
        if not isinstance(place, dict) or name not in place:
            return _ABSENT
        place = place[name]
    return _text(place)


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise BadRequest("Partition key provided is neither a string, a number, a boolean nor null.")
    if isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) > LONGEST:
        raise BadRequest(f"A value of the partition key is longer than {LONGEST} bytes.")
    if isinstance(value, int | float) and not isinstance(value, bool) and _is_whole(value):
        value = int(float(value))  # numbers are doubles: 1.0 and 1 are one, and so are 2^53 and 2^53 + 1
    return json_text.write(value)


def _is_whole(value: float) -> bool:
    return math.isfinite(value) and float(value).is_integer()
