"""The INT functions: whole numbers of 64 bits, undefined for any other and for a result that does not fit.

https://learn.microsoft.com/cosmos-db/query/functions#mathematical-functions
"""

from collections.abc import Callable
from typing import Any

from localcloud.cosmos.functions.function import Compute, function, if_all
from localcloud.cosmos.values import UNDEFINED, is_integer


def _exact(compute: Callable[..., int]) -> Compute:
    def function(*arguments: Any) -> Any:
        try:
            result = compute(*map(int, arguments))
        except (ZeroDivisionError, ValueError):
            return UNDEFINED
        return result if is_integer(result) else UNDEFINED

    return if_all(is_integer, function)


def _divide(left: int, right: int) -> int:
    """Toward zero, as in C."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _shift_left(value: int, count: int) -> int:
    """The bits that leave the 64 are lost. Raises `ValueError` for a count that is negative."""
    bits = (value << min(count, 64)) & (2**64 - 1)
    return bits - 2**64 if bits >= 2**63 else bits


FUNCTIONS = {
    "INTADD": function(_exact(lambda left, right: left + right), 2),
    "INTBITAND": function(_exact(lambda left, right: left & right), 2),
    "INTBITLEFTSHIFT": function(_exact(_shift_left), 2),
    "INTBITNOT": function(_exact(lambda value: ~value), 1),
    "INTBITOR": function(_exact(lambda left, right: left | right), 2),
    "INTBITRIGHTSHIFT": function(_exact(lambda value, count: value >> min(count, 64)), 2),
    "INTBITXOR": function(_exact(lambda left, right: left ^ right), 2),
    "INTDIV": function(_exact(_divide), 2),
    "INTMOD": function(_exact(lambda left, right: left - right * _divide(left, right)), 2),
    "INTMUL": function(_exact(lambda left, right: left * right), 2),
    "INTSUB": function(_exact(lambda left, right: left - right), 2),
}
