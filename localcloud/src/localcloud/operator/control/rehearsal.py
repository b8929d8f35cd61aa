"""A rehearsal: the running application follows copies of its overlay and its access model, which may be broken.

The files that it was started with stay as they are, and are followed again at the rehearsal's end. It ends too if the
process that began it is gone.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.cloud import Cloud
from localcloud.cluster.cluster import Cluster
from localcloud.operator import lines
from localcloud.operator.advice import Advice
from localcloud.operator.lines import say

_LOOK = 1.0  # seconds


class Copies(BaseModel):
    """The folder of the overlay, the file of the access model, and the process that keeps both."""

    model_config = ConfigDict(extra="forbid")

    overlay: Path
    access: Path
    pid: int


class Rehearsal:
    """`overlay` is the one that the cluster was started with."""

    def __init__(self, cloud: Cloud, cluster: Cluster, advice: Advice, overlay: Path) -> None:
        self._cloud = cloud
        self._cluster = cluster
        self._advice = advice
        self._overlay = overlay
        self._watching: asyncio.Task[None] | None = None

    def routes(self) -> Sequence[Route]:
        """Return the routes of the control socket."""
        return (
            Route("/rehearsal", self._tell),
            Route("/rehearsal", self._begin, methods=["PUT"]),
            Route("/rehearsal", self._end, methods=["DELETE"]),
            Route("/lines", self._lines),
        )

    async def _begin(self, request: Request) -> Response:
        if self._watching is not None:
            return JSONResponse({"error": "another rehearsal is going on: end it first"}, 409)
        copies = Copies.model_validate_json(await request.body())
        say(f"a rehearsal begins: what is followed now is {copies.overlay} and {copies.access}")
        self._follow(copies.overlay, copies.access)
        self._watching = asyncio.create_task(self._await_end_of(copies.pid), name="rehearsal")
        return Response(status_code=204)

    async def _tell(self, _request: Request) -> Response:
        return JSONResponse({"overlay": str(self._overlay.absolute())})

    async def _end(self, _request: Request) -> Response:
        if self._watching is not None:
            self._watching.cancel()
            self._restore()
        return Response(status_code=204)

    async def _lines(self, request: Request) -> Response:
        return JSONResponse(lines.said(int(request.query_params.get("after", "0"))))

    async def _await_end_of(self, pid: int) -> None:
        while _is_running(pid):  # noqa: ASYNC110 - the system tells of no other's end
            await asyncio.sleep(_LOOK)
        self._restore()

    def _restore(self) -> None:
        self._watching = None
        say("the rehearsal has ended: the application's own manifests and access model are followed again")
        self._follow(self._overlay, self._cloud.settings.access)

    def _follow(self, overlay: Path, access: Path) -> None:
        self._cluster.follow(overlay)
        self._cloud.model.read_from(access)
        self._advice.read_from(overlay, access)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
