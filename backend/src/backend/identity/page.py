"""`/identity` on the health port: the worker's journey of tokens. A port-forward reaches it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files

from aiohttp import web

from workload.addresses import is_address
from workload.aio import WatchedCredential
from workload.failure import Failure, explain
from workload.journey import page
from workload.journey.access_model import AccessModel
from workload.journey.chain import journey
from workload.journey.links import Outcome
from workload.journey.uses import Use, read_uses
from workload.settings import LOOPBACK

_ASSETS = "/identity/assets"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}

USES = read_uses(files(__package__) / "uses.yaml")

Calls = Mapping[str, Callable[[], Awaitable[None]]]
"""A call of each service, by the service's name. It returns, or raises."""


class IdentityPage:
    """Serve the page. Until `take` is called, it shows `problem`: why there is no credential."""

    def __init__(self) -> None:
        self.problem: Failure | None = None
        self._credential: WatchedCredential | None = None
        self._calls: Calls = {}
        self._model = AccessModel(files("contract") / "access.yaml")
        self._template = page.environment(_ASSETS).get_template("journey.html")

    def take(self, credential: WatchedCredential, calls: Calls) -> None:
        """Show this credential's tokens, and what comes of the calls."""
        self._credential, self._calls = credential, calls

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return what the health server serves beside the probes."""
        return [web.get("/identity", self._show), web.static(_ASSETS, page.ASSETS)]

    async def _show(self, request: web.Request) -> web.Response:
        host = request.url.host or ""
        if not is_address(host) and host not in LOOPBACK:  # it may be a web page's name that stands for this machine
            raise web.HTTPBadRequest(text="This host is not answered: come by a port-forward.")
        outcomes = await asyncio.gather(*(self._outcome(use) for use in USES))
        exchanges = self._credential.tokens.exchanges() if self._credential else []
        found = journey("backend", self._model, exchanges, zip(USES, outcomes, strict=True), self.problem)
        if "text/html" not in request.headers.get("Accept", ""):
            return web.Response(text=found.model_dump_json(), content_type="application/json", headers=_HEADERS)
        text = self._template.render(layout="layout.html", **page.context(found))
        return web.Response(text=text, content_type="text/html", headers=_HEADERS)

    async def _outcome(self, use: Use) -> Outcome:
        if use.service not in self._calls:
            return Outcome(failure=self.problem)
        try:
            await self._calls[use.service]()
        except Exception as error:  # the SDKs raise more than their own errors while a connection goes down
            return Outcome(failure=getattr(error, "failure", None) or explain(error))
        return Outcome(result="the service has answered")
