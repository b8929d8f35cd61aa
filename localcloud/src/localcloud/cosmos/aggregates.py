"""COUNT, SUM, MIN, MAX and AVG over the values of one argument on all rows of a query or a group.

https://learn.microsoft.com/cosmos-db/query/functions#aggregation-functions. None sees the values that are undefined.
"""

import math
from collections.abc import Callable
from typing import Any

from localcloud.cosmos.values import UNDEFINED, is_number, number, sort_key


def compute(function: str, values: list[Any]) -> Any:
    """Compute the aggregate of this name, in capitals, over the values."""
    return FUNCTIONS[function]([value for value in values if value is not UNDEFINED])


def _sum(values: list[Any]) -> Any:
    """Add the values up; undefined if one of them is no number."""
    return number(math.fsum(values)) if all(is_number(value) for value in values) else UNDEFINED


def _average(values: list[Any]) -> Any:
    total = _sum(values)
    return UNDEFINED if total is UNDEFINED or not values else number(total / len(values))


def _extreme(choose: Callable[..., Any]) -> Callable[[list[Any]], Any]:
    def compute(values: list[Any]) -> Any:
        """Find the least or the greatest value; undefined over nothing, and over objects and arrays."""
        if not values or any(isinstance(value, dict | list) for value in values):
            return UNDEFINED
        return choose(values, key=sort_key)

    return compute


FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT": len,
    "SUM": _sum,
    "AVG": _average,
    "MIN": _extreme(min),
    "MAX": _extreme(max),
}
