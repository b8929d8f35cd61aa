"""https://learn.microsoft.com/cosmos-db/query/functions#string-functions. Positions count characters, from 0."""

from collections.abc import Callable
from typing import Any

from localcloud.cosmos.expressions import And, Constant, Or
from localcloud.cosmos.functions.function import Compute, function, if_all, is_array, is_text
from localcloud.cosmos.values import UNDEFINED, check_length, is_integer

_LONGEST_REPLICA = 10_000  # characters, https://learn.microsoft.com/cosmos-db/query/replicate#remarks


def _ignoring_case(compare: Callable[[str, str], bool]) -> Compute:
    """A comparison of two strings; a third argument, a boolean, asks to ignore case."""

    def compute(text: Any, other: Any, ignore_case: Any = False) -> Any:
        if not is_text(text) or not is_text(other) or not isinstance(ignore_case, bool):
            return UNDEFINED
        return compare(text.casefold(), other.casefold()) if ignore_case else compare(text, other)

    return compute


_contains = _ignoring_case(lambda text, part: part in text)


def _contains_each(decide: type[And] | type[Or], ignore_case: bool) -> Compute:
    """CONTAINS for each further argument, joined by AND or OR as their pages say."""

    def compute(text: Any, *parts: Any) -> Any:
        return decide(tuple(Constant(_contains(text, part, ignore_case)) for part in parts)).evaluate({})

    return compute


def _index_of(text: Any, part: Any, start: Any = 0) -> Any:
    if not is_text(text) or not is_text(part) or not is_integer(start) or start < 0:
        return UNDEFINED
    return text.find(part, int(start))


def _last_index_of(text: Any, part: Any, end: Any = None) -> Any:
    """What is found ends no later than the position `end`."""
    if not is_text(text) or not is_text(part):
        return UNDEFINED
    if end is None:
        return text.rfind(part)
    return text.rfind(part, 0, int(end) + 1) if is_integer(end) and end >= 0 else UNDEFINED


def _left(text: Any, count: Any) -> Any:
    return text[: max(0, int(count))] if is_text(text) and is_integer(count) else UNDEFINED


def _right(text: Any, count: Any) -> Any:
    return text[max(0, len(text) - max(0, int(count))) :] if is_text(text) and is_integer(count) else UNDEFINED


def _substring(text: Any, start: Any, length: Any) -> Any:
    if not is_text(text) or not is_integer(start) or not is_integer(length):
        return UNDEFINED
    first = max(0, int(start))
    return text[first : first + max(0, int(length))]


def _trim(strip: Callable[..., str]) -> Compute:
    """Takes away white space, or the characters of the second argument."""

    def compute(text: Any, characters: Any = None) -> Any:
        if not is_text(text) or not (characters is None or is_text(characters)):
            return UNDEFINED
        return strip(text, characters)

    return compute


def _replicate(text: Any, count: Any) -> Any:
    if not is_text(text) or not is_integer(count) or count < 0 or len(text) * count > _LONGEST_REPLICA:
        return UNDEFINED
    return text * int(count)


def _replace(text: str, old: str, new: str) -> str:
    if not old:
        return text
    check_length(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _join(texts: Any, separator: Any) -> Any:
    if not is_array(texts) or not is_text(separator) or not all(map(is_text, texts)):
        return UNDEFINED
    check_length(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else [text]


FUNCTIONS = {
    "CONCAT": function(if_all(is_text, lambda *texts: "".join(texts)), 2, None),
    "CONTAINS": function(_contains, 2, 3),
    "CONTAINS_ALL_CI": function(_contains_each(And, ignore_case=True), 2, None),
    "CONTAINS_ALL_CS": function(_contains_each(And, ignore_case=False), 2, None),
    "CONTAINS_ANY_CI": function(_contains_each(Or, ignore_case=True), 2, None),
    "CONTAINS_ANY_CS": function(_contains_each(Or, ignore_case=False), 2, None),
    "ENDSWITH": function(_ignoring_case(str.endswith), 2, 3),
    "INDEX_OF": function(_index_of, 2, 3),
    "LASTINDEXOF": function(_last_index_of, 2, 3),
    "LEFT": function(_left, 2),
    "LENGTH": function(if_all(is_text, len), 1),
    "LOWER": function(if_all(is_text, str.lower), 1),
    "LTRIM": function(_trim(str.lstrip), 1, 2),
    "REPLACE": function(if_all(is_text, _replace), 3),
    "REPLICATE": function(_replicate, 2),
    "REVERSE": function(if_all(is_text, lambda text: text[::-1]), 1),
    "RIGHT": function(_right, 2),
    "RTRIM": function(_trim(str.rstrip), 1, 2),
    "STARTSWITH": function(_ignoring_case(str.startswith), 2, 3),
    "STRINGEQUALS": function(_ignoring_case(str.__eq__), 2, 3),
    "STRINGJOIN": function(_join, 2),
    "STRINGSPLIT": function(if_all(is_text, _split), 2),
    "SUBSTRING": function(_substring, 3),
    "TRIM": function(_trim(str.strip), 1, 2),
    "UPPER": function(if_all(is_text, str.upper), 1),
}
