"""One TLS listener for all of Azure's names: the Host header decides which service answers."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator, Mapping

import uvicorn
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_LONGEST_HEAD = 15 * 1024  # bytes of target and headers: Azurite, behind one of the names, takes 16 KB


class HostRouter:
    """An ASGI application that hands each request to the application of its host name."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = {host.lower(): app for host, app in apps.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if _length_of_head(scope) > _LONGEST_HEAD:
            too_long = JSONResponse({"error": "the request's head is too long"}, status_code=431)
            await too_long(scope, receive, send)
            return
        host = _host_of(scope)
        nobody = JSONResponse({"error": f"nothing answers under the name '{host}' here"}, status_code=421)
        # A client that goes away in the middle of its request is owed no answer.
        with contextlib.suppress(ClientDisconnect):
            await self._apps.get(host, nobody)(scope, receive, send)


class HttpsServer:
    """uvicorn in this process's own loop. Bound first and served later, so that what is served may know the port."""

    def __init__(self, host: str, port: int) -> None:
        """Raises `OSError` where the port is taken."""
        self._socket = listen(host, port)
        self.port = int(self._socket.getsockname()[1])
        self._server: EmbeddedServer | None = None
        self._task: asyncio.Task[None] | None = None

    async def serve(self, app: ASGIApp, tls: ssl.SSLContext) -> None:
        """Returns once requests are answered."""
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=3,
            ssl_context_factory=lambda _config, _default: tls,
        )
        self._server = server = EmbeddedServer(config)
        self._task = asyncio.create_task(server.serve([self._socket]), name="https")
        await server.answering.wait()

    async def close(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self._socket.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; raises `OSError` where the port is taken."""
    # The protocol is named, or asyncio would not know TCP on accepted connections, and leave Nagle's algorithm on: an
    # answer's body then waits 40 ms for the acknowledgement of its head.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


class EmbeddedServer(uvicorn.Server):
    """A server that says when it answers, and leaves signals to the program it is part of."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _host_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"host":
            return str(value.decode("latin-1")).partition(":")[0].lower()
    return ""


def _length_of_head(scope: Scope) -> int:
    fields = sum(len(name) + len(value) for name, value in scope["headers"])
    return fields + len(scope["raw_path"]) + len(scope["query_string"])
