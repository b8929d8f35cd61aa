"""The built-in functions of Cosmos DB's SQL that the local cloud knows.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/system-functions
"""

import math
from collections.abc import Callable
from typing import Any

from localcloud.cosmos.values import UNDEFINED, is_number, same

_Function = Callable[..., Any]


def lookup(name: str) -> tuple[_Function, range] | None:
    """The function of this name, in whatever case, and how many arguments it takes."""
    return _FUNCTIONS.get(name.upper())


def _of_strings(count: int, compute: Callable[..., Any]) -> _Function:
    """Undefined unless the first `count` arguments are strings; a boolean after them asks to ignore case."""

    def function(*arguments: Any) -> Any:
        texts, ignore_case = arguments[:count], arguments[count:]
        if not all(isinstance(text, str) for text in texts) or not all(isinstance(flag, bool) for flag in ignore_case):
            return UNDEFINED
        return compute(*(text.casefold() if True in ignore_case else text for text in texts))

    return function


def _of_number(compute: Callable[[Any], Any]) -> _Function:
    return lambda value: compute(value) if is_number(value) else UNDEFINED


def _array_contains(array: Any, wanted: Any, partial: Any = False) -> Any:
    if not isinstance(array, list) or wanted is UNDEFINED:
        return UNDEFINED
    if partial is True and isinstance(wanted, dict):
        return any(
            isinstance(element, dict) and all(key in element and same(element[key], wanted[key]) for key in wanted)
            for element in array
        )
    return any(same(element, wanted) for element in array)


def _substring(text: Any, start: Any, length: Any) -> Any:
    if not isinstance(text, str) or not is_number(start) or not is_number(length):
        return UNDEFINED
    first = max(0, int(start))
    return text[first : first + max(0, int(length))]


def _concat(*values: Any) -> Any:
    return "".join(values) if all(isinstance(value, str) for value in values) else UNDEFINED


def _to_string(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value) if is_number(value) else UNDEFINED


_ONE, _TWO, _TWO_OR_THREE = range(1, 2), range(2, 3), range(2, 4)

_FUNCTIONS: dict[str, tuple[_Function, range]] = {
    "IS_DEFINED": (lambda value: value is not UNDEFINED, _ONE),
    "IS_NULL": (lambda value: value is None, _ONE),
    "IS_STRING": (lambda value: isinstance(value, str), _ONE),
    "IS_NUMBER": (is_number, _ONE),
    "IS_BOOL": (lambda value: isinstance(value, bool), _ONE),
    "IS_ARRAY": (lambda value: isinstance(value, list), _ONE),
    "IS_OBJECT": (lambda value: isinstance(value, dict), _ONE),
    "CONTAINS": (_of_strings(2, lambda text, part: part in text), _TWO_OR_THREE),
    "STARTSWITH": (_of_strings(2, str.startswith), _TWO_OR_THREE),
    "ENDSWITH": (_of_strings(2, str.endswith), _TWO_OR_THREE),
    "STRINGEQUALS": (_of_strings(2, str.__eq__), _TWO_OR_THREE),
    "LOWER": (_of_strings(1, str.lower), _ONE),
    "UPPER": (_of_strings(1, str.upper), _ONE),
    "TRIM": (_of_strings(1, str.strip), _ONE),
    "LENGTH": (_of_strings(1, len), _ONE),
    "SUBSTRING": (_substring, range(3, 4)),
    "CONCAT": (_concat, range(2, 100)),
    "TOSTRING": (_to_string, _ONE),
    "ABS": (_of_number(abs), _ONE),
    "FLOOR": (_of_number(math.floor), _ONE),
    "CEILING": (_of_number(math.ceil), _ONE),
    "ARRAY_CONTAINS": (_array_contains, _TWO_OR_THREE),
    "ARRAY_LENGTH": (lambda value: len(value) if isinstance(value, list) else UNDEFINED, _ONE),
}
