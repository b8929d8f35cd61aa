"""A small application (`overlays/web`) on a local cluster, for the tests of the cluster itself."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from localcloud.cluster.cluster import Cluster, PodStatus
from localcloud.cluster.webhook import WebhookSettings

WEB = Path(__file__).parents[1] / "overlays" / "web"
PATIENCE = 20.0  # seconds


@dataclass
class Clock:
    """Stands still but for the test; `looks` counts how often the cluster has looked at it."""

    now: float = 1_000_000.0
    looks: int = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now


@dataclass
class Running:
    """A started cluster, what it reported, and the clock that its tokens go by."""

    cluster: Cluster
    state: Path
    clock: Clock
    reports: list[str] = field(default_factory=list)

    def pod(self) -> PodStatus:
        return self.cluster.pods()[0]

    def client_of(self, pod: PodStatus) -> httpx.AsyncClient:
        """Speaks to the pod itself, as through a port-forward."""
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{pod.ports[8080]}")

    async def environment(self) -> dict[str, str]:
        async with self.client_of(self.pod()) as pod:
            environment: dict[str, str] = (await pod.get("/")).json()["environment"]
            return environment


@asynccontextmanager
async def running(state: Path, overlay: Path = WEB, *, ready: bool = True) -> AsyncIterator[Running]:
    """Starts the overlay on free ports, waits until it is ready (or not), and stops it."""
    clock = Clock()
    reports: list[str] = []
    cluster = Cluster(
        overlay=overlay,
        state=state,
        issue_token=lambda **asked: json.dumps(asked | {"issued": clock.now}),
        webhook=WebhookSettings(tenant_id="the-tenant"),
        node_environment={"AMQP_PORT": "5671", "HTTPS_PROXY": "http://127.0.0.1:1"},
        report=reports.append,
        service_ports={"web": 0},
        clock=clock,
    )
    await cluster.start()
    try:
        if ready:
            await cluster.wait_ready(PATIENCE)
        yield Running(cluster, state, clock, reports)
    finally:
        await cluster.stop()


def variant(folder: Path, patch: list[dict[str, Any]], target: str = "Deployment") -> Path:
    """Return an overlay of `overlays/web` with a JSON patch that breaks one thing."""
    folder.mkdir()
    kustomization = {
        "resources": [os.path.relpath(WEB, folder.resolve())],
        "patches": [{"target": {"kind": target}, "patch": json.dumps(patch)}],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    return folder


async def until(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; fails the test when it does not in time."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is awaited happens in other processes
            await asyncio.sleep(0.02)
