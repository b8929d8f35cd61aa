"""Lines for the terminal: one a step, coloured only where a person watches."""

import contextlib
import sys


def say(line: str) -> None:
    """A terminal that has gone away is told no more, and stops nothing."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def step(line: str) -> None:
    """A finished step."""
    say(paint("32", "✓ ") + line)


def refusal(what: str, fix: str | None) -> None:
    """What somebody was refused or lacks, and what to do about it. Both may quote others, so both are made visible."""
    say(paint("31", "✗ ") + visible(what))
    if fix:
        say("  " + paint("33", "fix: ") + visible(fix))


def paint(colour: str, text: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if sys.stdout.isatty() else text


def visible(text: str) -> str:
    """What somebody else wrote, on one line and without the power to move a cursor or to paint."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
