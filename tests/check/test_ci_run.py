"""What `.ci/run` makes of the tests' reports: tests that a user may skip have to run there."""

import subprocess
import sys
from pathlib import Path

import pytest

_VERDICT = Path(".ci/run").read_text().partition("<<'PYTHON'\n")[2].partition("\nPYTHON")[0]
"""The program at its end, which reads the reports."""

_PAGE = '<testcase classname="tests.e2e.test_page" name="a"/>'
_CLUSTER = '<testcase classname="tests.cluster.test_admission" name="b"/>'


def skipped(case: str) -> str:
    return case.replace("/>", '><skipped message="for want of it"/></testcase>')


@pytest.mark.parametrize(
    ("cases", "status", "code"),
    [
        pytest.param([_PAGE, _CLUSTER], 0, 0, id="all ran"),
        pytest.param([_PAGE, skipped(_CLUSTER)], 0, 1, id="no API server"),
        pytest.param([_PAGE, _CLUSTER, skipped(_CLUSTER)], 0, 1, id="one of them is skipped"),
        pytest.param([_PAGE], 0, 1, id="none of them is collected"),
        pytest.param([skipped(_PAGE), _CLUSTER], 0, 1, id="no browser"),
        pytest.param(
            [_PAGE, _CLUSTER, skipped('<testcase classname="tests.other" name="c"/>')], 0, 0, id="another skip"
        ),
        pytest.param([_PAGE, _CLUSTER], 1, 1, id="a verb failed without a failed test"),
    ],
)
def test_a_skip_for_want_of_a_part_fails(tmp_path: Path, cases: list[str], status: int, code: int) -> None:
    """A skip of the page's tests or of those on the API server fails the run, though `make check` stays green."""
    (tmp_path / "check.xml").write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    run = subprocess.run(
        [sys.executable, "-", str(tmp_path), str(status)], input=_VERDICT, capture_output=True, text=True
    )
    assert run.returncode == code, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1].endswith(" failed")
