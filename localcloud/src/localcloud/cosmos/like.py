"""LIKE: % is any text, _ one character, [a-f] and [abc] one of these, [^a-f] none of these.

https://learn.microsoft.com/cosmos-db/query/like. A match takes at most the product of the two lengths in steps,
whatever the pattern is.
"""

from collections.abc import Callable
from functools import lru_cache

_Matcher = Callable[[str], bool]
_ANY_TEXT = None


def matches(text: str, pattern: str, escape: str | None = None) -> bool:
    """Whether the whole text fits the pattern. `escape` is the character that takes a wildcard its meaning."""
    parts = _parts(pattern, escape)
    place = part = 0
    last_any, tried = -1, 0
    while place < len(text):
        matcher = parts[part] if part < len(parts) else None
        if part < len(parts) and matcher is _ANY_TEXT:
            last_any, tried = part, place
            part += 1
        elif matcher is not None and matcher(text[place]):
            place += 1
            part += 1
        elif last_any >= 0:
            tried += 1
            place, part = tried, last_any + 1
        else:
            return False
    return all(rest is _ANY_TEXT for rest in parts[part:])


@lru_cache(maxsize=256)
def _parts(pattern: str, escape: str | None) -> tuple[_Matcher | None, ...]:
    parts: list[_Matcher | None] = []
    place = 0
    while place < len(pattern):
        character = pattern[place]
        closing = pattern.find("]", place + 1)
        place += 1
        if character == escape and place < len(pattern):
            parts.append(_literal(pattern[place]))
            place += 1
        elif character == "%":
            parts.append(_ANY_TEXT)
        elif character == "_":
            parts.append(lambda _: True)
        elif character == "[" and closing > place:
            parts.append(_one_of(pattern[place:closing]))
            place = closing + 1
        else:
            parts.append(_literal(character))
    return tuple(parts)


def _literal(wanted: str) -> _Matcher:
    return lambda character: character == wanted


def _one_of(members: str) -> _Matcher:
    negated = members.startswith("^") and len(members) > 1
    members = members[1:] if negated else members
    ranges: list[tuple[str, str]] = []
    while members:
        end = 2 if len(members) > 2 and members[1] == "-" else 0
        ranges.append((members[0], members[end]))
        members = members[end + 1 :]
    return lambda character: any(low <= character <= high for low, high in ranges) != negated
