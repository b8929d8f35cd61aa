"""https://learn.microsoft.com/cosmos-db/query/functions#array-functions"""

import math
from collections.abc import Callable, Iterable
from itertools import chain
from statistics import median
from typing import Any

from localcloud.cosmos.expressions import And, Constant, Or
from localcloud.cosmos.functions.function import Compute, function, if_all, is_array
from localcloud.cosmos.values import UNDEFINED, identity, is_integer, is_number, number, same, sort_key


def _contains(array: Any, wanted: Any, partial: Any = False) -> Any:
    """With `partial`, an object is found in one that has its members among others."""
    if not is_array(array) or wanted is UNDEFINED:
        return UNDEFINED
    if partial is True and isinstance(wanted, dict):
        return any(
            isinstance(element, dict) and all(key in element and same(element[key], wanted[key]) for key in wanted)
            for element in array
        )
    return any(same(element, wanted) for element in array)


def _contains_each(decide: type[And] | type[Or]) -> Compute:
    return lambda array, *wanted: decide(tuple(Constant(_contains(array, one)) for one in wanted)).evaluate({})


def _slice(array: Any, start: Any, length: Any = None) -> Any:
    """A negative start counts from the end."""
    if not is_array(array) or not is_integer(start) or not (length is None or is_integer(length)):
        return UNDEFINED
    first = int(start) if start >= 0 else max(0, len(array) + int(start))
    return array[first:] if length is None else array[first : first + max(0, int(length))]


def _of_numbers(compute: Callable[[list[Any]], float]) -> Compute:
    """Undefined unless all elements are numbers."""

    def function(array: Any) -> Any:
        if not is_array(array) or not array or not all(is_number(element) for element in array):
            return UNDEFINED
        return number(float(compute(array)))

    return function


def _extreme(choose: Callable[..., Any]) -> Compute:
    """Undefined over nothing, and over objects and arrays."""

    def compute(array: Any) -> Any:
        if not is_array(array) or not array or any(isinstance(element, dict | list) for element in array):
            return UNDEFINED
        return choose(array, key=sort_key)

    return compute


def _choose(place: Any, *values: Any) -> Any:
    """The value at a place, which counts from 1."""
    return values[int(place) - 1] if is_integer(place) and 1 <= place <= len(values) else UNDEFINED


def _object_to_array(value: Any, key_name: Any = "k", value_name: Any = "v") -> Any:
    if not isinstance(value, dict) or not isinstance(key_name, str) or not isinstance(value_name, str):
        return UNDEFINED
    return [{key_name: key, value_name: member} for key, member in value.items()]


def _distinct(elements: Iterable[Any]) -> list[Any]:
    first: dict[Any, Any] = {}
    for element in elements:
        first.setdefault(identity(element), element)
    return list(first.values())


def _among(array: list[Any], others: list[Any], wanted: bool) -> list[Any]:
    known = {identity(other) for other in others}
    return _distinct(element for element in array if (identity(element) in known) == wanted)


def _set_equal(left: list[Any], right: list[Any]) -> bool:
    return {identity(element) for element in left} == {identity(element) for element in right}


FUNCTIONS = {
    "ARRAY_AVG": function(_of_numbers(lambda array: math.fsum(array) / len(array)), 1),
    "ARRAY_CONCAT": function(if_all(is_array, lambda *arrays: list(chain(*arrays))), 2, None),
    "ARRAY_CONTAINS": function(_contains, 2, 3),
    "ARRAY_CONTAINS_ALL": function(_contains_each(And), 2, None),
    "ARRAY_CONTAINS_ANY": function(_contains_each(Or), 2, None),
    "ARRAY_LENGTH": function(if_all(is_array, len), 1),
    "ARRAY_MAX": function(_extreme(max), 1),
    "ARRAY_MEDIAN": function(_of_numbers(median), 1),
    "ARRAY_MIN": function(_extreme(min), 1),
    "ARRAY_SLICE": function(_slice, 2, 3),
    "ARRAY_SUM": function(_of_numbers(math.fsum), 1),
    "CHOOSE": function(_choose, 2, None),
    "OBJECTTOARRAY": function(_object_to_array, 1, 3),
    "SETDIFFERENCE": function(if_all(is_array, lambda left, right: _among(left, right, wanted=False)), 2),
    "SETEQUAL": function(if_all(is_array, _set_equal), 2),
    "SETINTERSECT": function(if_all(is_array, lambda left, right: _among(right, left, wanted=True)), 2),
    "SETUNION": function(if_all(is_array, lambda left, right: _distinct([*left, *right])), 2),
}
