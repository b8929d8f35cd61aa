"""checkov, in an environment of its own. `make check` installs it, or `uv tool install checkov`."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def reports(*arguments: str | Path) -> dict[str, dict[str, Any]]:
    """Return its reports, by framework. Fails with a sentence if it is missing or could not read a file."""
    program = shutil.which("checkov")
    if program is None:
        pytest.fail("checkov is not in PATH: `uv tool install checkov` brings it")
    options = ("--skip-download", "--compact", "--output", "json")
    run = subprocess.run([program, *arguments, *options], capture_output=True, text=True)
    answer = json.loads(run.stdout)
    found = {report["check_type"]: report for report in (answer if isinstance(answer, list) else [answer])}
    assert all(report["summary"]["parsing_errors"] == 0 for report in found.values())
    return found


def failed(report: dict[str, Any]) -> set[str]:
    """The ids of the checks that failed."""
    return {check["check_id"] for check in report["results"]["failed_checks"]}
