"""What the terminal is given: calm lines that no caller can paint or move."""

import io
import sys

import pytest
from localcloud.operator.lines import refusal, say, step

HOSTILE = {
    "\x1b[2Jgone": r"\x1b[2Jgone",
    "one\ntwo\r\nthree": r"one\ntwo\r\nthree",
    "a\x07\x08\x00\x7f": r"a\x07\x08\x00\x7f",
    "\x9b31mred": r"\x9b31mred",
    "txt.\u202eexe": r"txt.\u202eexe",
    "a\u2066b\u2069\u200b\ufeff": r"a\u2066b\u2069\u200b\ufeff",
    "line\u2028para\u2029": r"line\u2028para\u2029",
    "\ud800 alone": r"\ud800 alone",
    "tag \U000e0041": r"tag \U000e0041",
    "Grüße, 中文 🙂": "Grüße, 中文 🙂",
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items(), ids=[ascii(text) for text in HOSTILE])
def test_what_others_wrote_stands_on_one_line_without_power(
    capsys: pytest.CaptureFixture[str], text: str, shown: str
) -> None:
    """Escape codes, line ends, bells, marks of direction, invisible characters and halves of characters are shown as
    they are written; letters of any language stay."""
    say(text)
    step(text)
    refusal(text, text)
    assert capsys.readouterr().out == f"{shown}\n✓ {shown}\n✗ {shown}\n  fix: {shown}\n"


def test_a_long_text_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """A megabyte takes no more of the terminal than four thousand characters, and what was left out is said."""
    say("a" * 1_000_000)
    assert capsys.readouterr().out == "a" * 4000 + "… (and 996000 characters more)\n"


def test_a_terminal_without_unicode_gets_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """If an encoding lacks a character, it is written out instead of ending the program."""
    octets = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(octets, encoding="ascii"))
    step("Grüße")
    assert octets.getvalue() == rb"\u2713 Gr\xfc\xdfe" + b"\n"


def test_a_terminal_that_has_gone_away_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be printed is not printed."""

    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    say("is anybody there?")
