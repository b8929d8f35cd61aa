"""A local cloud in a process of its own, without a cluster: the benchmark starts the services itself."""

import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from localcloud.operator.client import ControlError, connect

from bench.waiting import until
from demo import keys
from demo.stack import APPLICATION, ROOT


class Cloud:
    """A running local cloud. `ports` are those of its proxy and of its Service Bus."""

    def __init__(self, state: Path, process: psutil.Process, ports: tuple[int, int]) -> None:
        self.state = state
        self.process = process
        self.proxy_port, self.amqp_port = ports
        self._environments: dict[str, dict[str, str]] = {}

    def environment(self, workload: str) -> dict[str, str]:
        """Return the environment of a workload's program: what a pod has, and this machine's path."""
        if workload not in self._environments:
            self._environments[workload] = self._environment(workload)
        return self._environments[workload]

    def _environment(self, workload: str) -> dict[str, str]:
        command = [sys.executable, "-m", "localcloud", "env", f"--state={self.state}", f"keyless/{workload}"]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
        words = shlex.split(printed)
        variables = dict(word.split("=", 1) for word in words if word != "export")
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HTTP_HOST": "127.0.0.1", **variables}

    def exchanges(self) -> Mapping[tuple[str, str], int]:
        """Return how many tokens were given so far, by workload and audience."""
        lines = (self.state / "audit.jsonl").read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        return Counter((entry["workload"], entry["resource"]) for entry in entries if entry["kind"] == "exchange")


@contextmanager
def running() -> Iterator[Cloud]:
    """Start a local cloud with the application's keys, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="keyless-bench-") as folder:
        state = Path(folder) / "state"
        ports = free_port(), free_port()
        command = [sys.executable, "-m", "localcloud", "run", *APPLICATION, f"--state={state}"]
        command += [f"--proxy-port={ports[0]}", f"--amqp-port={ports[1]}"]
        with (Path(folder) / "terminal").open("w") as terminal:
            process = subprocess.Popen(command, cwd=ROOT, stdout=terminal, stderr=terminal)  # noqa: S603
        try:
            until(lambda: _has_keys(state), 60)
            yield Cloud(state, psutil.Process(process.pid), ports)
        finally:
            process.terminate()
            process.wait(60)


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _has_keys(state: Path) -> bool:
    try:
        with connect(state) as control:
            keys.ensure(control)
    except ControlError:
        return False
    return True
