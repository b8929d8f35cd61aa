"""A page's steps: the edits, the new files and the commands of one of its sections."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"`([\w/.-]+/[\w.-]+\.\w+)`")


@dataclass(frozen=True)
class Apply:
    """A `diff` block. The path that was named last above it is the file."""

    file: str
    diff: str


@dataclass(frozen=True)
class Write:
    """A `python` or `yaml` block: the text of a new file."""

    file: str
    text: str


@dataclass(frozen=True)
class Run:
    """A `sh` block, and the `text` block below it: what it prints, `None` if the page does not say."""

    command: str
    output: str | None


def steps(page: Path, section: str) -> Iterator[Apply | Write | Run]:
    """Yield the steps below the heading, in order."""
    _, _, rest = page.read_text().partition(f"\n## {section}\n")
    text = rest.partition("\n## ")[0]
    blocks = list(_BLOCK.finditer(text))
    for place, block in enumerate(blocks):
        language, content = block[1], block[2]
        if language == "sh":
            after = blocks[place + 1] if place + 1 < len(blocks) else None
            yield Run(content, after[2] if after and after[1] == "text" else None)
        elif language != "text":
            file = _FILE.findall(_BLOCK.sub("", text[: block.start()]))[-1]
            yield Apply(file, content) if language == "diff" else Write(file, content)


def apply(file: Path, diff: str) -> None:
    """Edit the file as the diff says. Raises `ValueError` unless its old lines stand in the file exactly once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    text = file.read_text()
    if text.count(old) != 1:
        raise ValueError(f"{file} does not have these lines exactly once:\n{old}")
    file.write_text(text.replace(old, new))
