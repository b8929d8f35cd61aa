"""Builds of the application in which a line is another one: to crash it at a step, and to see which test notices."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from demo.stack import ROOT


@dataclass(frozen=True, slots=True)
class Edit:
    """In the file (from the project's root), `old` is replaced by `new`. It must stand there exactly once."""

    file: str
    old: str
    new: str


def build(folder: Path, *edits: Edit) -> str:
    """Copies of the packages that the edits are made in; returns the `PYTHONPATH` that puts them before the others."""
    sources = sorted({edit.file.split("/src/")[0] + "/src" for edit in edits})
    for source in sources:
        shutil.copytree(ROOT / source, folder / source, ignore=shutil.ignore_patterns("__pycache__"))
    for edit in edits:
        path = folder / edit.file
        text = path.read_text()
        assert text.count(edit.old) == 1, f"{edit.file} has changed: this build needs to be made from another line"
        path.write_text(text.replace(edit.old, edit.new))
    return os.pathsep.join(str(folder / source) for source in sources)
