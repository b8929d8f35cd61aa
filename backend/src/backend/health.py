"""What the worker lacks, and the two endpoints that say so to the kubelet."""

import asyncio
import json
import time
from collections.abc import Callable, Hashable

from aiohttp import web

STALLED = 120.0  # seconds without a turn of the receive loop, whose longest wait is the opening of a link


class Health:
    """Who waits for what. The worker receives only while nobody waits for anything.

    `changed` is set whenever it does; who waits for it clears it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.changed = asyncio.Event()
        self._lacking: dict[Hashable, tuple[str, str]] = {}
        self._clock = clock
        self._last_turn = clock()

    def lack(self, holder: Hashable, dependency: str, sentence: str) -> None:
        """The holder (a message, a check) waits for the dependency, for the reason that the sentence gives."""
        self._lacking[holder] = (dependency, sentence)
        self.changed.set()

    def regain(self, holder: Hashable) -> None:
        """The holder waits no longer."""
        if self._lacking.pop(holder, None):
            self.changed.set()

    @property
    def missing(self) -> dict[str, str]:
        """Each dependency that somebody waits for, with the latest sentence about it."""
        return dict(self._lacking.values())

    def turn(self) -> None:
        """The receive loop is alive."""
        self._last_turn = self._clock()

    @property
    def alive(self) -> bool:
        return self._clock() - self._last_turn < STALLED


def health_app(health: Health) -> web.Application:
    """`/healthz` is liveness: it fails only where the receive loop is stuck. `/readyz` is readiness: 503 names what
    is missing, as `application/problem+json` (RFC 9457)."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"}) if health.alive else _problem("The receive loop is stuck.", {})

    async def readyz(_: web.Request) -> web.Response:
        missing = health.missing
        if not missing:
            return web.json_response({"status": "ready"})
        return _problem("; ".join(f"{name}: {sentence}" for name, sentence in missing.items()), missing)

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
    return app


def _problem(detail: str, missing: dict[str, str]) -> web.Response:
    body = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": detail, "missing": missing}
    headers = {"Content-Type": "application/problem+json"}  # without the charset that aiohttp adds to a text
    return web.Response(body=json.dumps(body).encode(), status=503, headers=headers)
