"""The operator's door: a Unix socket in the state folder, open to the owner of that folder alone.

It stands for Azure's control plane and for kubectl: secrets are handed over as a deployment does it, deployments are
restarted, jobs are made from cronjobs. No workload reaches it.
"""

import asyncio
import os
import sqlite3
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.cluster.cluster import Cluster
from localcloud.cluster.errors import ClusterError
from localcloud.http_server import EmbeddedServer
from localcloud.issuer import Issuer
from localcloud.keyvault.state import SecretStore
from localcloud.operator import SOCKET

_LONGEST_PATH = 100  # bytes; macOS allows 104 in a socket's address


class StatePathTooLong(Exception):
    """The system's limit for a socket's address is shorter than the path of the state folder."""


def socket_path(folder: Path) -> Path:
    """Where the socket of the cloud with this state folder is; raises `StatePathTooLong`."""
    path = folder.absolute() / SOCKET
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise StatePathTooLong(
            f"the path of the folder {path.parent} is too long for a socket: choose another by LOCALCLOUD_STATE."
        )
    return path


class ControlPlane:
    """Serves the operator's requests until it is closed."""

    def __init__(
        self, folder: Path, secrets: SecretStore, issuer: Issuer, cluster: Cluster | None, proxy_url: str
    ) -> None:
        self._path = socket_path(folder)
        self._secrets = secrets
        self._issuer = issuer
        self._cluster = cluster
        self._proxy_url = proxy_url
        self._server: EmbeddedServer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns once it answers."""
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
                Route("/secrets/{name}", self._put_secret, methods=["PUT"]),
                Route("/issuer/rotate", self._rotate_issuer, methods=["POST"]),
                Route("/deployments/{name}/restart", self._restart, methods=["POST"]),
                Route("/cronjobs/{name}/jobs", self._run_job, methods=["POST"]),
            ],
            exception_handlers={sqlite3.Error: _not_stored, OSError: _not_stored},
        )

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
                "secrets": self._secrets.names(),
                "proxy": self._proxy_url,
            }
        )

    async def _put_secret(self, request: Request) -> Response:
        body = await request.json()
        version = self._secrets.put(
            request.path_params["name"], body["value"], body.get("tags", {}), body.get("contentType")
        )
        return JSONResponse({"version": version})

    async def _rotate_issuer(self, _request: Request) -> Response:
        self._issuer.rotate()
        return Response(status_code=204)

    async def _restart(self, request: Request) -> Response:
        cluster = self._running_cluster()
        try:
            await cluster.restart(request.path_params["name"])
        except KeyError:
            return JSONResponse({"error": f"there is no deployment {request.path_params['name']}"}, 404)
        except ClusterError as error:
            return JSONResponse({"error": str(error)}, 409)
        return Response(status_code=204)

    async def _run_job(self, request: Request) -> Response:
        body = await request.json() if await request.body() else {}
        try:
            exit_code = await self._running_cluster().run_job(request.path_params["name"], body.get("args"))
        except KeyError:
            return JSONResponse({"error": f"there is no cronjob {request.path_params['name']}"}, 404)
        except ClusterError as error:
            return JSONResponse({"error": str(error)}, 409)
        return JSONResponse({"exitCode": exit_code})

    def _running_cluster(self) -> Cluster:
        if self._cluster is None:
            raise KeyError("this cloud runs without a cluster")
        return self._cluster


async def _not_stored(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"the local cloud can't store this: {error}"}, 503)
