"""JSON as Cosmos DB takes it: no NaN, no infinity, at most 128 levels deep, one top-level value."""

import json
import math
from typing import Any

DEEPEST = 128  # levels, https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-item-limits


class TooDeepError(ValueError):
    """A value is nested in more levels than Cosmos DB takes."""

    def __init__(self) -> None:
        super().__init__(f"Exceeded the maximum level of nesting for JSON: {DEEPEST}.")


def parse(text: bytes | str) -> Any:
    """Read the value; raises `ValueError` if the text is not JSON that can be stored and sent again."""
    try:
        value = json.loads(text, parse_constant=_not_a_number, parse_float=_finite, parse_int=_integer)
    except RecursionError as error:
        raise TooDeepError from error
    brackets = (text.count(b"[") + text.count(b"{")) if isinstance(text, bytes) else text.count("[") + text.count("{")
    if brackets > DEEPEST:
        check_depth(value)
    return value


def check_depth(value: Any) -> None:
    """Raise `TooDeepError` if the value is nested in more levels than Cosmos DB takes."""
    layer = [value]
    for _ in range(DEEPEST):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    if any(isinstance(inner, dict | list) for inner in layer):
        raise TooDeepError


def write(value: Any) -> str:
    """Write compact JSON in ASCII, which a lone surrogate in a document survives."""
    return json.dumps(value, separators=(",", ":"))


def size(value: Any) -> int:
    """Count the bytes of the compact JSON in UTF-8, as Cosmos DB measures an item."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return len(text.encode("utf-8", "surrogatepass"))


def _not_a_number(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _integer(text: str) -> float:
    value = int(text) if len(text) <= len(str(-(2**63))) else None
    return _finite(text) if value is None or not -(2**63) <= value < 2**63 else value  # beyond 64 bits, doubles


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:30]} is not a number that can be kept")
    return number
