"""https://learn.microsoft.com/cosmos-db/query/functions#type-checking-functions. Undefined is of no type: false."""

import math
from typing import Any

from localcloud.cosmos.functions.dates import ticks_of
from localcloud.cosmos.functions.function import function, is_array, is_text
from localcloud.cosmos.values import UNDEFINED, is_integer, is_number


def _is_primitive(value: Any) -> bool:
    return value is None or isinstance(value, str | bool) or is_number(value)


FUNCTIONS = {
    "IS_ARRAY": function(is_array, 1),
    "IS_BOOL": function(lambda value: isinstance(value, bool), 1),
    "IS_DATETIME": function(lambda value: ticks_of(value) is not None, 1),
    "IS_DEFINED": function(lambda value: value is not UNDEFINED, 1),
    "IS_FINITE_NUMBER": function(lambda value: is_number(value) and math.isfinite(value), 1),
    "IS_INTEGER": function(is_integer, 1),
    "IS_NULL": function(lambda value: value is None, 1),
    "IS_NUMBER": function(is_number, 1),
    "IS_OBJECT": function(lambda value: isinstance(value, dict), 1),
    "IS_PRIMITIVE": function(_is_primitive, 1),
    "IS_STRING": function(is_text, 1),
}
