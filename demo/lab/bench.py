"""The application that a lab breaks: the one that `make run` serves, or one of the lab's own on free ports."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from localcloud.authorization import audit
from localcloud.operator.client import ControlError, connect

from demo.lab.azure import Azure
from demo.lab.copies import Copies
from demo.lab.lab import Lab
from demo.stack import Stack, StackFailed


class Bench:
    """The application, and what is seen of it. `state` is the local cloud's folder, `url` the page's."""

    def __init__(self, copies: Copies, state: Path, control: httpx.Client, url: str) -> None:
        self.url = url
        self._copies = copies
        self._state = state
        self._control = control
        self._azure = Azure(control)
        self._to_restart: tuple[str, ...] = ()

    def break_(self, lab: Lab) -> None:
        """Make the lab's change."""
        self._copies.prepare(lab)
        self.doctor()  # the local cloud reads the access model when it is asked something
        self._azure.delay(lab.change)
        self._azure.change(lab.change)
        self._copies.break_(lab)
        self.doctor()
        self._azure.restart(lab.change.restart)
        self._azure.kill(lab.change.kill)
        if lab.change.rotateIssuerKey:  # the tokens of all pods are signed with the old key
            self._to_restart = ("frontend", "backend")

    def mend(self) -> None:
        """Take the change back."""
        self._azure.mend()
        self._copies.mend()
        restarted, self._to_restart = self._to_restart, ()
        self._azure.restart(restarted)

    def in_checkout(self, text: str) -> str:
        return self._copies.in_checkout(text)

    def pods(self) -> list[dict[str, Any]]:
        """The pods as `make status` shows them."""
        return list(self._control.get("/status").raise_for_status().json()["pods"])

    def terminal(self, after: int) -> list[tuple[int, str]]:
        """The lines that the local cloud has printed after the line of this number, with their numbers."""
        answer = self._control.get("/lines", params={"after": after}).raise_for_status().json()
        return [(int(number), str(line)) for number, line in answer]

    def readyz(self, workload: str) -> str:
        """The answer of the workload's newest pod, empty if it does not listen."""
        pods = [pod for pod in self.pods() if pod["workload"] == workload and pod["ports"]]
        if not pods:
            return ""
        try:
            answer = httpx.get(f"http://127.0.0.1:{pods[-1]['ports']['8080']}/readyz", trust_env=False, timeout=5)
        except httpx.TransportError:
            return ""
        return f"{answer.status_code} {answer.text}"

    def page(self) -> str:
        """The status of the page, and what stands there; empty if it does not answer."""
        try:
            with httpx.Client(trust_env=False, timeout=10, follow_redirects=True) as browser:
                answer = browser.get(self.url, headers={"Accept": "text/html"})
        except httpx.TransportError:
            return ""
        return f"{answer.status_code} {answer.text}"

    def trail(self) -> list[dict[str, Any]]:
        return audit.read(self._state / "audit.jsonl")

    def doctor(self) -> list[dict[str, Any]]:
        """The broken links, each with its workload."""
        examined = self._control.get("/doctor").raise_for_status().json()
        return [{"workload": e["workload"]} | link for e in examined for link in e["links"] if link["state"] == "bad"]

    def is_well(self) -> bool:
        """Whether each workload has one pod that is ready, and the doctor finds nothing."""
        pods = self.pods()
        one_each = sorted(pod["workload"] for pod in pods) == ["backend", "frontend"]
        return one_each and all(pod["ready"] for pod in pods) and not self.doctor()

    def await_well(self, timeout: float = 90) -> float:
        """Returns after how many seconds it was well; raises `TimeoutError`."""
        began = time.monotonic()
        while not self.is_well():
            if time.monotonic() - began > timeout:
                raise TimeoutError(f"not well after {timeout:.0f} s: {self.doctor() or self.pods()}")
            time.sleep(0.2)
        return time.monotonic() - began


@contextmanager
def own_bench() -> Iterator[Bench]:
    """An application of its own, started, with every pod ready; stopped and removed at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-")))
        copies = Copies(folder, "local", eager=True)
        page, proxy, amqp = _free_ports(3)
        ports = [
            f"--proxy-port={proxy}",
            f"--amqp-port={amqp}",
            f"--service-port=frontend={page}",
            "--dashboard-port=0",
        ]
        log = stack.enter_context((folder / "terminal").open("w"))
        local = Stack(folder / "state", [f"--access={copies.access}", *ports], copies.overlay, log)
        running = stack.enter_context(local)
        url = running.start()
        yield Bench(copies, folder / "state", stack.enter_context(running.control()), url)


@contextmanager
def running_bench(state: Path) -> Iterator[Bench | None]:
    """The application that runs with this state folder, following copies until the end; None if none runs there.

    Nothing of it is restarted. Raises `StackFailed` if it is not well: a lab could not tell its own fault from another.
    """
    with ExitStack() as stack:
        control = _control(stack, state)
        if control is None:
            yield None
            return
        folder = state.absolute() / "lab"
        shutil.rmtree(folder, ignore_errors=True)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        overlay = Path(control.get("/rehearsal").raise_for_status().json()["overlay"])
        copies = Copies(folder, overlay.name, eager=False)
        url = str(control.get("/status").raise_for_status().json()["services"]["frontend"])
        bench = Bench(copies, state, control, url)
        if not bench.is_well():
            raise StackFailed("the running application is not well, so a lab would not show its own fault: make doctor")
        following = {"overlay": str(copies.overlay), "access": str(copies.access), "pid": os.getpid()}
        control.put("/rehearsal", json=following).raise_for_status()
        stack.callback(control.delete, "/rehearsal")
        yield bench


def _control(stack: ExitStack, state: Path) -> httpx.Client | None:
    try:
        with connect(state) as client:
            client.get("/status").raise_for_status()
    except ControlError:
        return None
    return stack.enter_context(connect(state))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in listeners]
