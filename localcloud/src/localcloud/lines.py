"""Lines for the terminal: one a step, coloured only where a person watches."""

import sys


def say(line: str) -> None:
    print(line, flush=True)


def step(line: str) -> None:
    """A finished step."""
    say(paint("32", "✓ ") + line)


def paint(colour: str, text: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if sys.stdout.isatty() else text
