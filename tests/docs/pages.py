"""The documentation's pages, their code blocks, and the output that a page shows below a command."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for folder in ("*.md", "backend", "docs", "frontend", "infra", "k8s", "labs", "localcloud", "tests")
    for path in sorted(ROOT.glob(folder) if folder == "*.md" else (ROOT / folder).rglob("*.md"))
]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the heading above it."""

    language: str
    text: str
    heading: str


def blocks(page: Path) -> list[Block]:
    """Return the page's fenced blocks in order."""
    text = page.read_text()
    found = []
    for block in _BLOCK.finditer(text):
        headings = _HEADING.findall(_BLOCK.sub("", text[: block.start()]))
        found.append(Block(block[1], block[2], headings[-1] if headings else ""))
    return found


def commands_with_output(page: Path) -> list[tuple[str, str | None]]:
    """Return each `sh` block with the `text` block that follows it, `None` if no such block does."""
    found = blocks(page)
    following = [*found[1:], Block("", "", "")]
    return [
        (block.text, after.text if after.language == "text" else None)
        for block, after in zip(found, following, strict=True)
        if block.language == "sh"
    ]


def shown(expected: str, output: str) -> bool:
    """Tell whether the output is what a page shows: `…` stands for any text, and blanks at a line's end don't count."""
    lines = "\n".join(line.rstrip() for line in output.splitlines())
    pattern = ".*?".join(map(re.escape, expected.rstrip("\n").split("…")))
    return re.fullmatch(pattern, lines, re.DOTALL) is not None
