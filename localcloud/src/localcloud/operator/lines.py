"""Print lines at the terminal. What a line quotes can't break it, and only a terminal gets colours."""

import contextlib
import re
import sys
from collections import deque

_LONGEST = 4000  # characters: what each of four services says may stand on one line, with its resource's whole id


_COLOUR = re.compile(r"\x1b\[\d+m")
_said: deque[tuple[int, str]] = deque(maxlen=2000)  # the newest lines, with their numbers


def said(after: int = 0) -> list[tuple[int, str]]:
    """Return the lines that were printed after the line of this number, with their numbers, without colours."""
    return [(number, line) for number, line in _said if number > after]


def say(line: str) -> None:
    """Print the line, with characters that are not printable made visible."""
    _print(visible(line))


def step(line: str) -> None:
    """Print a finished step."""
    _print(_paint("32", "✓ ") + visible(line))


def refusal(what: str, fix: str | None = None) -> None:
    """Print what was refused or is missing, and what to do about it."""
    _print(_paint("31", "✗ ") + visible(what))
    if fix:
        _print("  " + _paint("33", "fix: ") + visible(fix))


def visible(text: str) -> str:
    """Return text from outside as one line of limited length.

    Characters that are not printable are escaped as in Python's string literals, for example those that move the cursor
    or change the direction of writing.
    """
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[:_LONGEST])
    return f"{shown}… (and {len(text) - _LONGEST} characters more)" if len(text) > _LONGEST else shown


def _print(line: str) -> None:
    _said.append((_said[-1][0] + 1 if _said else 1, _COLOUR.sub("", line)))
    encoding = sys.stdout.encoding or "utf-8"
    with contextlib.suppress(OSError):  # a closed terminal does not stop the program
        print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def _paint(colour: str, text: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if sys.stdout.isatty() else text
