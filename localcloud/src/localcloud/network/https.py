"""All of Azure's names on one TLS port. The Host header decides which service answers."""

import contextlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_LONGEST_HEAD = 15 * 1024  # bytes of target and headers: Azurite, behind one of the names, takes 16 KB


class HostRouter:
    """An ASGI application that hands each request to the application of its host name."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = {host.lower(): app for host, app in apps.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            scope = {**scope, "path": _path_of(scope["path"])}
            await self._apps.get(_host_of(scope), _refuse)(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        if _length_of_head(scope) > _LONGEST_HEAD:
            too_long = JSONResponse({"error": "the request's head is too long"}, status_code=431)
            await too_long(scope, receive, send)
            return
        host = _host_of(scope)
        unknown = JSONResponse({"error": f"nothing answers under the name '{host}' here"}, status_code=421)
        with contextlib.suppress(ClientDisconnect):  # the client is gone, so there is no answer to send
            await self._apps.get(host, unknown)(scope, receive, send)


async def _refuse(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answers a WebSocket with status 403."""
    await receive()
    await send({"type": "websocket.close"})


def _path_of(target: str) -> str:
    """The path of a request's target, which may have the absolute form (RFC 9112, section 3.2.2).

    uvicorn reads that form in plain requests alone. Java's Service Bus client opens its WebSocket with it.
    """
    return urlsplit(target).path if target.startswith(("https://", "wss://")) else target


def _host_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            return str(value.decode("latin-1")).partition(":")[0].lower()
    return ""


def _length_of_head(scope: Scope) -> int:
    fields = sum(len(name) + len(value) for name, value in scope["headers"])
    return fields + len(scope["raw_path"]) + len(scope["query_string"])
