"""The page lists the operations that the code knows, each with its actions and whether it is done."""

import re
from pathlib import Path

from harness.tables import rows
from localcloud.blob.operations import OPERATIONS

PAGE = (Path(__file__).parents[2] / "docs/blob.md").read_text()
SECTION = PAGE[PAGE.index("## Operations") :].split("\n## ")[0]
ROWS = rows(SECTION)
PREFIX = "Microsoft.Storage/storageAccounts/blobServices/"


def test_the_page_lists_every_operation() -> None:
    """Each operation has a row with the actions that it asks for, and no other row does."""
    listed = {row[0]: set(re.findall(r"`(.+?)`", row[1])) for row in ROWS[1:]}
    known: dict[str, set[str]] = {}
    for operation in OPERATIONS:
        known.setdefault(operation.name, set()).update(action.removeprefix(PREFIX) for action in operation.actions)
    assert listed == known


def test_the_page_says_what_is_refused() -> None:
    """A row says that an operation is refused, and in which words, if no form of it is done."""
    refused = {row[0]: row[2].removeprefix("refused: ") for row in ROWS[1:] if row[2].startswith("refused: ")}
    known = {operation.name: operation.refused for operation in OPERATIONS}
    done = {operation.name for operation in OPERATIONS if not operation.refused}
    assert refused == {name: words for name, words in known.items() if name not in done}
