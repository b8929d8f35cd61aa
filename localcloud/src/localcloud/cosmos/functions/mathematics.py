"""https://learn.microsoft.com/cosmos-db/query/functions#mathematical-functions, on doubles."""

import math
import random
from collections.abc import Callable
from typing import Any

from localcloud.cosmos.functions.function import Compute, function, if_all
from localcloud.cosmos.values import UNDEFINED, is_number, number


def _of_doubles(compute: Callable[..., float]) -> Compute:
    """Undefined for what is no number, and if the result is none: the root of -1, the logarithm of 0."""

    def function(*arguments: Any) -> Any:
        try:
            return number(float(compute(*arguments)))
        except (ValueError, OverflowError, ZeroDivisionError, TypeError):  # a power of a negative number is complex
            return UNDEFINED

    return if_all(is_number, function)


def _round(value: float) -> float:
    """Halves away from zero."""
    return math.copysign(math.floor(abs(value) + 0.5), value) if abs(value) < 2**52 else value


def _bin(value: float, size: float = 1) -> float:
    return math.floor(value / size) * size


def _logarithm(value: float, base: float | None = None) -> float:
    if base is None:
        return math.log(value)
    return math.log10(value) if base == 10 else math.log(value, base)


FUNCTIONS = {
    "ABS": function(if_all(is_number, abs), 1),
    "ACOS": function(_of_doubles(math.acos), 1),
    "ASIN": function(_of_doubles(math.asin), 1),
    "ATAN": function(_of_doubles(math.atan), 1),
    "ATN2": function(_of_doubles(math.atan2), 2),
    "CEILING": function(_of_doubles(math.ceil), 1),
    "COS": function(_of_doubles(math.cos), 1),
    "COT": function(_of_doubles(lambda angle: 1 / math.tan(angle)), 1),
    "DEGREES": function(_of_doubles(math.degrees), 1),
    "EXP": function(_of_doubles(math.exp), 1),
    "FLOOR": function(_of_doubles(math.floor), 1),
    "LOG": function(_of_doubles(_logarithm), 1, 2),
    "LOG10": function(_of_doubles(math.log10), 1),
    "NUMBERBIN": function(_of_doubles(_bin), 1, 2),
    "PI": function(lambda: math.pi, 0),
    "POWER": function(_of_doubles(lambda base, exponent: float(base) ** exponent), 2),
    "RADIANS": function(_of_doubles(math.radians), 1),
    "RAND": function(random.random, 0),
    "ROUND": function(_of_doubles(_round), 1),
    "SIGN": function(_of_doubles(lambda value: (value > 0) - (value < 0)), 1),
    "SIN": function(_of_doubles(math.sin), 1),
    "SQRT": function(_of_doubles(math.sqrt), 1),
    "SQUARE": function(_of_doubles(lambda value: float(value) * value), 1),
    "TAN": function(_of_doubles(math.tan), 1),
    "TRUNC": function(_of_doubles(math.trunc), 1),
}
