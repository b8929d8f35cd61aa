"""A Service: one local port, whose requests go in turn to the ready pods that its selector matches.

It forwards HTTP requests rather than TCP connections, so that a restart fails no request. A keep-alive connection stays
with one pod, and a request may be on its way when that pod ends. Here the client's connection ends at the Service, and
each request goes to its pod on a connection of its own. A pod that is told to stop therefore has neither a request nor
an idle connection. In a cluster, preStop and the Gateway do the same.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import httpcore
import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from localcloud.cluster.errors import ServicePortTaken
from localcloud.cluster.pod import Pod
from localcloud.cluster.resources import Service
from localcloud.network.http_server import HttpServer

HOST = "127.0.0.1"
_PATIENCE = 3.0  # seconds for which a request waits for a ready pod
_LOOK = 0.05  # seconds
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1, and Expect, which uvicorn has answered already
_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade", b"expect"))

_log = logging.getLogger(__name__)


class ServiceProxy:
    """`pods` returns the pods of the moment, ready or not."""

    def __init__(self, manifest: Service, port: int | None, pods: Callable[[], Iterable[Pod]]) -> None:
        self.name = manifest.metadata.name
        self._wanted = manifest.spec.ports[0].port if port is None else port
        self._pods = pods
        self.take(manifest)
        self._turn = 0
        self._transport = httpx.AsyncHTTPTransport(
            verify=False, limits=httpx.Limits(max_connections=None, max_keepalive_connections=0)
        )
        self._server: HttpServer | None = None

    def take(self, manifest: Service) -> None:
        """Go over to an edited manifest. The local port stays."""
        declared = manifest.spec.ports[0]
        self._namespace = manifest.metadata.namespace
        self._selector = manifest.spec.selector
        self._target = declared.target_port or declared.port

    @property
    def url(self) -> str:
        """The URL at which it answers, once started."""
        return f"http://{HOST}:{self._server.port if self._server else self._wanted}"

    def bind(self) -> None:
        """Take the port. Raises `ServicePortTaken`."""
        try:
            self._server = HttpServer(f"Service {self.name}", HOST, self._wanted)
        except OSError as error:
            raise ServicePortTaken(
                f"Port {self._wanted} on {HOST} (Service {self.name}) is taken. "
                f"Free it, or choose another with --service-port {self.name}=PORT."
            ) from error

    async def serve(self) -> None:
        """Return once requests are answered."""
        if self._server is None:
            self.bind()
        assert self._server is not None  # noqa: S101 - bound above
        await self._server.serve(self, server_header=False, date_header=False)

    async def close(self) -> None:
        """Stop accepting, give the requests under way a moment to finish, and release the port."""
        if self._server is not None:
            await self._server.close()
        await self._transport.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request. A client that closes its connection early is not an error."""
        with contextlib.suppress(ClientDisconnect):
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while True:
            pod = self._next_ready() or (self._running() if _is_a_browsers(request) else None)
            if pod is not None:
                with pod.traffic.request():
                    if await self._forward(request, pod, send):
                        return
            if asyncio.get_running_loop().time() > deadline:
                await self._unavailable()(scope, receive, send)
                return
            await asyncio.sleep(_LOOK)

    async def _forward(self, request: Request, pod: Pod, send: Send) -> bool:
        """Forward to this pod; `False` if it did not accept the connection, so that another can have the request."""
        port = pod.local_port(self._target)
        if port is None:
            return False
        body = _Body(request)
        try:
            answer = await self._transport.handle_async_request(_to_pod(request, port, body))
        except httpx.ConnectError:
            return False
        except httpx.TransportError as error:
            _log.warning("%s broke a request off: %s", pod.name, error or type(error).__name__)
            problem = _problem(502, "Bad Gateway", f"{pod.name} broke the request off.")
            await problem(request.scope, request.receive, send)
            return True
        try:
            response = StreamingResponse(answer.aiter_raw(), answer.status_code)
            response.raw_headers = [
                (name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _HOP_BY_HOP
            ]
            if body.cut_short:  # the rest of it must not be read as the next request
                response.raw_headers.append((b"connection", b"close"))
            await response(request.scope, request.receive, send)
        except httpx.TransportError as error:  # the head has been sent on, so the client sees an answer that ends early
            _log.warning("%s broke an answer off: %s", pod.name, error or type(error).__name__)
        finally:
            await answer.aclose()
        return True

    def _next_ready(self) -> Pod | None:
        ready = [pod for pod in self._matching() if pod.ready]
        if not ready:
            return None
        self._turn += 1
        return ready[self._turn % len(ready)]

    def _running(self) -> Pod | None:
        """A pod that is not ready, as `kubectl port-forward` would take it: its own page says why it is not."""
        return next((pod for pod in self._matching() if not pod.leaving and pod.local_ports), None)

    def _matching(self) -> list[Pod]:
        return [
            pod
            for pod in self._pods()
            if pod.identity.namespace == self._namespace and self._selector.items() <= pod.labels.items()
        ]

    def _unavailable(self) -> Response:
        reasons = "; ".join(f"{pod.name}: {pod.status}" for pod in self._matching()) or "there are no pods"
        return _problem(503, "Service Unavailable", f"Service {self.name} has no ready pod. {reasons}")


class _Body:
    """The body of a client's request, sent on to the pod part by part until the pod answers.

    A pod may answer before it has the whole body, for example with 408 or 413. Bytes that are sent after that make the
    pod's side reset the connection, and the answer is lost.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._connection: httpcore.AsyncNetworkStream | None = None
        self.cut_short = False

    async def trace(self, event: str, details: dict[str, Any]) -> None:
        """Keep the connection to the pod. The HTTP client calls this (https://www.encode.io/httpcore/extensions)."""
        if event == "connection.connect_tcp.complete":
            self._connection = details["return_value"]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = self._request.stream()
        while (part := await self._next(parts)) is not None:
            yield part

    async def _next(self, parts: AsyncIterator[bytes]) -> bytes | None:
        """The next part, `None` after the last; raises `httpcore.WriteError` if the pod has answered or hung up."""
        coming = asyncio.ensure_future(anext(parts, None))
        try:
            while self._connection is None or not self._connection.get_extra_info("is_readable"):
                if coming.done():
                    return coming.result()
                await asyncio.wait({coming}, timeout=_LOOK)
            self.cut_short = True
            raise httpcore.WriteError  # at which the HTTP client stops writing, and reads the answer
        finally:
            coming.cancel()


def _is_a_browsers(request: Request) -> bool:
    """Tell whether a browser asks, for a page or for what a page is made of (https://www.w3.org/TR/fetch-metadata/)."""
    return "text/html" in request.headers.get("accept", "") or "sec-fetch-dest" in request.headers


def _to_pod(request: Request, port: int, body: _Body) -> httpx.Request:
    headers = [(name, value) for name, value in request.headers.raw if name not in _HOP_BY_HOP]
    has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in headers)
    path = request.scope["raw_path"]
    query = request.scope["query_string"]
    return httpx.Request(
        request.method,
        f"http://{HOST}:{port}",
        headers=[*headers, (b"connection", b"close")],
        content=body if has_body else None,
        # The target as it came: in a URL, httpx resolves dots and refuses an asterisk.
        extensions={"target": path + (b"?" + query if query else b""), "trace": body.trace},
    )


def _problem(status: int, title: str, detail: str) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, {"Retry-After": "1"}, media_type="application/problem+json")
