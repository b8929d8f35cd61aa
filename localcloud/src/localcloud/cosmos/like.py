"""LIKE: % is any text, _ one character, [a-f] and [abc] one of these, [^a-f] none of these.

https://learn.microsoft.com/cosmos-db/query/like
"""

from collections.abc import Callable
from functools import lru_cache

from localcloud.wildcards import ANY_TEXT, Part, any_character, fits, literal


def matches(text: str, pattern: str, escape: str | None = None) -> bool:
    """Whether the whole text fits the pattern. `escape` is the character that takes a wildcard its meaning."""
    return fits(text, _parts(pattern, escape))


@lru_cache(maxsize=256)
def _parts(pattern: str, escape: str | None) -> tuple[Part, ...]:
    parts: list[Part] = []
    place = 0
    while place < len(pattern):
        character = pattern[place]
        closing = pattern.find("]", place + 1)
        place += 1
        if character == escape and place < len(pattern):
            parts.append(literal(pattern[place]))
            place += 1
        elif character == "%":
            parts.append(ANY_TEXT)
        elif character == "_":
            parts.append(any_character)
        elif character == "[" and closing > place:
            parts.append(_one_of(pattern[place:closing]))
            place = closing + 1
        else:
            parts.append(literal(character))
    return tuple(parts)


def _one_of(members: str) -> Callable[[str], bool]:
    negated = members.startswith("^") and len(members) > 1
    members = members[1:] if negated else members
    ranges: list[tuple[str, str]] = []
    while members:
        end = 2 if len(members) > 2 and members[1] == "-" else 0
        ranges.append((members[0], members[end]))
        members = members[end + 1 :]
    return lambda character: any(low <= character <= high for low, high in ranges) != negated
