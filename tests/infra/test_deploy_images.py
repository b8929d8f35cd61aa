"""The Dockerfiles that the registry builds: `az acr build` knows no BuildKit (https://github.com/Azure/acr/issues/721)."""

import re
from pathlib import Path

import pytest

BUILDKIT_ONLY = re.compile(r"^\s*(RUN\s+--|COPY\s+--(link|parents|exclude)|ADD\s+--|#\s*syntax=|.*<<)", re.MULTILINE)


@pytest.mark.parametrize("image", ["frontend", "backend", "tests"])
def test_the_registry_can_build_it(image: str) -> None:
    """No line needs BuildKit."""
    assert BUILDKIT_ONLY.findall(Path(image, "Dockerfile").read_text()) == []


def test_a_line_that_needs_buildkit_would_be_found() -> None:
    """A cache mount is one."""
    assert BUILDKIT_ONLY.search("FROM x\nRUN --mount=type=cache,target=/root/.cache make\n")
