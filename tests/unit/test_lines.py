"""What the terminal is given: calm lines that nobody else can paint or move."""

import pytest
from localcloud.lines import refusal


def test_a_refusal_quotes_others_without_their_escape_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """A pod's own words, or a name in a request, stand on one line and can't move the cursor."""
    refusal("frontend-1 is not ready: \x1b[2Jgone\nand more", "remove the \x07 bell")
    first, second = capsys.readouterr().out.splitlines()
    assert first == r"✗ frontend-1 is not ready: \x1b[2Jgone\nand more"
    assert second == r"  fix: remove the \x07 bell"
