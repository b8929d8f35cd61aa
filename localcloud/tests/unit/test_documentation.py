"""The local cloud's pages say what is so: the tests behind their claims exist, and the settings are all of them."""

import re
import sys
from pathlib import Path

from localcloud.settings import Settings

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs/azure.md").read_text()
PAGES = PAGE + "".join((PROJECT / f"docs/{page}.md").read_text() for page in ("cosmos", "servicebus"))
TESTS = PROJECT / "tests"


def test_every_proof_is_a_test() -> None:
    """A claim without its test is no claim: each name on the pages is that of a test of the local cloud."""
    named = set(re.findall(r"`(test_\w+)`", PAGES))
    defined = {name for file in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())}
    assert named - defined == set()
    assert len(named) > 50


def test_every_setting_is_told() -> None:
    """With its default, in the order in which they are declared."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE[PAGE.index("## Settings") :], re.MULTILINE)
    assert rows == [(name, _default(field.default)) for name, field in Settings.model_fields.items()]


def _default(value: object) -> str:
    if isinstance(value, Path) and value.is_relative_to(sys.prefix):
        return f"`{value.relative_to(sys.prefix)}` of the Python environment"
    return f"`{value}`" if value is not None and value != [] else "none"
