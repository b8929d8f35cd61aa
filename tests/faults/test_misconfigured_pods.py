"""A pod that its identity does not trust starts all the same, and says on `/readyz` what is missing.

Each run is the application's overlay with one mistake for each workload.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from localcloud.authorization.model import client_id
from localcloud.operator.client import ControlError, connect

from demo.stack import APPLICATION, ROOT
from tests.e2e.waiting import until

CLIENT_ID = "/metadata/annotations/azure.workload.identity~1client-id"
LABEL = "/spec/template/metadata/labels/azure.workload.identity~1use"
SDK_SAYS = (
    "WorkloadIdentityCredential authentication unavailable. The workload options are not fully configured. See the "
    "troubleshooting guide for more information: "
    "https://aka.ms/azsdk/python/identity/workloadidentitycredential/troubleshoot. Missing required arguments:"
)
NOBODY = "00000000-0000-0000-0000-000000000000"

Patch = dict[str, Any]


def patch(kind: str, name: str, **operation: str) -> Patch:
    """One JSON patch of one object, as a kustomization has it."""
    return {"target": {"kind": kind, "name": name}, "patch": json.dumps([operation])}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a workload, what its `/readyz` then says, and what the terminal advises."""

    workload: str
    patches: list[Patch]
    says: str
    advice: str


RUNS = {
    "not admitted": [
        Fault(
            "frontend",
            [patch("Deployment", "frontend", op="remove", path=LABEL)],
            f"{SDK_SAYS} 'tenant_id', 'client_id', 'token_file_path'.",
            'it needs the label azure.workload.identity/use: "true"',
        ),
        Fault(
            "backend",
            [patch("ServiceAccount", "backend", op="remove", path=CLIENT_ID)],
            f"{SDK_SAYS} 'client_id'.",
            "service account needs the annotation azure.workload.identity/client-id",
        ),
    ],
    "not trusted": [
        Fault(
            "frontend",
            [patch("ServiceAccount", "frontend", op="replace", path=CLIENT_ID, value=NOBODY)],
            "AADSTS700016",
            f"azure.workload.identity/client-id of the service account frontend to {client_id('frontend')}",
        ),
        Fault(
            "backend",
            [
                patch("ServiceAccount", "redrive", op="replace", path=CLIENT_ID, value=client_id("backend")),
                patch(
                    "Deployment",
                    "backend",
                    op="replace",
                    path="/spec/template/spec/serviceAccountName",
                    value="redrive",
                ),
            ],
            "AADSTS700213",
            "trusts system:serviceaccount:keyless:backend and the pod is system:serviceaccount:keyless:redrive",
        ),
    ],
}


@dataclass(frozen=True, slots=True)
class Run:
    """A running local cloud: its operator's socket, and the file that holds what it has said."""

    control: httpx.Client
    terminal: Path

    def pod(self, workload: str) -> dict[str, Any]:
        """The status of the workload's only pod."""
        pods = self.control.get("/status").raise_for_status().json()["pods"]
        return next(dict(pod) for pod in pods if pod["workload"] == workload)

    def address(self, workload: str) -> str:
        """The pod's own URL, as through a port-forward."""
        return f"http://127.0.0.1:{self.pod(workload)['ports']['8080']}"

    def readiness(self, workload: str) -> httpx.Response | None:
        """None until the pod listens."""
        try:
            return httpx.get(f"{self.address(workload)}/readyz", trust_env=False)
        except (KeyError, httpx.TransportError):
            return None


@pytest.fixture(scope="module", params=RUNS)
def faults(request: pytest.FixtureRequest) -> list[Fault]:
    return RUNS[request.param]


@pytest.fixture(scope="module")
def run(faults: list[Fault]) -> Iterator[Run]:
    """`localcloud run` with the faults' patches, as a person starts it."""
    with tempfile.TemporaryDirectory(prefix="pods-") as folder:
        yield from started(Path(folder), faults)


def started(folder: Path, faults: list[Fault]) -> Iterator[Run]:
    terminal = folder / "terminal"
    local = os.path.relpath(ROOT / "k8s" / "overlays" / "local", folder.resolve())
    patches = [one for fault in faults for one in fault.patches]
    (folder / "kustomization.yaml").write_text(json.dumps({"resources": [local], "patches": patches}))
    command = ["localcloud", "run", *APPLICATION, f"--overlay={folder}", f"--state={folder / 'state'}"]
    ports = ["--proxy-port=0", "--amqp-port=0", "--service-port=frontend=0"]
    with terminal.open("w") as output:
        process = subprocess.Popen([sys.executable, "-m", *command, *ports], cwd=ROOT, stdout=output)
    try:
        until(lambda: process.poll() is None and answers(folder / "state"), bool)
        with connect(folder / "state") as control:
            yield Run(control, terminal)
    finally:
        process.terminate()
        assert process.wait(60) == 0


def answers(state: Path) -> bool:
    try:
        with connect(state) as control:
            return control.get("/status").is_success
    except ControlError:
        return False


def test_the_pod_says_what_is_wrong(run: Run, faults: list[Fault]) -> None:
    """It lives, and its `/readyz` is a 503 problem with the SDK's own sentence or Entra's own code."""
    for fault in faults:
        answer = until(partial(run.readiness, fault.workload), partial(contains, fault.says))
        assert answer is not None
        assert answer.status_code == 503
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert httpx.get(f"{run.address(fault.workload)}/healthz", trust_env=False).status_code == 200


def test_the_terminal_says_what_to_correct(run: Run, faults: list[Fault]) -> None:
    """Entra's refusal, or the SDK's sentence of a pod that never asks, is printed with what to change."""
    text = until(run.terminal.read_text, lambda text: all(fault.advice in text for fault in faults))
    assert all(fault.says in text for fault in faults)


def contains(text: str, answer: httpx.Response | None) -> bool:
    return answer is not None and text in answer.text
