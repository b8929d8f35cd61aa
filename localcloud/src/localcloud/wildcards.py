"""Match a text against a pattern with wildcards, in at most the product of the two lengths in steps."""

from collections.abc import Callable, Sequence

Part = Callable[[str], bool] | None
"""One part of a pattern: whether a character fits it, or `ANY_TEXT`."""

ANY_TEXT = None


def fits(text: str, parts: Sequence[Part]) -> bool:
    """Tell whether the whole text fits the parts, in their order."""
    place = part = 0
    last_any, tried = -1, 0
    while place < len(text):
        matcher = parts[part] if part < len(parts) else None
        if part < len(parts) and matcher is ANY_TEXT:
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
    return all(rest is ANY_TEXT for rest in parts[part:])


def literal(wanted: str) -> Callable[[str], bool]:
    """Return the part that one character fits."""
    return lambda character: character == wanted


def any_character(_: str) -> bool:
    """The part that every character fits."""
    return True
