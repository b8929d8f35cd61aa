"""The control socket: a Unix socket in the state folder that only the folder's owner can open.

It stands for Azure's control plane and for kubectl. It stores secrets, restarts deployments, creates jobs from cronjobs
and begins faults. No workload reaches it.
"""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.cloud import Cloud
from localcloud.cluster.cluster import Cluster
from localcloud.cluster.projection import Projection, Projections
from localcloud.doctor.laptop import Laptop
from localcloud.network.http_server import EmbeddedServer
from localcloud.operator.client import SOCKET
from localcloud.operator.control.azure import AzureRoutes
from localcloud.operator.control.cluster import ClusterRoutes, without_cluster
from localcloud.operator.control.rehearsal import Rehearsal
from localcloud.operator.control.vault import secret_routes
from localcloud.operator.environment import environment_of
from localcloud.validation import faults_of

_LONGEST_PATH = 100  # bytes; macOS allows 104 in a socket's address


class StatePathTooLong(Exception):
    """The system's limit for a socket's address is shorter than the path of the state folder."""


def socket_path(folder: Path) -> Path:
    """Return the path of the socket in this state folder. Raises `StatePathTooLong`."""
    path = folder.absolute() / SOCKET
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise StatePathTooLong(
            f"the path of the folder {path.parent} is too long for a socket: choose another by LOCALCLOUD_STATE."
        )
    return path


class ControlPlane:
    """Serve the operator's requests until it is closed. `dashboard` is the dashboard's address."""

    def __init__(
        self,
        cloud: Cloud,
        cluster: Cluster | None,
        projections: Projections,
        laptop: Laptop | None,
        dashboard: str,
        rehearsal: Rehearsal | None = None,
    ) -> None:
        self._path = socket_path(cloud.settings.state)
        self._cloud = cloud
        self._cluster = cluster
        self._projections = projections
        self._laptop = laptop
        self._dashboard = dashboard
        self._rehearsal = rehearsal
        self._server: EmbeddedServer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once requests are answered."""
        self._server = server = EmbeddedServer(self._app(), uds=str(self._path))
        self._task = asyncio.create_task(server.serve(), name="control")
        await server.answering.wait()
        self._path.chmod(0o600)

    async def close(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self._path.unlink(missing_ok=True)

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/status", self._status),
                *secret_routes(self._cloud.secrets, self._cloud.backups),
                *(self._rehearsal.routes() if self._rehearsal else ()),
                Route("/environments/{namespace}/{service_account}", self._environment, methods=["PUT"]),
                *AzureRoutes(self._cloud).routes(),
                *self._cluster_routes(),
            ],
            exception_handlers={ValidationError: _invalid, sqlite3.Error: _not_stored, OSError: _not_stored},
        )

    def _cluster_routes(self) -> Sequence[Route]:
        if self._cluster is None or self._laptop is None:
            return without_cluster()
        return ClusterRoutes(self._cluster, self._laptop).routes()

    async def _status(self, _request: Request) -> Response:
        pods = self._cluster.pods() if self._cluster else []
        return JSONResponse(
            {
                "pid": os.getpid(),
                "pods": [
                    {
                        "name": p.name,
                        "workload": p.workload,
                        "ready": p.ready,
                        "restarts": p.restarts,
                        "reason": p.reason,
                        "ports": dict(p.ports),
                    }
                    for p in pods
                ],
                "services": self._cluster.service_urls() if self._cluster else {},
                "secrets": self._cloud.secrets.names(),
                "proxy": self._cloud.proxy_url,
                "federation": self._cloud.federation.way,
                "dashboard": self._dashboard,
            }
        )

    async def _environment(self, request: Request) -> Response:
        namespace, service_account = request.path_params["namespace"], request.path_params["service_account"]
        workloads = self._cloud.model().workloads
        for name, workload in workloads.items():
            if (workload.namespace, workload.serviceAccount) == (namespace, service_account):
                folder = self._path.parent / "projected" / namespace / service_account
                token_file = self._projections.add(
                    Projection(namespace, service_account, folder), self._cloud.audience_of(name)
                )
                return JSONResponse(environment_of(self._cloud, name, token_file))
        known = ", ".join(f"{workload.namespace}/{workload.serviceAccount}" for workload in workloads.values())
        error = f"the access model has no workload {namespace}/{service_account}. It has: {known or 'none'}"
        return JSONResponse({"error": error}, 404)


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)  # noqa: S101 - it is registered for nothing else
    return JSONResponse({"error": "; ".join(faults_of(error))}, 400)


async def _not_stored(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"the local cloud can't store this: {error}"}, 503)
