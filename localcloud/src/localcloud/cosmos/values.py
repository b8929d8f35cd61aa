"""Values of Cosmos DB's SQL: JSON's, and undefined. How they compare and how they sort.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/equality-operators
"""

from enum import Enum
from typing import Any, Final, Literal

from localcloud.cosmos import json_text


class _Undefined(Enum):
    UNDEFINED = "undefined"


UNDEFINED: Final = _Undefined.UNDEFINED
"""What a path leads to where there is nothing, and what an operator makes of operands that it is not for."""

Truth = bool | Literal[_Undefined.UNDEFINED]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(left: Any, right: Any) -> Truth:
    """Whether two values are the same; values of different types are not. Undefined with either undefined."""
    if isinstance(left, _Undefined) or isinstance(right, _Undefined):
        return UNDEFINED
    return same(left, right)


def same(left: Any, right: Any) -> bool:
    """Equality of JSON, which in Python is not the values' own: `True == 1` there."""
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(same(mine, other) for mine, other in zip(left, right, strict=True))
        )
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def order(left: Any, right: Any) -> int | Literal[_Undefined.UNDEFINED]:
    """-1, 0 or 1 for two numbers, two strings, two booleans or two nulls; undefined for any other pair."""
    mine, other = sort_key(left), sort_key(right)
    if mine[0] != other[0] or left is UNDEFINED or isinstance(left, dict | list):
        return UNDEFINED
    return 1 if mine > other else -1 if mine < other else 0


def sort_key(value: Any) -> tuple[Any, ...]:
    """Sorts values of all types: undefined, null, false, true, numbers, strings, arrays, objects."""
    if value is UNDEFINED:
        return (0,)
    if value is None:
        return (1,)
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (3, value)
    if isinstance(value, str):
        return (4, value)
    return (5 if isinstance(value, list) else 6, json_text.write(value))
