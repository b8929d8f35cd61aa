"""Values in SQL filters: unknown is `None`, and operators follow C# as far as its types have a counterpart here.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter#operator-binding-semantics
"""

import math
import operator
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from localcloud.wildcards import ANY_TEXT, Part, any_character, fits, literal

_LONG = range(-(2**63), 2**63)

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "=": operator.eq,
        "<>": operator.ne,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
)


class FilterError(Exception):
    """A filter or an action can't be evaluated on a message."""


def compare(sign: str, left: Any, right: Any) -> bool | None:
    """Unknown if one side is, or if the two are of kinds that can't be compared.

    No document says what Azure does with these.
    """
    kind = _kind(left)
    if kind is None or kind != _kind(right) or (kind in ("boolean", "uuid") and sign not in ("=", "<>", "!=")):
        return None
    return _COMPARISONS[sign](left, right)


def calculate(sign: str, left: Any, right: Any) -> Any:
    """Raises `FilterError` for what is no number, except that `+` joins two strings."""
    if left is None or right is None:
        return None
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        return str(left) + str(right)
    if _kind(left) != "number" or _kind(right) != "number":
        raise FilterError(f"The operator '{sign}' can't be applied to its operands.")
    if isinstance(left, int) and isinstance(right, int):
        return _integers(sign, int(left), int(right))
    return _floats(sign, float(left), float(right))


def negate(value: Any) -> Any:
    if value is None:
        return None
    if _kind(value) != "number":
        raise FilterError("The operator '-' can't be applied to its operand.")
    return _long(-int(value)) if isinstance(value, int) else -float(value)


def matches(text: str, pattern: str, escape: str | None) -> bool:
    """LIKE: `%` is any text, `_` one character."""
    return fits(text, _parts(pattern, escape))


def _parts(pattern: str, escape: str | None) -> list[Part]:
    parts: list[Part] = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            parts.append(literal(next(characters, character)))
        else:
            parts.append(_WILDCARDS[character] if character in _WILDCARDS else literal(character))
    return parts


_WILDCARDS: dict[str, Part] = {"%": ANY_TEXT, "_": any_character}


def _kind(value: Any) -> str | None:
    """The kind of values that this one can be compared with."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case uuid.UUID():
            return "uuid"
        case _:
            return None


def _integers(sign: str, left: int, right: int) -> int:
    if sign in "/%":
        if right == 0:
            raise FilterError("Attempted to divide by zero.")
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return _long(quotient) if sign == "/" else left - quotient * right
    return _long(left + right if sign == "+" else left - right if sign == "-" else left * right)


def _floats(sign: str, left: float, right: float) -> float:
    if sign in "/%" and right == 0:
        return math.nan if left == 0 or sign == "%" else math.copysign(math.inf, left)
    if sign == "%":
        return math.fmod(left, right)
    return (
        left + right if sign == "+" else left - right if sign == "-" else left * right if sign == "*" else left / right
    )


def _long(value: int) -> int:
    if value not in _LONG:
        raise FilterError("Arithmetic operation resulted in an overflow.")
    return value
