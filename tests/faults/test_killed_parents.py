"""Nothing outlives `make run`, whichever of its processes is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.stack import ROOT
from tests.e2e.waiting import until
from tests.faults import processes

PORTS = {"LOCALCLOUD_PROXY_PORT": "0", "LOCALCLOUD_AMQP_PORT": "0"}


@pytest.mark.parametrize("victim", ["make", "demo"])
def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path, victim: str) -> None:
    """After SIGKILL to make, or to the program that it runs, every process ends, and `--ephemeral` keeps nothing."""
    state = tmp_path / "state"
    demo = [sys.executable, "-m", "demo", "run", "--ephemeral", "--state", str(state), "--port", "0"]
    # A shell takes make's place; the colon keeps it from giving its own process to the command.
    make = subprocess.Popen(
        ["sh", "-c", '"$@"; :', "sh", *demo], cwd=ROOT, env=os.environ | PORTS, stdout=subprocess.PIPE, text=True
    )
    try:
        assert make.stdout is not None
        assert any("Ctrl-C" in line for line in make.stdout), "it never served"
        family = processes.family(make.pid)
        assert all(name in " ".join(family.values()) for name in ("azurite", "reaper", "backend", "frontend.bootstrap"))
        pids = {"make": make.pid, "demo": next(pid for pid, command in family.items() if command == " ".join(demo))}
        os.kill(pids[victim], signal.SIGKILL)
        until(lambda: processes.alive(family), lambda left: not left)
        assert not state.exists()
    finally:
        for pid in processes.family(make.pid):
            os.kill(pid, signal.SIGKILL)
        make.wait()
