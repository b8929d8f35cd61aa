"""`make` alone names the verbs, each in the group of what it is for."""

import os
import re
import subprocess

from tests.docs.pages import ROOT

GROUPS = ["Run it", "Look at it, and learn", "Operate it", "On Azure", "Work on it"]


def test_make_alone_names_every_verb_in_its_group() -> None:
    """Groups stand in the order in which a visitor needs them; a verb stands in one of them, with a sentence."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    ran = subprocess.run(["make"], cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    groups = dict(part.split("\n", 1) for part in ran.stdout.strip().split("\n\n"))
    assert list(groups) == GROUPS
    told = [re.fullmatch(r"  make ([a-z-]+) +(\S.*)", line) for text in groups.values() for line in text.splitlines()]
    verbs = [found[1] for found in told if found]
    assert len(verbs) == len(told)
    (phony,) = re.findall(r"^\.PHONY: ((?:.|\\\n)*?[^\\])\n", (ROOT / "Makefile").read_text(), re.MULTILINE)[:1]
    assert sorted(verbs) == sorted({*phony.replace("\\", " ").split()} - {"tools"})
