"""Every link in the documentation leads somewhere, as far as that can be told without a network."""

import re
from pathlib import Path

import pytest

PAGES = [
    *(path for path in Path().glob("*.md")),
    *(
        path
        for folder in ("backend", "docs", "frontend", "infra", "k8s", "localcloud", "tests")
        for path in Path(folder).rglob("*.md")
    ),
]
FENCED = re.compile(r"```.*?```", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_relative_link_names_what_exists(page: Path) -> None:
    """Files and folders are there, and so are the headings that a link goes to."""
    links = [link for link in LINK.findall(FENCED.sub("", page.read_text())) if "://" not in link]
    assert [link for link in links if not _leads_somewhere(page, link)] == []


TOUR = re.findall(r"^\d\. \[`([^`]+)`\]\([^)]+\): `([^`]+)`", Path("README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize(("file", "line"), TOUR)
def test_the_tour_points_at_lines_that_are_there(file: str, line: str) -> None:
    """Each stop of the README's tour quotes a line of its file."""
    assert line in Path(file).read_text()


def test_the_tour_has_five_stops() -> None:
    """From the projected token to the receipt."""
    assert len(TOUR) == 5


def test_the_readme_leads_to_every_page_of_the_documentation() -> None:
    """A page is linked from the README, or from a page that is; a decision by its folder."""
    reached, ahead = set(), [Path("README.md")]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            links = [link.partition("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link]
            ahead += [(page.parent / link).resolve().relative_to(Path.cwd()) for link in links if link]
    assert set(Path("docs").glob("*.md")) <= reached


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not heading or heading in _headings(target))


def _headings(page: Path) -> set[str]:
    """As GitHub names them: lower case, without punctuation, with hyphens for spaces."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
