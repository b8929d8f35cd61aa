"""What the operator does to the cluster, as with kubectl: restart, scale, kill, and run a Job."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from localcloud.cluster.cluster import Cluster
from localcloud.cluster.errors import ClusterError
from localcloud.doctor.chain import examine
from localcloud.doctor.laptop import Laptop


class ClusterRoutes:
    """An answer that is no success has an `error`, a sentence."""

    def __init__(self, cluster: Cluster, laptop: Laptop) -> None:
        self._cluster = cluster
        self._laptop = laptop

    def routes(self) -> Sequence[Route]:
        """Return the routes of the control socket."""
        return (
            Route("/doctor", self._examine),
            Route("/deployments/{name}/restart", self._restart, methods=["POST"]),
            Route("/deployments/{name}/scale", self._scale, methods=["PUT"]),
            Route("/pods/{name}/kill", self._kill, methods=["POST"]),
            Route("/cronjobs/{name}/jobs", self._run_job, methods=["POST"]),
        )

    async def _examine(self, _request: Request) -> Response:
        examined = [
            {"workload": facts.workload, "links": [asdict(link) for link in examine(facts, self._laptop.remedies)]}
            for facts in self._laptop.facts()
        ]
        return JSONResponse(examined)

    async def _restart(self, request: Request) -> Response:
        name = request.path_params["name"]
        return await self._changed(name, self._cluster.restart(name))

    async def _scale(self, request: Request) -> Response:
        name, asked = request.path_params["name"], _Scale.model_validate_json(await request.body())
        return await self._changed(name, self._cluster.scale(name, asked.replicas))

    async def _kill(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            self._cluster.kill(name)
        except KeyError:
            return JSONResponse({"error": f"there is no pod {name}"}, 404)
        return Response(status_code=204)

    async def _changed(self, deployment: str, change: Awaitable[None]) -> Response:
        """Await the change of a Deployment, and answer with the names of its pods before and after."""
        before = self._pods_of(deployment)
        try:
            await change
        except KeyError:
            return JSONResponse({"error": f"there is no deployment {deployment}"}, 404)
        except ClusterError as error:
            return JSONResponse({"error": str(error)}, 409)
        return JSONResponse({"before": before, "after": self._pods_of(deployment)})

    async def _run_job(self, request: Request) -> Response:
        """Answer with a line of JSON for each line that the Job prints, and at last one with its exit code."""
        body, name = await request.json() if await request.body() else {}, request.path_params["name"]
        lines: asyncio.Queue[str | None] = asyncio.Queue()
        job = asyncio.create_task(self._cluster.run_job(name, body.get("args"), lines.put_nowait), name=name)
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

    def _pods_of(self, deployment: str) -> list[str]:
        return [pod.name for pod in self._cluster.pods() if pod.workload == deployment]


def without_cluster() -> Sequence[Route]:
    """Return the routes of a local cloud that runs without a cluster. They answer so."""

    async def refuse(_request: Request) -> Response:
        return JSONResponse({"error": "this local cloud has no cluster: start it with --overlay"}, 404)

    paths = ("/doctor", "/deployments/{rest:path}", "/pods/{rest:path}", "/cronjobs/{rest:path}")
    return [Route(path, refuse, methods=["GET", "POST", "PUT"]) for path in paths]


class _Scale(BaseModel):
    model_config = ConfigDict(extra="forbid")

    replicas: Annotated[int, Field(ge=0, le=100)]


async def _output(line: str | None, lines: "asyncio.Queue[str | None]", job: "asyncio.Task[int]") -> AsyncIterator[str]:
    while line is not None:
        yield json.dumps({"line": line}) + "\n"
        line = await lines.get()
    try:
        yield json.dumps({"exitCode": job.result()}) + "\n"
    except ClusterError as error:  # a later pod of the Job was not admitted
        yield json.dumps({"error": str(error)}) + "\n"
