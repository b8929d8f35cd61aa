"""What no linter asks of the containers' files; `make check` runs hadolint and the compose schema on them."""

from pathlib import Path

import pytest


@pytest.mark.parametrize("dockerfile", sorted(str(path) for path in Path().glob("*/Dockerfile")))
def test_a_build_needs_no_frontend_from_a_registry(dockerfile: str) -> None:
    """A `# syntax=` line would make every build pull one more image."""
    assert "syntax=" not in Path(dockerfile).read_text()
