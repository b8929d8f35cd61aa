"""The dashboard's HTTP application. It answers GET and HEAD only, under the names of loopback only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.dashboard.live import Live
from localcloud.dashboard.pages import Pages
from localcloud.dashboard.rendering import templates

_STATIC = Path(__file__).parent / "static"
_EVENTS = "text/event-stream"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
# A page of another name that resolves to loopback (DNS rebinding) sends that name as its host, and is refused.
_HOSTS = ["127.0.0.1", "localhost"]


def dashboard(pages: Pages, live: Live) -> ASGIApp:
    """Return the application."""
    rendered = templates()

    def page(request: Request, name: str, context: Mapping[str, Any], status: int = 200) -> Response:
        asked = dict(request.query_params)
        common = pages.common() | {
            "path": request.url.path,
            "is_live": asked.pop("live", "") != "off",
            "pause": f"?{urlencode(asked | {'live': 'off'})}",
            "go_on": f"?{urlencode(asked)}",
        }
        return rendered.TemplateResponse(request, name, common | dict(context), status)

    async def overview(request: Request) -> Response:
        return page(request, "overview.html", pages.overview())

    async def pods(request: Request) -> Response:
        return page(request, "pods.html", pages.pods())

    async def tokens(request: Request) -> Response:
        if uti := request.query_params.get("uti", "").strip():
            return RedirectResponse(f"/tokens/{quote(uti, safe='')}", 303)
        return page(request, "tokens.html", pages.tokens())

    async def token(request: Request) -> Response:
        context = await pages.token(request.path_params["uti"])
        return page(request, "token.html", context, 200 if context["journey"] else 404)

    async def accesses(request: Request) -> Response:
        only = request.query_params.get("only", "")
        return page(request, "accesses.html", pages.accesses(only if only in ("allowed", "denied") else ""))

    async def queues(request: Request) -> Response:
        return page(request, "queues.html", pages.queues())

    async def changes(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type=_EVENTS)
        return StreamingResponse(live.changes(), media_type=_EVENTS)

    async def problem(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        answer = page(request, "problem.html", {"status": status, "said": _SAID.get(status, "This failed.")}, status)
        answer.headers.update(headers or {})
        return answer

    return Starlette(
        routes=[
            Route("/", overview),
            Route("/pods", pods),
            Route("/tokens", tokens),
            Route("/tokens/{uti}", token),
            Route("/accesses", accesses),
            Route("/queues", queues),
            Route("/changes", changes),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[
            Middleware(_Headers),
            Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False),
        ],
        exception_handlers={HTTPException: problem},
    )


_SAID = {404: "There is no such page.", 405: "The dashboard only shows: it answers GET and HEAD."}


class _Headers:
    """Adds the security headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
