"""The local cloud as a child process, from its start until it is stopped."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import httpx
from localcloud.operator.client import ControlError, connect

from demo import keys

ROOT = Path(__file__).parent.parent
APPLICATION = ("--name=keyless", f"--access={ROOT / 'infra/access.yaml'}")
"""The local cloud's settings for this application: the name of its vault and accounts, and its access model."""
OVERLAYS = ROOT / "k8s" / "overlays"
_ORDERS_TO_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StackFailed(Exception):
    """The local cloud ended, or the application did not become ready. What it printed says why."""


class NotReady(StackFailed):
    """The local cloud runs, and a pod is not ready in time; the message names what each of them lacks."""


class Stack:
    """Run `localcloud run` with the application's overlay and the state folder `state`.

    Its output goes to `terminal`, or to this program's output.
    """

    def __init__(
        self,
        state: Path,
        arguments: Sequence[str] = (),
        overlay: Path = OVERLAYS / "local",
        terminal: IO[str] | None = None,
    ) -> None:
        self.state = state
        command = [sys.executable, "-m", "localcloud", "run", *APPLICATION, f"--overlay={overlay}", f"--state={state}"]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, *arguments], cwd=ROOT, stdout=terminal, stderr=terminal
        )

    def __enter__(self) -> "Stack":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        fault = self._fault() if isinstance(value, Exception) else None
        self.stop()
        if fault:  # it is the cause of `value`
            raise StackFailed(fault) from value

    @property
    def pid(self) -> int:
        return self._process.pid

    @contextlib.contextmanager
    def control(self) -> Iterator[httpx.Client]:
        with connect(self.state) as client:
            yield client

    def dashboard(self) -> str:
        """Return the URL of the local cloud's dashboard."""
        with self.control() as client:
            return str(client.get("/status").raise_for_status().json()["dashboard"])

    def start(self, timeout: float = 90) -> str:
        """Store the keys, wait until every pod is ready, and return the frontend's URL. Raises `StackFailed`."""
        deadline = time.monotonic() + timeout
        self.hand_over_keys(timeout)
        return self.await_ready(deadline - time.monotonic())

    def hand_over_keys(self, timeout: float = 90) -> None:
        """As soon as the local cloud answers; raises `StackFailed`."""
        self._await_status(time.monotonic() + timeout, lambda _status: True)
        with self.control() as client:
            keys.ensure(client)

    def await_ready(self, timeout: float) -> str:
        """Waits until every pod is ready and returns the frontend's URL.

        Raises `StackFailed` if the local cloud ends, `NotReady` if a pod lacks something after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        status = self._await_status(deadline, lambda s: bool(s["pods"]) and all(p["ready"] for p in s["pods"]))
        return str(status["services"]["frontend"])

    def wait(self) -> int:
        """Wait until the local cloud ends; return its exit code."""
        try:
            return self._process.wait()
        except KeyboardInterrupt:
            self.stop()
            return self._process.wait()

    def stop(self) -> None:
        """Stop the local cloud in order. Kill it if it does not stop within a minute."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _await_status(self, deadline: float, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        reason = "it never answered"
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise StackFailed(describe_end(self._process.returncode) or "The local cloud was stopped.")
            with contextlib.suppress(ControlError), self.control() as client:
                status: dict[str, Any] = client.get("/status").raise_for_status().json()
                # If another process answers, it uses the folder, and this one is about to say so and end.
                if status["pid"] == self.pid and good(status):
                    return status
                waiting = [f"{p['name']}: {p['reason'] or 'starting'}" for p in status["pods"] if not p["ready"]]
                reason = "; ".join(waiting)
            time.sleep(0.05)
        raise NotReady(f"not ready in time: {reason}")

    def _fault(self) -> str | None:
        """Describe the local cloud's end, `None` if it was told to stop."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return describe_end(self._process.wait(0.5))  # a process that was killed takes a moment to be gone
        return None


def federated(way: str) -> tuple[list[str], Path]:
    """Return the local cloud's arguments and the overlay for one way of federating: `credentials` or `bindings`."""
    return [f"--federation={way}"], OVERLAYS / ("local-bindings" if way == "bindings" else "local")


def describe_end(code: int) -> str | None:
    """Describe the local cloud's end by its exit code, `None` if it stopped in order."""
    if code == 0:
        return None
    number = -code if code < 0 else code - 128
    if number not in set(signal.Signals):
        return f"The local cloud ended with exit code {code}; what it printed says why."
    name = signal.Signals(number).name
    if number == signal.SIGKILL:
        how = f"was killed (signal {number}, {name}), by hand or by the system for want of memory"
    elif number in _ORDERS_TO_STOP:
        how = f"was ended (signal {number}, {name}) before it could stop in order"
    else:
        how = f"crashed (signal {number}, {name})"
    return f"The local cloud {how}. Nothing of it is left running, and what it accepted is kept: start it again."
