"""The worker as a process starts without access and says so, logs JSON without a token, and stops on SIGTERM."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

SETTINGS = {
    "AZURE_KEYVAULT_RESOURCEENDPOINT": "https://keyless.vault.azure.net",
    "AZURE_COSMOS_RESOURCEENDPOINT": "https://keyless.documents.azure.com:443/",
    "AZURE_STORAGEBLOB_RESOURCEENDPOINT": "https://keyless.blob.core.windows.net",
    "AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE": "keyless.servicebus.windows.net",
    "HTTP_HOST": "127.0.0.1",
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Worker:
    """A worker's process. Like a pod's, its environment holds the given variables and no others."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "backend"],
            env={"PATH": os.environ["PATH"], **SETTINGS, "HTTP_PORT": str(self.port), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def get(self, path: str) -> httpx.Response:
        """Return the answer, as soon as the process listens."""
        deadline = time.monotonic() + 20
        while True:
            try:
                return httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False)
            except httpx.TransportError:
                assert self.process.poll() is None, self.process.communicate()[0]
                assert time.monotonic() < deadline, "the worker does not listen"
                time.sleep(0.1)

    def until_missing(self, name: str, said: str) -> None:
        """Wait until readiness says this of that dependency, however busy the machine is."""
        deadline = time.monotonic() + 60
        while said not in (missing := self.get("/readyz").json()["missing"]).get(name, ""):
            assert time.monotonic() < deadline, missing
            time.sleep(0.1)

    def stop(self) -> tuple[int, list[dict[str, Any]]]:
        """Stop the process. Return its exit code and its log lines."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=15)
        return self.process.returncode, [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def start() -> Iterator[Callable[..., Worker]]:
    started: list[Worker] = []

    def of(**environment: str) -> Worker:
        started.append(Worker(environment))
        return started[-1]

    yield of
    for worker in started:
        worker.process.kill()
        worker.process.wait()


def test_without_an_identity_it_lives_and_says_so(start: Callable[..., Worker]) -> None:
    """In a pod without the label it is alive, unready with the SDK's own sentence, and SIGTERM ends it with 0."""
    worker = start()
    assert worker.get("/healthz").status_code == 200
    answer = worker.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (503, "application/problem+json")
    assert "'client_id'" in answer.json()["missing"]["Workload identity"]
    code, lines = worker.stop()
    assert code == 0
    assert [line["event"] for line in lines] == ["identity.missing"]


def test_without_a_network_it_names_what_it_can_not_reach(start: Callable[..., Worker], tmp_path: Path) -> None:
    """Each dependency is missing by name, SIGTERM ends the attempts at once, and the JSON log holds no token."""
    assertion = tmp_path / "token"
    assertion.write_text("made.up.assertion")
    nowhere = f"127.0.0.1:{free_port()}"
    worker = start(
        AZURE_CLIENT_ID="11111111-1111-1111-1111-111111111111",
        AZURE_TENANT_ID="22222222-2222-2222-2222-222222222222",
        AZURE_AUTHORITY_HOST="https://login.microsoftonline.com/",
        AZURE_FEDERATED_TOKEN_FILE=str(assertion),
        AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS=f"sb://{nowhere}",
        HTTPS_PROXY=f"http://{nowhere}",
    )
    for service in ("Key Vault", "Cosmos DB", "Blob Storage"):
        worker.until_missing(service, "Cannot connect")
    worker.until_missing("Service Bus", "Connect call failed")
    assert set(worker.get("/readyz").json()["missing"]) == {"Key Vault", "Cosmos DB", "Blob Storage", "Service Bus"}
    assert worker.get("/healthz").status_code == 200
    code, lines = worker.stop()
    assert code == 0
    assert "made.up.assertion" not in json.dumps(lines)
