"""The whole application on this machine, to be killed, stopped and started again with the same ports and state."""

import contextlib
import copy
import json
import os
import random
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from azure.identity import WorkloadIdentityCredential
from azure.servicebus import ServiceBusClient, TransportType
from localcloud.access import TENANT_ID, client_id
from localcloud.cloud import ISSUER_HOST, ISSUER_PATH
from localcloud.issuer import Issuer

from demo.stack import ROOT, Stack
from localcloud import audit
from tests.faults import processes

REFRESH = {"name": "SIGNING_KEY_REFRESH_SECONDS", "value": "1"}


class Application:
    """`state` outlives every start. What takes a minute elsewhere takes seconds here: the services read their keys
    again each second, and a message's lock runs out after five."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self._access = folder / "access.yaml"
        self.model: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "access.yaml").read_text())
        self.model["entities"]["serviceBus"]["orders"]["lockDuration"] = "PT5S"
        self._enforce(self.model)
        self._overlay = _overlay(folder / "overlay")
        self._page, self._proxy, self._amqp = free_ports(3)
        self._stack: Stack | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._page}"

    @property
    def stack(self) -> Stack:
        assert self._stack is not None, "it is not running"
        return self._stack

    def start(self) -> None:
        """Returns when every pod is ready."""
        ports = [f"--proxy-port={self._proxy}", f"--amqp-port={self._amqp}", f"--service-port=frontend={self._page}"]
        self._stack = Stack(self.state, [f"--access={self._access}", *ports], self._overlay)
        self._stack.start()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the local cloud and waits for its end."""
        os.kill(self.stack.pid, number)
        self.stack.wait()

    def stop(self) -> None:
        if self._stack is not None:
            self._stack.stop()

    def worker(self) -> int:
        """The worker's process."""
        (pid,) = [
            pid
            for pid, command in processes.family(self.stack.pid).items()
            if any(word.endswith("/backend") for word in command.split())
        ]
        return pid

    def pod(self, workload: str) -> dict[str, Any]:
        """The status of the workload's only pod."""
        with self.stack.control() as control:
            (pod,) = [pod for pod in control.get("/status").json()["pods"] if pod["workload"] == workload]
        return dict(pod)

    def redrive(self, *arguments: str) -> None:
        """The job of `make redrive`; it must succeed."""
        assert self._job("redrive", *arguments) == 0

    def repair(self) -> None:
        """The job of `make repair`; it must succeed."""
        assert self._job("repair") == 0

    def trail(self) -> list[dict[str, Any]]:
        return audit.read(self.state / "audit.jsonl")

    @contextlib.contextmanager
    def without(self, workload: str, scope: str) -> Iterator[None]:
        """Takes the workload's grants on an entity away, which has effect at once, and gives them back."""
        less = copy.deepcopy(self.model)
        grants = less["workloads"][workload]["grants"]
        less["workloads"][workload]["grants"] = [grant for grant in grants if grant["scope"] != scope]
        self._enforce(less)
        try:
            yield
        finally:
            self._enforce(self.model)

    @contextlib.contextmanager
    def servicebus(self, workload: str) -> Iterator[ServiceBusClient]:
        """The real client with the workload's identity, on whose behalf the cluster's issuer signs another token."""
        token = self.state.parent / f"{workload}.token"
        account = self.model["workloads"][workload]
        issuer = Issuer(f"https://{ISSUER_HOST}{ISSUER_PATH}", self.state / "issuer-key.pem")
        token.write_text(
            issuer.issue_token(
                namespace=account["namespace"],
                service_account=account["serviceAccount"],
                service_account_uid="of-the-test",
                pod_name="test",
                pod_uid="of-the-test",
                audience="api://AzureADTokenExchange",
                lifetime_seconds=600,
            )
        )
        trusted = str(self.state / "tls" / "ca.pem")
        with (
            WorkloadIdentityCredential(
                tenant_id=TENANT_ID,
                client_id=client_id(workload),
                token_file_path=str(token),
                authority="https://login.microsoftonline.com",
                proxies={"https": f"http://127.0.0.1:{self._proxy}"},
                connection_verify=trusted,
            ) as credential,
            ServiceBusClient(
                "keyless.servicebus.windows.net",
                credential,
                transport_type=TransportType.Amqp,
                custom_endpoint_address=f"sb://127.0.0.1:{self._amqp}",
                connection_verify=trusted,
            ) as client,
        ):
            yield client

    def _job(self, cronjob: str, *arguments: str) -> int:
        """A Job of the CronJob, with its own arguments if none are given; returns its exit code."""
        with self.stack.control() as control:
            answer = control.post(f"/cronjobs/{cronjob}/jobs", json={"args": arguments} if arguments else {})
        return int(answer.raise_for_status().json()["exitCode"])

    def _enforce(self, model: dict[str, Any]) -> None:
        self._access.write_text(yaml.safe_dump(model))


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on: a run that is started again must find its customers on the same ones.

    None of those that the system gives to outgoing connections (from 32768 up on Linux, from 49152 on macOS): while
    nobody listens, a customer who tries again could be given the very port, and would keep it.
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for port in random.sample(range(20_000, 32_000), 100):
            with contextlib.suppress(OSError):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise AssertionError("there are no free ports")


def _overlay(folder: Path) -> Path:
    folder.mkdir()
    patches = [
        {
            "target": {"kind": "Deployment", "name": workload},
            "patch": json.dumps([{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": REFRESH}]),
        }
        for workload in ("frontend", "backend")
    ]
    local = os.path.relpath(ROOT / "k8s" / "overlays" / "local", folder.resolve())
    (folder / "kustomization.yaml").write_text(json.dumps({"resources": [local], "patches": patches}))
    return folder
