"""The whole application on this machine, to be killed, stopped and started again with the same ports and state."""

import contextlib
import copy
import json
import os
import random
import resource
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml
from azure.identity import WorkloadIdentityCredential
from azure.servicebus import ServiceBusClient, TransportType
from localcloud.authorization import audit
from localcloud.authorization.issuer import Issuer
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cloud import ISSUER_HOST, ISSUER_PATH
from localcloud.operator.client import connect, run_job
from localcloud.testing import RawSender

from demo.stack import ROOT, Stack
from tests.e2e.waiting import until
from tests.faults import processes

NAMESPACE = "keyless.servicebus.windows.net"


class Application:
    """`state` outlives every start. What takes a minute elsewhere takes seconds here: the services read their keys
    again each second, and a message's lock runs out after five.

    `backends` is how many workers there are. `environment` goes to the services' containers, on top of the manifests'.
    """

    def __init__(self, folder: Path, backends: int = 1, environment: Mapping[str, str] | None = None) -> None:
        self.state = folder / "state"
        self.terminal = folder / "terminal"  # what the local cloud says there
        self.backends = backends
        self._access = folder / "access.yaml"
        self.model: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "access.yaml").read_text())
        self.model["entities"]["serviceBus"]["orders"]["lockDuration"] = "PT5S"
        self._enforce(self.model)
        self._overlay = folder / "overlay"
        self._components: list[str] = []
        self._environment = {"SIGNING_KEY_REFRESH_SECONDS": "1", **_of_this_machine(_build() | dict(environment or {}))}
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
        self._write_overlay()
        ports = [f"--proxy-port={self._proxy}", f"--amqp-port={self._amqp}", f"--service-port=frontend={self._page}"]
        with self.terminal.open("a") as terminal:
            self._stack = Stack(self.state, [f"--access={self._access}", *ports], self._overlay, terminal)
        self._stack.start()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the local cloud and waits for its end."""
        os.kill(self.stack.pid, number)
        self.stack.wait()

    def stop(self) -> None:
        if self._stack is not None:
            self._stack.stop()

    @contextlib.contextmanager
    def control(self) -> Iterator[httpx.Client]:
        """The operator's socket, whose every refusal is raised."""
        with connect(self.state) as client:
            client.event_hooks = {"response": [_must_succeed]}
            yield client

    # Its processes

    def worker(self) -> int:
        """The worker's process."""
        (pid,) = self.workers()
        return pid

    def workers(self) -> list[int]:
        """The processes of all workers."""
        family = processes.family(self.stack.pid).items()
        return sorted(pid for pid, command in family if any(word.endswith("/backend") for word in command.split()))

    def gunicorn(self) -> tuple[int, int]:
        """The frontend's master process, and the one that serves."""
        family = processes.family(self.stack.pid)
        serving = {pid for pid, command in family.items() if "frontend.bootstrap" in command}
        (master,) = [pid for pid in serving if serving & set(processes.children(pid))]
        (worker,) = serving - {master}
        return master, worker

    # What the operator sees and does

    def pods(self, workload: str) -> list[dict[str, Any]]:
        """The statuses of the workload's pods."""
        with self.control() as control:
            return [pod for pod in control.get("/status").json()["pods"] if pod["workload"] == workload]

    def pod(self, workload: str) -> dict[str, Any]:
        """The status of the workload's only pod."""
        (pod,) = self.pods(workload)
        return pod

    def restart(self, workload: str) -> None:
        """A rolling restart: new pods, which have never ended before."""
        with self.control() as control:
            control.post(f"/deployments/{workload}/restart")

    def scale(self, workload: str, replicas: int) -> None:
        """Change the number of the workload's pods."""
        with self.control() as control:
            control.put(f"/deployments/{workload}/scale", json={"replicas": replicas})

    def await_ready(self) -> None:
        """Returns when every pod is ready."""
        for workload in ("frontend", "backend"):
            until(
                lambda workload=workload: self.pods(workload), lambda pods: pods and all(pod["ready"] for pod in pods)
            )  # type: ignore[misc]

    def federate(self, way: str) -> None:
        """Have the identities trust the cluster by `credentials`, `bindings` or `both`, as infrastructure does."""
        with self.control() as control:
            control.put("/federation", json={"way": way})

    def edit(self, *components: str) -> None:
        """Give the running manifests these components alone. Returns when pods of them have replaced all others."""
        before = {pod["name"] for workload in ("frontend", "backend") for pod in self.pods(workload)}
        self._components = list(components)
        self._write_overlay()
        for workload in ("frontend", "backend"):
            until(
                lambda workload=workload: self.pods(workload),
                lambda pods: pods and all(pod["ready"] and pod["name"] not in before for pod in pods),
                timeout=120,
            )  # type: ignore[misc]

    def heal(self) -> None:
        """Ends every fault; pods that were started again are replaced, since the next time they would wait longer."""
        with self.control() as control:
            for service in control.get("/faults").json()["present"]:
                control.delete(f"/faults/{service}")
        self.await_ready()
        for workload in ("frontend", "backend"):
            if any(pod["restarts"] for pod in self.pods(workload)):
                self.restart(workload)

    def redrive(self, *arguments: str) -> None:
        """The job of `make redrive`; it must succeed."""
        assert self._job("redrive", *arguments) == 0

    def repair(self) -> None:
        """The job of `make repair`; it must succeed."""
        assert self._job("repair") == 0

    def begin_fault(self, service: str, kind: str, seconds: float = 1.0) -> None:
        """Has a service of Azure fail from now on: see `localcloud fault --help`."""
        with self.control() as control:
            control.put(f"/faults/{service}", json={"kind": kind, "seconds": seconds})

    def end_fault(self, service: str) -> None:
        with self.control() as control:
            control.delete(f"/faults/{service}")

    def met(self, service: str) -> int:
        """How often the service's present fault was met."""
        with self.control() as control:
            return int(control.get("/faults").json()["present"][service]["met"])

    @contextlib.contextmanager
    def clock_ahead(self, seconds: float) -> Iterator[None]:
        """Azure's clock is ahead of the pods' meanwhile, or behind if `seconds` is negative."""
        with self.control() as control:
            control.put("/clock", json={"seconds": seconds})
        try:
            yield
        finally:
            with self.control() as control:
                control.put("/clock", json={"seconds": 0})

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

    # Clients with its identities

    @property
    def trusted(self) -> str:
        """The CA bundle under which Azure's names are answered."""
        return str(self.state / "tls" / "ca.pem")

    @property
    def proxies(self) -> dict[str, str]:
        return {"https": f"http://127.0.0.1:{self._proxy}"}

    def projected_token(self, workload: str, lifetime: int = 600, not_before: int = 0) -> str:
        """A token of the workload's service account, as the cluster's issuer signs it `not_before` seconds from now."""
        account = self.model["workloads"][workload]
        issuer = Issuer(
            f"https://{ISSUER_HOST}{ISSUER_PATH}", self.state / "issuer-key.pem", lambda: time.time() + not_before
        )
        return issuer.issue_token(
            namespace=account["namespace"],
            service_account=account["serviceAccount"],
            service_account_uid="of-the-test",
            pod_name="test",
            pod_uid="of-the-test",
            audience="api://AzureADTokenExchange",
            lifetime_seconds=lifetime,
        )

    @contextlib.contextmanager
    def credential(self, workload: str) -> Iterator[WorkloadIdentityCredential]:
        """The real credential with the workload's identity, on whose behalf the issuer signs another token."""
        token = self.state.parent / f"{workload}.token"
        token.write_text(self.projected_token(workload))
        with WorkloadIdentityCredential(
            tenant_id=TENANT_ID,
            client_id=client_id(workload),
            token_file_path=str(token),
            authority="https://login.microsoftonline.com",
            proxies=self.proxies,
            connection_verify=self.trusted,
        ) as credential:
            yield credential

    @contextlib.contextmanager
    def servicebus(self, workload: str) -> Iterator[ServiceBusClient]:
        """The real client with the workload's identity."""
        with (
            self.credential(workload) as credential,
            ServiceBusClient(
                NAMESPACE,
                credential,
                transport_type=TransportType.Amqp,
                custom_endpoint_address=f"sb://127.0.0.1:{self._amqp}",
                connection_verify=self.trusted,
            ) as client,
        ):
            yield client

    @contextlib.contextmanager
    def raw_sender(self) -> Iterator[RawSender]:
        """Puts messages into the queue as the bytes that they are, with the frontend's identity."""
        with self.credential("frontend") as credential:
            token = credential.get_token("https://servicebus.azure.net/.default").token
        with RawSender(self._amqp, NAMESPACE, self.trusted, token, "orders") as sender:
            yield sender

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """The local cloud can make no file larger meanwhile. Linux alone lets a user do this to another process."""
        soft, hard = resource.prlimit(self.stack.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.stack.pid, resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.prlimit(self.stack.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def token_files(self, workload: str) -> list[Path]:
        """The folders in which the kubelet keeps the projected tokens of the workload's pods."""
        return list((self.state / "pods").glob(f"{workload}-*/volumes/**/azure-identity-token"))

    def logs(self) -> dict[str, str]:
        """What each pod has said so far, by the pod's name."""
        return {path.stem: path.read_text(errors="replace") for path in (self.state / "logs").glob("*.log")}

    def log_lines(self, workload: str) -> list[dict[str, Any]]:
        """What the workload's pods have logged so far, as the structured lines that it is."""
        texts = [text for pod, text in self.logs().items() if pod.startswith(f"{workload}-")]
        return [json.loads(line) for text in texts for line in text.splitlines() if line.startswith("{")]

    def _job(self, cronjob: str, *arguments: str) -> int:
        """A Job of the CronJob, with its own arguments if none are given; returns its exit code."""
        with self.stack.control() as control:
            return run_job(control, cronjob, arguments, print)

    def _enforce(self, model: dict[str, Any]) -> None:
        self._access.write_text(yaml.safe_dump(model))

    def _write_overlay(self) -> None:
        """The laptop's overlay, with as many workers and with the environment that was asked for."""
        self._overlay.mkdir(exist_ok=True)
        add = [
            {"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": name, "value": value}}
            for name, value in self._environment.items()
        ]
        patches = [
            {"target": {"kind": "Deployment", "name": workload}, "patch": json.dumps(add)}
            for workload in ("frontend", "backend")
        ]
        local = os.path.relpath(ROOT / "k8s" / "overlays" / "local", self._overlay.resolve())
        replicas = [{"name": "backend", "count": self.backends}]
        components = [
            os.path.relpath(ROOT / "k8s" / "components" / name, self._overlay.resolve()) for name in self._components
        ]
        kustomization = {"resources": [local], "components": components, "patches": patches, "replicas": replicas}
        (self._overlay / "kustomization.yaml").write_text(json.dumps(kustomization))


def free_ports(count: int) -> list[int]:
    """Ports that are free: a run that is started again must find its customers on the same ones.

    None of those that the system gives to outgoing connections (from 32768 up on Linux, from 49152 on macOS): while
    nothing listens, a customer who tries again could be given the very port, and would keep it.
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


def _must_succeed(answer: httpx.Response) -> None:
    answer.read()
    answer.raise_for_status()


def _of_this_machine(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, so written that a path below `/tmp` is this machine's: the pods have a `/tmp` of their own."""
    return {name: f"/.{value}" if value.startswith("/") else value for name, value in variables.items()}


def _build() -> dict[str, str]:
    """A build of the services that these tests themselves are tried on: see `test_the_suite_itself`."""
    return {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
