"""Each built-in function answers as its page of Azure's reference says."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.cosmos import run

REFERENCE = [
    example
    for file in sorted((Path(__file__).parent / "cosmos_reference").glob("*.yaml"))
    for example in yaml.safe_load(file.read_text())
]
NOW = 1_728_915_630_666_888_800  # nanoseconds: 2024-10-14T14:20:30.6668888Z, as the pages of AGO and NOW say


@pytest.mark.parametrize("example", REFERENCE, ids=lambda example: example["page"])
def test_documented_examples(example: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The query of a page gives the answer of the page."""
    monkeypatch.setattr("time.time_ns", lambda: NOW)
    answer = run(example["query"], *example.get("documents", [{}]))
    assert answer == example["answer"]
