"""Measure how orders are accepted: by the frontend, by a route that does nothing, by the bare SDK, the obvious way."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from bench import cpu
from bench.cloud import Cloud, free_port
from bench.waiting import until
from demo.stack import ROOT

APPLICATIONS = {
    "Keyless": "frontend.bootstrap:create_app()",
    "no-op route": "bench.noop:create_app()",
    "obvious way": "bench.obvious:create_app()",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """One measurement. `cpu` is the milliseconds of processor time that the accepting processes used for an order,
    `cloud_cpu` those of the local cloud. `p50` and `p99` are latencies in milliseconds."""

    orders: int
    others: int
    rate: float
    cpu: float
    cloud_cpu: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Server:
    """gunicorn with one of the applications."""

    url: str
    process: psutil.Process

    def connections_to(self, port: int) -> int:
        """Return how many connections the server has to this port."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(c.raddr.port == port for member in family for c in member.net_connections("tcp") if c.raddr)


@contextmanager
def served(cloud: Cloud, application: str) -> Iterator[Server]:
    """Serve an application with the frontend's own settings of gunicorn, and wait until it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--config", "python:frontend.gunicorn_conf", application]
    environment = {**cloud.environment("frontend"), "HTTP_PORT": str(port)}
    with (cloud.state.parent / f"frontend-{port}.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)  # noqa: S603
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: _is_ready(url), 60)
        yield Server(url, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(60)


def by_server(cloud: Cloud, server: Server, clients: int, seconds: float, rate: float | None = None) -> Accepted:
    """Place orders with a server."""
    arguments = ["bench.load", server.url, str(clients), str(seconds), *([str(rate)] if rate else [])]
    before, cloud_before = cpu.used(server.process), cpu.used(cloud.process)
    printed = _printed(arguments, cloud.environment("frontend"))
    return _accepted(printed, cpu.used(server.process) - before, cpu.used(cloud.process) - cloud_before)


def by_sdk(cloud: Cloud, clients: int, seconds: float) -> Accepted:
    """Send orders with the bare SDK."""
    before = cpu.used(cloud.process)
    printed = _printed(["bench.sdk", str(clients), str(seconds)], cloud.environment("frontend"))
    return _accepted(printed, printed["cpu"], cpu.used(cloud.process) - before)


def _accepted(printed: Mapping[str, Any], used: float, cloud_used: float) -> Accepted:
    orders, latencies = printed["accepted"], printed["latencies"] or [0.0]
    return Accepted(
        orders,
        sum(printed["others"].values()),
        orders / printed["seconds"],
        used * 1000 / max(1, orders),
        cloud_used * 1000 / max(1, orders),
        latencies[len(latencies) // 2],
        latencies[int(len(latencies) * 0.99)],
    )


def _printed(arguments: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", *arguments]
    run = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)  # noqa: S603
    return dict(json.loads(run.stdout))


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, timeout=10).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
