"""The containers' own files: hadolint without exceptions, and the compose specification's schema.

The programs come with the dependency group `check`: `.tools/uv/bin/uv sync --group check`.
"""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(sys.executable).parent
DOCKERFILES = sorted(str(path) for path in Path().glob("*/Dockerfile"))


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = PROGRAMS / program
    if not path.exists():
        pytest.fail(f"{program} is missing: `.tools/uv/bin/uv sync --group check` brings it")
    return subprocess.run([path, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_hadolint_finds_nothing(dockerfile: str) -> None:
    """No rule is switched off, and none is ignored in a line."""
    checked = run("hadolint", "--failure-threshold", "style", "--disable-ignore-pragma", dockerfile)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_compose_file_follows_its_schema() -> None:
    """The schema is the compose specification's, as check-jsonschema carries it."""
    checked = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_a_build_needs_no_frontend_from_a_registry(dockerfile: str) -> None:
    """A `# syntax=` line would make every build pull one more image."""
    assert "syntax=" not in Path(dockerfile).read_text()
