"""docs/walkthrough.md, followed block by block in one shell, against the local cloud."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from localcloud.operator.client import ControlError, connect

from demo.keys import ensure
from demo.stack import APPLICATION, ROOT
from tests.docs.pages import commands_with_output, shown
from tests.e2e.waiting import until

STEPS = commands_with_output(ROOT / "docs/walkthrough.md")
HERE, ON_AKS = STEPS[:-1], STEPS[-1]
ANY_PORTS = ("--proxy-port=0", "--amqp-port=0", "--dashboard-port=0")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A folder with what the page uses of a checkout: `.venv`, and the state of a local cloud in `.local`."""
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    state = tmp_path / ".local"
    command = [sys.executable, "-m", "localcloud", "run", *APPLICATION, f"--state={state}", *ANY_PORTS]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until(lambda: _answers(state), bool, 120)
        with connect(state) as control:
            ensure(control)
        yield tmp_path
    finally:
        running.terminate()
        running.wait()


def test_each_block_prints_what_stands_below_it(checkout: Path) -> None:
    """Token, exchange, access and refusal are on your machine as on the page: by curl, by MSAL, by azure-identity."""
    marker = "--- the next block ---"
    script = "".join(f"{commands}\necho '{marker}'\n" for commands, _output in HERE)
    environment = {"PATH": os.environ["PATH"], "HOME": str(checkout)}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    outputs = ran.stdout.split(f"{marker}\n")[:-1]
    expected = [text or "" for _commands, text in HERE]
    assert [pair for pair in zip(expected, outputs, strict=True) if not shown(*pair)] == []


def test_what_aks_needs_is_the_only_block_without_its_output() -> None:
    """Every other block shows what it prints, so that the test above compares it."""
    assert [commands for commands, output in STEPS if output is None] == [ON_AKS[0]]
    assert "kubectl create token" in ON_AKS[0]


def _answers(state: Path) -> bool:
    try:
        with connect(state) as control:
            return control.get("/status").is_success
    except ControlError:
        return False
