"""One container of a pod: run its command as a process of this machine, probe it, and restart it when it ends.

Kubernetes restarts an ended container at once, then after 10 s, doubled each time up to 5 minutes, and begins anew
after 10 minutes without an end (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy). Here
the first pause is 1 s, so that you do not wait after you have corrected a setting. The rest is the same.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import httpx

from localcloud.cluster import environment as env
from localcloud.cluster.errors import ContainerConfigError
from localcloud.cluster.probes import verdicts
from localcloud.cluster.reaper import Reaper, kill_group
from localcloud.cluster.resources import Container, Probe

FIRST_PAUSE, LONGEST_PAUSE, FORGOTTEN_AFTER = 1.0, 300.0, 600.0  # seconds

RestartPolicy = Literal["Always", "OnFailure", "Never"]


class ContainerProcess:
    """`environment` returns the whole environment of the process for the free port of each containerPort."""

    def __init__(
        self,
        spec: Container,
        environment: Callable[[dict[int, int]], dict[str, str]],
        folder: Path,
        log: Path,
        reaper: Reaper,
        client: httpx.AsyncClient,
    ) -> None:
        self.spec = spec
        self.ports: dict[int, int] = {}
        self.ready = False
        self.restarts = 0
        self.reason = ""
        self._environment = environment
        self._folder = folder
        self._log = log
        self._reaper = reaper
        self._client = client
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    def local_port(self, port: int | str) -> int | None:
        """Return the port of this machine for a containerPort, which is given by number or name."""
        for declared in self.spec.ports:
            if port in (declared.container_port, declared.name):
                return self.ports.get(declared.container_port)
        return None

    async def run(self, policy: RestartPolicy, grace: float) -> int:
        """Run the container until it ends for good; return its last exit code. `grace` is in seconds."""
        pause = 0.0
        while True:
            began = time.monotonic()
            code = await self._run_once(grace)
            if self._stopping.is_set() or policy == "Never" or (policy == "OnFailure" and code == 0):
                return code
            self.restarts += 1
            if time.monotonic() - began > FORGOTTEN_AFTER:
                pause = 0.0
            if pause:
                self.reason = f"CrashLoopBackOff, next start in {pause:.0f} s: {self.reason}"
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
                    return code
            pause = min(max(FIRST_PAUSE, pause * 2), LONGEST_PAUSE)

    def stop(self, grace: float) -> None:
        """Send SIGTERM now, and SIGKILL to the whole process group after `grace` seconds; `run` then returns."""
        self.ready = False
        self._stopping.set()
        self._terminate(grace)

    def kill(self) -> None:
        """Send SIGKILL to the whole process group. The restart policy says what follows."""
        if self._process is not None:
            _kill_if_running(self._process)

    async def _run_once(self, grace: float) -> int:
        self.ports = {port.container_port: _free_port() for port in self.spec.ports}
        try:
            environment = self._environment(self.ports)
        except ContainerConfigError as error:
            self.reason = f"CreateContainerConfigError: {error}"
            return 128
        command = [env.expand(word, environment) for word in (*self.spec.command, *self.spec.args)]
        try:
            with self._log.open("ab") as log:
                self._process = process = await asyncio.create_subprocess_exec(
                    *command,
                    env=environment,
                    cwd=self._folder,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is the local cloud's to hear; a group is killed as one
                )
        except OSError as error:
            self.reason = f"StartError: {command[0]}: {error.strerror}"
            return 127
        self._reaper.watch(process.pid)
        if self._stopping.is_set():  # asked to stop while the process was being made
            self._terminate(grace)
        probing = asyncio.create_task(self._probe(grace))
        try:
            code = await process.wait()
        finally:
            probing.cancel()
            self.ready = False
            kill_group(process.pid)  # whatever the process has left behind
            self._reaper.forget(process.pid)
        self.reason = self.describe_end(code)
        return code

    def describe_end(self, code: int) -> str:
        """Describe an exit in one sentence, with the last line that the process printed."""
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}"
        said = last_line(self._log)
        return f"{self.spec.name} {how}" + (f": {said}" if said else "")

    def _terminate(self, grace: float) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        asyncio.get_running_loop().call_later(grace, _kill_if_running, process)

    async def _probe(self, grace: float) -> None:
        if self.spec.startup_probe and not await self._started(self.spec.startup_probe, grace):
            return
        async with asyncio.TaskGroup() as probes:
            if self.spec.liveness_probe:
                probes.create_task(self._watch_liveness(self.spec.liveness_probe, grace))
            if self.spec.readiness_probe:
                probes.create_task(self._watch_readiness(self.spec.readiness_probe))
            else:
                self._set_ready()

    async def _started(self, probe: Probe, grace: float) -> bool:
        self.reason = "starting"
        async for verdict in verdicts(probe, self._probed_port(probe), self._client):
            if verdict.passed:
                return True
            if verdict.passed is False:
                self._fail("startup", verdict.detail, grace)
                break
        return False

    async def _watch_liveness(self, probe: Probe, grace: float) -> None:
        async for verdict in verdicts(probe, self._probed_port(probe), self._client):
            if verdict.passed is False:
                self._fail("liveness", verdict.detail, grace)
                return

    async def _watch_readiness(self, probe: Probe) -> None:
        async for verdict in verdicts(probe, self._probed_port(probe), self._client):
            if verdict.passed and not self._stopping.is_set():
                self._set_ready()
            elif verdict.passed is False:
                self.ready = False
            if not self.ready and verdict.detail:
                self.reason = verdict.detail

    def _set_ready(self) -> None:
        self.ready, self.reason = True, ""

    def _fail(self, probe: str, detail: str, grace: float) -> None:
        with contextlib.suppress(OSError), self._log.open("a") as log:
            log.write(f"{self.spec.name} is started again, because its {probe} probe failed: {detail}\n")
        self._terminate(grace)

    def _probed_port(self, probe: Probe) -> int:
        port = self.local_port(probe.http_get.port)
        assert port is not None  # noqa: S101 - `manifest.read` has checked it
        return port


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty, at most 500 characters of it."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - 4096))
        lines = file.read().decode(errors="replace").split("\n")
        return next((line.strip()[:500] for line in reversed(lines) if line.strip()), "")
    return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _kill_if_running(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        kill_group(process.pid)
