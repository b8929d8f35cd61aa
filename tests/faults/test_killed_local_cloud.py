"""`make run` describes the end of a local cloud that was not told to stop."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.stack import ROOT, describe_end
from tests.e2e.waiting import until
from tests.faults import processes

PORTS = {"LOCALCLOUD_PROXY_PORT": "0", "LOCALCLOUD_AMQP_PORT": "0"}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, None),
        (1, "ended with exit code 1; what it printed says why"),
        (-9, "was killed (signal 9, SIGKILL), by hand or by the system for want of memory"),
        (137, "was killed (signal 9, SIGKILL), by hand or by the system for want of memory"),
        (-15, "was ended (signal 15, SIGTERM) before it could stop in order"),
        (-2, "was ended (signal 2, SIGINT) before it could stop in order"),
        (-11, "crashed (signal 11, SIGSEGV)"),
        (-6, "crashed (signal 6, SIGABRT)"),
        (-7, "crashed (signal 7, SIGBUS)"),
        (120, "ended with exit code 120; what it printed says why"),
        (255, "ended with exit code 255; what it printed says why"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="the numbers of signals are Linux's")
def test_an_end_is_described_by_its_exit_code(code: int, said: str | None) -> None:
    """An orderly end has no sentence, since the local cloud announces it; any other end has one."""
    sentence = describe_end(code)
    assert (sentence or "").count("\n") == 0
    if said is None:
        assert sentence is None
    else:
        assert f"The local cloud {said}" in str(sentence)


@pytest.mark.parametrize(("number", "moment"), [(signal.SIGKILL, "answered"), (signal.SIGSEGV, "Ctrl-C")])
def test_a_local_cloud_that_dies_is_explained(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    """While it starts and while it serves: one sentence, no traceback, exit code 1, and no process left."""
    command = [sys.executable, "-m", "demo", "run", "--state", str(tmp_path / "state"), "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | PORTS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        assert demo.stdout is not None
        assert any(moment in line for line in demo.stdout)
        family = processes.family(demo.pid)
        os.kill(next(pid for pid, words in family.items() if "-m localcloud run" in words), number)
        said = demo.stdout.read()
        assert demo.wait(30) == 1
    lines = [line for line in said.splitlines() if "The local cloud" in line]
    assert len(lines) == 1
    assert f"signal {number.value}, {number.name}" in lines[0]
    assert "Traceback" not in said
    until(lambda: processes.alive(family), lambda left: not left)
