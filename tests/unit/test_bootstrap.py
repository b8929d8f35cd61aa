"""What `make` says on a machine that lacks something: one sentence, and nothing is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

BOOTSTRAP = Path(__file__).parents[2] / "tools" / "bootstrap.py"


def bootstrap_on(machine: str) -> subprocess.CompletedProcess[str]:
    """Runs the bootstrap on a Python that `machine`, a statement, has changed."""
    program = f"import runpy, sys; {machine}; runpy.run_path({str(BOOTSTRAP)!r}, run_name='__main__')"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [
        ("sys.version_info = (3, 10, 4)", "Keyless needs Python 3.11 or newer; this is 3.10."),
        ("sys.modules['venv'] = None", "Python's venv is missing."),
        ("sys.modules['ensurepip'] = None", "Python's venv is missing."),
    ],
    ids=["an older Python", "no venv", "no ensurepip"],
)
def test_what_is_missing_is_said_in_one_sentence(machine: str, sentence: str) -> None:
    """An older Python, or one without `venv`, ends with a sentence that says what to install, and no traceback."""
    ended = bootstrap_on(machine)
    assert ended.returncode == 1
    assert ended.stderr.startswith(sentence)
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


def test_the_bootstrap_can_be_read_by_pythons_that_it_refuses() -> None:
    """It uses no syntax newer than Python 3.0's, so that an older one prints the sentence and no syntax error."""
    compile(BOOTSTRAP.read_text(), str(BOOTSTRAP), "exec", flags=0, dont_inherit=True, _feature_version=4)
