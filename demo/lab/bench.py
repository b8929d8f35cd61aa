"""An application of the lab's own, on free ports, made of copies. The checkout stays as it is."""

import json
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from localcloud.authorization import audit

from demo.lab.lab import Lab
from demo.stack import ROOT, Stack

_PATCHED = "k8s/overlays/lab"
_ACCESS = "infra/access.yaml"
_EAGER = [{"op": "replace", "path": "/spec/template/spec/containers/0/readinessProbe/periodSeconds", "value": 1}]
"""The readiness probe each second and not every five, so that a learner waits less."""


class Bench:
    """The application, and what is seen of it."""

    def __init__(self, folder: Path, stack: Stack, url: str) -> None:
        self.url = url
        self.terminal = folder / "terminal"
        self._folder = folder
        self._stack = stack
        self._model = yaml.safe_load((ROOT / _ACCESS).read_text())

    def break_(self, lab: Lab) -> None:
        """Makes the lab's change. If it is one of the access model, the workload gets a new pod: the old one has access
        tokens from before, which outlive what they were given for."""
        _write_access(self._folder, lab.change.applied(self._model))
        _write_overlay(self._folder, [*lab.change.manifests, *([_restart(lab)] if lab.change.of_access else [])])

    def mend(self) -> None:
        """Takes the change back."""
        _write_access(self._folder, self._model)
        _write_overlay(self._folder, [])

    def pods(self) -> list[dict[str, Any]]:
        """The pods as `make status` shows them."""
        with self._stack.control() as control:
            return list(control.get("/status").raise_for_status().json()["pods"])

    def in_checkout(self, text: str) -> str:
        """The text with the copies' paths as they are in a checkout, where the model's lines have other numbers."""
        return re.sub(rf"({_ACCESS}):\d+", r"\1", text.replace(f"{self._folder.resolve()}/", ""))

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
        """The status of the page, and what stands there."""
        with httpx.Client(trust_env=False, timeout=10, follow_redirects=True) as browser:
            answer = browser.get(self.url, headers={"Accept": "text/html"})
        return f"{answer.status_code} {answer.text}"

    def trail(self) -> list[dict[str, Any]]:
        return audit.read(self._folder / "state/audit.jsonl")

    def doctor(self) -> list[dict[str, Any]]:
        """The broken links, each with its workload."""
        with self._stack.control() as control:
            examined = control.get("/doctor").raise_for_status().json()
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
def bench() -> Iterator[Bench]:
    """Started, with every pod ready; stopped and removed at the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-")))
        shutil.copytree(ROOT / "k8s", folder / "k8s")
        (folder / _PATCHED).mkdir()
        (folder / "infra").mkdir()
        shutil.copyfile(ROOT / _ACCESS, folder / _ACCESS)
        _write_overlay(folder, [])
        page, proxy, amqp = _free_ports(3)
        ports = [
            f"--proxy-port={proxy}",
            f"--amqp-port={amqp}",
            f"--service-port=frontend={page}",
            "--dashboard-port=0",
        ]
        terminal = stack.enter_context((folder / "terminal").open("w"))
        access = f"--access={folder / _ACCESS}"
        local = Stack(folder / "state", [access, *ports], folder / _PATCHED, terminal)
        running = stack.enter_context(local)
        yield Bench(folder, running, running.start())


def _write_access(folder: Path, model: dict[str, Any]) -> None:
    new = folder / f"{_ACCESS}.new"
    new.write_text(yaml.safe_dump(model, sort_keys=False))
    new.replace(folder / _ACCESS)


def _write_overlay(folder: Path, patches: list[dict[str, Any]]) -> None:
    eager = [{"target": {"kind": "Deployment"}, "patch": _EAGER}]
    written = [patch | {"patch": json.dumps(patch["patch"])} for patch in [*eager, *patches]]
    new = folder / _PATCHED / "new"
    new.write_text(json.dumps({"resources": ["../local"], "patches": written}))
    os.replace(new, folder / _PATCHED / "kustomization.yaml")


def _restart(lab: Lab) -> dict[str, Any]:
    """What `kubectl rollout restart` writes."""
    annotations = {"kubectl.kubernetes.io/restartedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    patch = [{"op": "add", "path": "/spec/template/metadata/annotations", "value": annotations}]
    return {"target": {"kind": "Deployment", "name": lab.workload}, "patch": patch}


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in listeners]
