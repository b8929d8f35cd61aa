"""Values of Cosmos DB's SQL: JSON's, and undefined. How they compare, how they sort and when two are the same.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/equality-comparison-operators
"""

import math
from enum import Enum
from typing import Any, Final, Literal

from localcloud.cosmos import json_text
from localcloud.cosmos.errors import BadRequest


class _Undefined(Enum):
    UNDEFINED = "undefined"


UNDEFINED: Final = _Undefined.UNDEFINED
"""The value of a path that leads to nothing, and of an operator whose operands have the wrong types."""

Truth = bool | Literal[_Undefined.UNDEFINED]


LONGEST = 4 * 1024 * 1024  # characters of a string, or elements of an array: more than an answer of Azure's holds
"""https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-request-limits"""


def check_length(length: int) -> None:
    """Raise `BadRequest` for a string or an array that a query must not make, since memory ends."""
    if length > LONGEST:
        raise BadRequest(f"The query makes a string or an array that is longer than {LONGEST}.")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_integer(value: Any) -> bool:
    """Whether it is a whole number of 64 bits, however it is written: 5.0 is one."""
    return is_number(value) and math.isfinite(value) and value == int(value) and -(2**63) <= value < 2**63


def number(value: float) -> Any:
    """Make a number of the result of arithmetic: whole if it is exact as such, undefined if it is not finite."""
    if not math.isfinite(value):
        return UNDEFINED
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def equal(left: Any, right: Any) -> Truth:
    """Compare two values. Values of different types are not equal, and undefined makes the answer undefined."""
    if isinstance(left, _Undefined) or isinstance(right, _Undefined):
        return UNDEFINED
    return same(left, right)


def same(left: Any, right: Any) -> bool:
    """Compare two values as JSON, since Python's own `==` takes True for 1."""
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(same(mine, other) for mine, other in zip(left, right, strict=True))
        )
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def identity(value: Any) -> Any:
    """Make a key that two values share if they are the same: 1 and 1.0, and objects with their members in any order."""
    if isinstance(value, dict):
        return "object", frozenset((name, identity(member)) for name, member in value.items())
    if isinstance(value, list):
        return "array", tuple(identity(element) for element in value)
    return isinstance(value, bool), value


def order(left: Any, right: Any) -> int | Literal[_Undefined.UNDEFINED]:
    """Order two numbers, strings, booleans or nulls: -1, 0 or 1; undefined for any other pair."""
    mine, other = sort_key(left), sort_key(right)
    if mine[0] != other[0] or left is UNDEFINED or isinstance(left, dict | list):
        return UNDEFINED
    return 1 if mine > other else -1 if mine < other else 0


def sort_key(value: Any) -> tuple[Any, ...]:
    """Make a key that sorts values of all types: undefined, null, false, true, numbers, strings, arrays, objects."""
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
