"""What the worker is missing, and the two endpoints that tell the kubelet."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from workload.readiness import unready_sentence

STALLED = 120.0  # seconds without a turn of the receive loop, whose longest wait is the opening of a link


class Health:
    """Track the dependencies that are missing. The worker receives messages only if none is.

    `changed` is set with each change. The task that waits for it clears it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.changed = asyncio.Event()
        self._missing: dict[Hashable, tuple[str, str]] = {}  # holder: dependency and reason
        self._clock = clock
        self._last_turn: float | None = None

    def mark_missing(self, holder: Hashable, dependency: str, reason: str) -> None:
        """Note that the holder (a message, a check) waits for the dependency."""
        self._missing[holder] = (dependency, reason)
        self.changed.set()

    def mark_available(self, holder: Hashable) -> None:
        """Note that the holder waits no longer."""
        if self._missing.pop(holder, None):
            self.changed.set()

    @property
    def missing(self) -> dict[str, str]:
        """Each dependency that a holder waits for, with the latest reason."""
        return dict(self._missing.values())

    def turn(self) -> None:
        """Note that the receive loop is alive."""
        self._last_turn = self._clock()

    @property
    def alive(self) -> bool:
        """Whether the receive loop turns, if it has begun to."""
        return self._last_turn is None or self._clock() - self._last_turn < STALLED


@asynccontextmanager
async def serve_health(
    health: Health, host: str, port: int, pages: Iterable[web.AbstractRouteDef] = ()
) -> AsyncIterator[None]:
    """Serve the endpoints, and the pages beside them, in the event loop that they report on."""
    runner = web.AppRunner(health_app(health, pages), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


def health_app(health: Health, pages: Iterable[web.AbstractRouteDef] = ()) -> web.Application:
    """Return the endpoints. `/healthz` is liveness: 503 if the receive loop is stuck. `/readyz` is readiness: 503
    names what is missing, as `application/problem+json` (RFC 9457)."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"}) if health.alive else _problem("The receive loop is stuck.", {})

    async def readyz(_: web.Request) -> web.Response:
        missing = health.missing
        if not missing:
            return web.json_response({"status": "ready"})
        return _problem(unready_sentence(missing), missing)

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), *pages])
    return app


def _problem(detail: str, missing: dict[str, str]) -> web.Response:
    body = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": detail, "missing": missing}
    headers = {"Content-Type": "application/problem+json"}  # without the charset that aiohttp adds to a text
    return web.Response(body=json.dumps(body).encode(), status=503, headers=headers)
