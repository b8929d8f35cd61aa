"""Texts of values, and values of texts, each on a page of its own below https://learn.microsoft.com/cosmos-db/query/."""

import json
import math
from collections.abc import Callable
from typing import Any

from localcloud.cosmos import json_text
from localcloud.cosmos.functions.function import Compute, function, is_text
from localcloud.cosmos.values import UNDEFINED, is_number, number


def to_string(value: Any) -> Any:
    """A string as it is, and every other value as its JSON, without white space."""
    if value is UNDEFINED or is_text(value):
        return value
    if is_number(value) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """The same value with its whole numbers written without a point, and without the numbers that JSON has not."""
    if isinstance(value, dict):
        members = {name: _plain(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member is not UNDEFINED}
    if isinstance(value, list):
        return [element for element in map(_plain, value) if element is not UNDEFINED]
    return number(value) if isinstance(value, float) else value


def _parsed(is_fit: Callable[[Any], bool]) -> Compute:
    """The value whose JSON the text is; undefined if it is none, or not fit."""

    def compute(text: Any) -> Any:
        try:
            value = json_text.parse(text) if is_text(text) else UNDEFINED
        except ValueError:
            return UNDEFINED
        return value if is_fit(value) else UNDEFINED

    return compute


FUNCTIONS = {
    "TOSTRING": function(to_string, 1),
    "STRINGTOARRAY": function(_parsed(lambda value: isinstance(value, list)), 1),
    "STRINGTOBOOLEAN": function(_parsed(lambda value: isinstance(value, bool)), 1),
    "STRINGTONULL": function(_parsed(lambda value: value is None), 1),
    "STRINGTONUMBER": function(_parsed(is_number), 1),
    "STRINGTOOBJECT": function(_parsed(lambda value: isinstance(value, dict)), 1),
}
