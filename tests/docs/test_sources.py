"""The sources of the pages: their lines are short enough to compare, and their commands are those that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks

LONGEST = 160
LINK_DEFINITION = re.compile(r"\[[^\]]+\]: \S+")
"""An address can't be broken."""
MAKEFILE = (ROOT / "Makefile").read_text()
OF_LOCALCLOUD = [page for page in PAGES if page.is_relative_to(ROOT / "localcloud")]
"""The pages of a project of its own, which is installed into the reader's environment."""


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_line_is_longer_than_160_characters(page: Path) -> None:
    """A line fits into a review beside its earlier version, rows of tables too."""
    lines = enumerate(page.read_text().splitlines(), 1)
    assert [n for n, line in lines if len(line) > LONGEST and not LINK_DEFINITION.fullmatch(line)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page not in OF_LOCALCLOUD], ids=_name)
def test_a_command_runs_as_it_is_written(page: Path) -> None:
    """A verb of make exists, and reads the settings that are given to it. Python's programs are named by their path."""
    commands = _commands(page)
    assert [command for command in commands if re.match(r"(localcloud|pytest|python3?|ruff|mypy|uv) ", command)] == []
    given = [words for command in commands for words in re.findall(r"\bmake ([a-z-]+)((?: [A-Z_]+=[^\s`]+)*)", command)]
    assert [
        verb for verb, _settings in given if not re.search(rf"^{verb}(?: [a-z -]+)?:", MAKEFILE, re.MULTILINE)
    ] == []
    names = {name for _verb, settings in given for name in re.findall(r"([A-Z_]+)=", settings)}
    assert [name for name in names if name not in MAKEFILE] == []


def test_every_verb_of_the_local_cloud_that_a_page_names_exists() -> None:
    """As `.venv/bin/localcloud --help` lists them."""
    listed = subprocess.run([ROOT / ".venv/bin/localcloud", "--help"], capture_output=True, text=True, check=True)
    verbs = set(re.findall(r"^    ([a-z-]+)", listed.stdout, re.MULTILINE))
    commands = [command for page in PAGES for command in _commands(page)]
    named = {
        verb for command in commands for verb in re.findall(r"^(?:\.venv/bin/)?localcloud ([a-z][a-z-]+)", command)
    }
    assert len(named) > 5
    assert named - verbs == set()


def _commands(page: Path) -> list[str]:
    """Return the lines of the `sh` blocks, and the code within sentences."""
    in_blocks = [line.strip() for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]
    sentences = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return in_blocks + re.findall(r"`([^`\n]+)`", sentences)
