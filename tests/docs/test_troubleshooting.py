"""docs/troubleshooting.md: each entry has the laptop beside AKS, and its labs; each lab has its entry."""

import re

import pytest

from demo.lab.lab import load, names
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/troubleshooting.md").read_text()
ON_THE_LAPTOP = PAGE.partition("\n## On AKS only\n")[0]
ENTRIES = {entry.partition("\n")[0]: entry for entry in ON_THE_LAPTOP.split("\n### ")[1:]}
NO_LAB = re.compile(r"^No lab: \S.*\.$", re.MULTILINE)


def labs_of(entry: str) -> list[str]:
    """Return the names on the entry's line `Labs:`."""
    return [name for line in re.findall(r"^Labs: (.*)$", entry, re.MULTILINE) for name in re.findall(r"`(.+?)`", line)]


@pytest.mark.parametrize("heading", ENTRIES)
def test_an_entry_has_both_places_and_names_its_labs(heading: str) -> None:
    """It says where to look and what mends it, on the laptop and on AKS, and names labs that exist, or why none."""
    entry = ENTRIES[heading]
    assert re.findall(r"^\| (\w*) ?\|", entry, re.MULTILINE) == ["", "look", "mend"]
    assert "| | on the laptop | on AKS |" in entry
    assert [name for name in labs_of(entry) if name not in names()] == []
    assert bool(labs_of(entry)) != bool(NO_LAB.search(entry))


def test_every_lab_has_an_entry() -> None:
    """A new lab is named by an entry of the page: add it to the line `Labs:` of the symptom that it shows."""
    named = {name for entry in ENTRIES.values() for name in labs_of(entry)}
    assert set(names()) - named == set()


@pytest.mark.parametrize("name", names())
def test_an_entry_has_the_words_that_its_lab_shows(name: str) -> None:
    """What `/readyz` says in the lab stands in one of its entries, so that you find the entry by it."""
    words = load(name).shows.get("/readyz", "200")
    entries = [entry for entry in ENTRIES.values() if name in labs_of(entry)]
    assert words == "200" or any(words in " ".join(entry.split()) for entry in entries)
