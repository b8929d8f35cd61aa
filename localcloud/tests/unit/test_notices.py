"""What goes wrong again and again: told once, then counted."""

import logging
from collections.abc import Iterator

import pytest
from localcloud.operator.notices import NoticeHandler, Notices


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def notices(clock: Clock) -> Notices:
    return Notices(clock)


@pytest.fixture
def logger(notices: Notices) -> Iterator[logging.Logger]:
    logger = logging.getLogger("test-notices")
    handler = NoticeHandler(notices)
    logger.addHandler(handler)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_what_repeats_is_told_once_and_then_as_a_number(
    notices: Notices, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """At once, then at the end of each minute in which it repeated; after a quiet minute it is news again."""
    for _ in range(42):
        notices.refuse("the disk is full", "make room")
    assert lines(capsys) == ["✗ the disk is full", "  fix: make room"]
    clock.now = 61
    notices.sweep()
    assert lines(capsys) == ["✗ the disk is full (and 41 times more)"]
    notices.refuse("the disk is full")
    assert lines(capsys) == []
    clock.now = 122
    notices.sweep()
    assert lines(capsys) == ["✗ the disk is full (and 1 time more)"]
    clock.now = 183
    notices.refuse("the disk is full")
    assert lines(capsys) == ["✗ the disk is full"]


def test_callers_cannot_fill_the_terminal_with_different_notices(
    notices: Notices, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten thousand names asked for in a minute are some lines and one number."""
    for number in range(10_000):
        notices.refuse(f"the proxy refused {number}.example")
    assert len(lines(capsys)) == 50
    clock.now = 61
    notices.sweep()
    assert lines(capsys) == ["✗ … and 9950 other notices"]


def test_what_was_counted_is_told_at_the_end(notices: Notices, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that stops within the minute still says how often something happened."""
    for _ in range(3):
        notices.refuse("denied", key=("who", "what"))
        notices.refuse("denied again", key=("who", "what"))
    notices.close()
    assert lines(capsys) == ["✗ denied", "✗ denied (and 5 times more)"]


def test_logged_failures_are_told_with_one_traceback(
    logger: logging.Logger, notices: Notices, capsys: pytest.CaptureFixture[str]
) -> None:
    """A library's record is a notice: its traceback comes once, and what it quotes has no power over the terminal."""
    for attempt in range(3_000):
        try:
            raise ValueError(f"\x1b[31m{attempt}\nfake line")
        except ValueError:
            logger.exception("attempt %d failed", attempt)
    said = lines(capsys)
    assert said[0] == r"✗ attempt 0 failed: ValueError: \x1b[31m0\nfake line"
    assert len(said) < 10
    assert not any("\x1b" in line or line == "fake line" for line in said)
    notices.close()
    assert lines(capsys)[-1].endswith("(and 2999 times more)")
