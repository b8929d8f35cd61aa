"""COUNT, SUM, MIN, MAX and AVG over the rows of a query.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/aggregate-functions
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from localcloud.cosmos.expressions import Expression
from localcloud.cosmos.values import UNDEFINED, is_number, sort_key


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A function of its argument's values on all rows; it does not see the undefined ones."""

    compute: Callable[[list[Any]], Any]
    argument: Expression

    def over(self, values: Iterable[Any]) -> Any:
        return self.compute([value for value in values if value is not UNDEFINED])


def _sum(values: list[Any]) -> Any:
    """One value that is no number makes the whole sum undefined."""
    if not all(is_number(value) for value in values):
        return UNDEFINED
    total = sum(values)
    return total if math.isfinite(total) else UNDEFINED


def _average(values: list[Any]) -> Any:
    total = _sum(values)
    return UNDEFINED if total is UNDEFINED or not values else total / len(values)


def _extreme(choose: Callable[..., Any]) -> Callable[[list[Any]], Any]:
    def compute(values: list[Any]) -> Any:
        """Undefined over nothing, and over objects and arrays."""
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
