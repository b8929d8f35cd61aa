"""The control socket: a Unix socket in the state folder that only the folder's owner can open.

It stands for Azure's control plane and for kubectl. It stores secrets, restarts deployments, creates jobs from cronjobs
and begins faults. No workload reaches it.
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from localcloud.cloud import Cloud
from localcloud.cluster.cluster import Cluster
from localcloud.cluster.errors import ClusterError
from localcloud.cluster.projection import Projection, Projections
from localcloud.doctor.chain import examine
from localcloud.doctor.laptop import Laptop
from localcloud.entra.federation import Way
from localcloud.faults import Fault, Kind
from localcloud.keyvault.state import NameIsDeleted
from localcloud.network.http_server import EmbeddedServer
from localcloud.operator.client import SOCKET
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
        self, cloud: Cloud, cluster: Cluster | None, projections: Projections, laptop: Laptop | None, dashboard: str
    ) -> None:
        self._path = socket_path(cloud.settings.state)
        self._cloud = cloud
        self._cluster = cluster
        self._projections = projections
        self._laptop = laptop
        self._dashboard = dashboard
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
                Route("/doctor", self._examine),
                Route("/secrets/{name}", self._put_secret, methods=["PUT"]),
                Route("/environments/{namespace}/{service_account}", self._environment, methods=["PUT"]),
                Route("/issuer/rotate", self._rotate_issuer, methods=["POST"]),
                Route("/entra/rotate", self._rotate_entra, methods=["POST"]),
                Route("/federation", self._federate, methods=["PUT"]),
                Route("/clock", self._move_clock, methods=["PUT"]),
                Route("/faults", self._list_faults),
                Route("/faults/{service}", self._begin_fault, methods=["PUT"]),
                Route("/faults/{service}", self._end_fault, methods=["DELETE"]),
                Route("/deployments/{name}/restart", self._restart, methods=["POST"]),
                Route("/deployments/{name}/scale", self._scale, methods=["PUT"]),
                Route("/cronjobs/{name}/jobs", self._run_job, methods=["POST"]),
            ],
            exception_handlers={ValidationError: _invalid, sqlite3.Error: _not_stored, OSError: _not_stored},
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
                "secrets": self._cloud.secrets.names(),
                "proxy": self._cloud.proxy_url,
                "dashboard": self._dashboard,
            }
        )

    async def _examine(self, _request: Request) -> Response:
        self._running_cluster()
        assert self._laptop is not None  # noqa: S101 - it is there if the cluster is
        examined = [
            {"workload": facts.workload, "links": [asdict(link) for link in examine(facts, self._laptop.remedies)]}
            for facts in self._laptop.facts()
        ]
        return JSONResponse(examined)

    async def _put_secret(self, request: Request) -> Response:
        body, name = await request.json(), request.path_params["name"]
        try:
            version = self._cloud.secrets.put(name, body["value"], body.get("tags", {}), body.get("contentType"))
        except NameIsDeleted:
            error = f"the secret {name} is deleted. Recover or purge it first: until then its name can't be used"
            return JSONResponse({"error": error}, 409)
        return JSONResponse({"version": version})

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

    async def _rotate_issuer(self, _request: Request) -> Response:
        self._cloud.issuer.rotate()
        return Response(status_code=204)

    async def _rotate_entra(self, _request: Request) -> Response:
        self._cloud.rotate_entra_key()
        return Response(status_code=204)

    async def _federate(self, request: Request) -> Response:
        self._cloud.federation.way = _Federation.model_validate_json(await request.body()).way
        return Response(status_code=204)

    async def _move_clock(self, request: Request) -> Response:
        self._cloud.clock.ahead = _Ahead.model_validate_json(await request.body()).seconds
        return Response(status_code=204)

    async def _list_faults(self, _request: Request) -> Response:
        faults = self._cloud.faults
        present = {
            service: {"kind": fault.kind, "seconds": fault.seconds, "met": fault.met}
            for service, fault in faults.present().items()
        }
        return JSONResponse({"services": faults.services, "present": present, "clock": self._cloud.clock.ahead})

    async def _begin_fault(self, request: Request) -> Response:
        asked = _Fault.model_validate_json(await request.body())
        service = request.path_params["service"]
        try:
            self._cloud.faults.begin(service, Fault(asked.kind, asked.seconds))
        except KeyError:
            known = ", ".join(self._cloud.faults.services)
            return JSONResponse({"error": f"there is no service {service}: there are {known}"}, 404)
        return Response(status_code=204)

    async def _end_fault(self, request: Request) -> Response:
        self._cloud.faults.end(request.path_params["service"])
        return Response(status_code=204)

    async def _restart(self, request: Request) -> Response:
        cluster, name = self._running_cluster(), request.path_params["name"]
        return await self._changed(cluster, name, cluster.restart(name))

    async def _scale(self, request: Request) -> Response:
        cluster, name = self._running_cluster(), request.path_params["name"]
        asked = _Scale.model_validate_json(await request.body())
        return await self._changed(cluster, name, cluster.scale(name, asked.replicas))

    async def _changed(self, cluster: Cluster, deployment: str, change: Awaitable[None]) -> Response:
        """Await the change of a Deployment, and answer with the names of its pods before and after."""
        before = _pods_of(cluster, deployment)
        try:
            await change
        except KeyError:
            return JSONResponse({"error": f"there is no deployment {deployment}"}, 404)
        except ClusterError as error:
            return JSONResponse({"error": str(error)}, 409)
        return JSONResponse({"before": before, "after": _pods_of(cluster, deployment)})

    async def _run_job(self, request: Request) -> Response:
        """Answer with a line of JSON for each line that the Job prints, and at last one with its exit code."""
        body, name = await request.json() if await request.body() else {}, request.path_params["name"]
        lines: asyncio.Queue[str | None] = asyncio.Queue()
        job = asyncio.create_task(self._running_cluster().run_job(name, body.get("args"), lines.put_nowait), name=name)
        job.add_done_callback(lambda _job: lines.put_nowait(None))
        first = await lines.get()
        try:
            if first is None:
                job.result()
        except KeyError:
            return JSONResponse({"error": f"there is no cronjob {name}"}, 404)
        except ClusterError as error:
            return JSONResponse({"error": str(error)}, 409)
        return StreamingResponse(_output(first, lines, job), media_type="application/x-ndjson")

    def _running_cluster(self) -> Cluster:
        if self._cluster is None:
            raise KeyError("this cloud runs without a cluster")
        return self._cluster


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _pods_of(cluster: Cluster, deployment: str) -> list[str]:
    return [pod.name for pod in cluster.pods() if pod.workload == deployment]


async def _output(line: str | None, lines: "asyncio.Queue[str | None]", job: "asyncio.Task[int]") -> AsyncIterator[str]:
    while line is not None:
        yield json.dumps({"line": line}) + "\n"
        line = await lines.get()
    try:
        yield json.dumps({"exitCode": job.result()}) + "\n"
    except ClusterError as error:  # a later pod of the Job was not admitted
        yield json.dumps({"error": str(error)}) + "\n"


class _Scale(_Asked):
    replicas: Annotated[int, Field(ge=0, le=100)]


class _Federation(_Asked):
    way: Way


class _Ahead(_Asked):
    seconds: float


class _Fault(_Asked):
    kind: Kind
    seconds: Annotated[float, Field(ge=0)] = 1.0


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)  # noqa: S101 - it is registered for nothing else
    return JSONResponse({"error": "; ".join(faults_of(error))}, 400)


async def _not_stored(_request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"the local cloud can't store this: {error}"}, 503)
