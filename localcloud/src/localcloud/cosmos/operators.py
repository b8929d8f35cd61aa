"""The operators on numbers and strings. Each is undefined for operands that it is not for.

Numbers are doubles (https://learn.microsoft.com/cosmos-db/query/constants): a sum of whole numbers beyond 2^53 is
rounded, and INTADD and its like are exact. Bits are those of 32-bit integers, as in JavaScript.
"""

import math
from collections.abc import Callable
from typing import Any

from localcloud.cosmos.values import UNDEFINED, is_number, number


def concatenate(left: Any, right: Any) -> Any:
    return left + right if isinstance(left, str) and isinstance(right, str) else UNDEFINED


def negate(value: Any) -> Any:
    return -value if is_number(value) else UNDEFINED


def keep_sign(value: Any) -> Any:
    return value if is_number(value) else UNDEFINED


def complement(value: Any) -> Any:
    return _signed(~_bits(value)) if _is_finite(value) else UNDEFINED


def _on_numbers(compute: Callable[[float, float], float]) -> Callable[[Any, Any], Any]:
    def operator(left: Any, right: Any) -> Any:
        if not is_number(left) or not is_number(right):
            return UNDEFINED
        try:
            return number(compute(float(left), float(right)))
        except (ZeroDivisionError, OverflowError, ValueError):
            return UNDEFINED

    return operator


def _on_bits(compute: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    def operator(left: Any, right: Any) -> Any:
        return _signed(compute(_bits(left), _bits(right))) if _is_finite(left) and _is_finite(right) else UNDEFINED

    return operator


def _is_finite(value: Any) -> bool:
    return is_number(value) and math.isfinite(value)


def _bits(value: float) -> int:
    return int(value) & 0xFFFFFFFF


def _signed(bits: int) -> int:
    bits &= 0xFFFFFFFF
    return bits - 2**32 if bits >= 2**31 else bits


def _shift_right_with_zeros(left: Any, right: Any) -> Any:
    return _bits(left) >> (_bits(right) & 31) if _is_finite(left) and _is_finite(right) else UNDEFINED


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": _on_numbers(lambda left, right: left + right),
    "-": _on_numbers(lambda left, right: left - right),
    "*": _on_numbers(lambda left, right: left * right),
    "/": _on_numbers(lambda left, right: left / right),
    "%": _on_numbers(math.fmod),
    "||": concatenate,
    "&": _on_bits(lambda left, right: left & right),
    "|": _on_bits(lambda left, right: left | right),
    "^": _on_bits(lambda left, right: left ^ right),
    "<<": _on_bits(lambda left, right: left << (right & 31)),
    ">>": _on_bits(lambda left, right: _signed(left) >> (right & 31)),
    ">>>": _shift_right_with_zeros,
}

UNARY: dict[str, Callable[[Any], Any]] = {"-": negate, "+": keep_sign, "~": complement}
