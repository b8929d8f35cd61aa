"""Every link in the documentation leads somewhere, as far as that can be told without a network."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks

FENCED = re.compile(r"```.*?```", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
OF_GITHUB = ("../../actions/", "../../codespaces/")
"""Pages of the repository on GitHub, seen from the README."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_names_what_exists(page: Path) -> None:
    """Files and folders are there, and so are the headings that a link goes to."""
    assert [link for link in _links(page) if not _leads_somewhere(page, link)] == []


TOP = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    """A path from the root of its project, or from the page's folder; a test's file by its name. `*` is anything."""
    text = page.read_text()
    code = set(re.findall(r"`([\w.*/-]+)`", FENCED.sub("", text))) - set(re.findall(r"`([^`]+)`, a new file", text))
    paths = [name for name in code if "/" in name and name.partition("/")[0] in TOP]
    roots = (ROOT, ROOT / "localcloud", page.parent)
    assert [name for name in paths if not any(any(root.glob(name)) for root in roots)] == []
    tests = [name for name in code if re.fullmatch(r"test_[\w*]+\.py", name)]
    assert [name for name in tests if not any(any((ROOT / top).rglob(name)) for top in ("tests", "localcloud"))] == []


def test_every_test_that_a_page_names_exists() -> None:
    """A page names a test as the holder of a promise, so that you find it."""
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text())}
    files = [file for top in ("tests", "localcloud/tests") for file in (ROOT / top).rglob("test_*.py")]
    assert named - {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())} == set()


def test_the_architecture_names_every_folder() -> None:
    """The tree has a line for each folder of the project that git knows."""
    (tree,) = [block.text for block in blocks(ROOT / "docs/architecture.md") if block.heading == "The tree"]
    listed = subprocess.run(["git", "ls-tree", "-d", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    folders = {name for name in listed.stdout.split() if not name.startswith(".")}
    assert set(re.findall(r"^(\w+)/", tree, re.MULTILINE)) == folders


TOUR = re.findall(r"^\d\. \[`([^`]+)`\]\([^)]+\): `([^`]+)`", (ROOT / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize(("file", "line"), TOUR)
def test_the_tour_points_at_lines_that_are_there(file: str, line: str) -> None:
    """Each stop of the README's tour quotes a line of its file."""
    assert line in (ROOT / file).read_text()


def test_the_tour_has_five_stops() -> None:
    """From the projected token to the receipt."""
    assert len(TOUR) == 5


def test_the_readme_leads_to_every_page_of_the_documentation() -> None:
    """A page is linked from the README, or from a page that is; a decision by its folder."""
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            links = [link.partition("#")[0] for link in _links(page)]
            ahead += [(page.parent / link).resolve() for link in links if link]
    assert set((ROOT / "docs").glob("*.md")) <= reached


def _links(page: Path) -> list[str]:
    """Return the relative links of a page and those of its pictures."""
    found = [link or picture for link, picture in LINK.findall(FENCED.sub("", page.read_text()))]
    return [link for link in found if "://" not in link and not link.startswith(OF_GITHUB)]


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in _headings(target))


def _headings(page: Path) -> set[str]:
    """As GitHub names them: lower case, without punctuation, with hyphens for spaces."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
