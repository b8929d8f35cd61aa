"""HTTP servers in this process's own loop, which give a slow client only so much time."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from localcloud.network.listener import Listener, listen

RESET = "localcloud.reset"  # an extension of the ASGI scope: `reset` breaks the request's connection off
HEAD_TIMEOUT = 10.0  # seconds from a connection's or a request's beginning to the end of its head
BODY_TIMEOUT = 30.0  # seconds between two parts of a body
_MOST_CONNECTIONS = 512
_WEBSOCKETS = {  # the protocols inside have heartbeats of their own
    "ws": "websockets-sansio",
    "ws_max_size": 1024 * 1024,
    "ws_ping_interval": None,
    "ws_per_message_deflate": False,
}


class HttpConnection(HttpToolsProtocol):
    """Closes a connection whose client keeps a request to itself. Its requests carry the extension `RESET`."""

    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_within(HEAD_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_within(None)
        self._unset_keepalive_if_required()  # or its timer would keep the connection's buffers, if it broke off
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._expect_within(HEAD_TIMEOUT)
        super().on_message_begin()
        self.scope["extensions"] = {RESET: {"reset": self.transport.abort}}

    def on_headers_complete(self) -> None:
        self._expect_within(BODY_TIMEOUT)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._expect_within(BODY_TIMEOUT)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._expect_within(None)
        super().on_message_complete()

    def _expect_within(self, seconds: float | None) -> None:
        """What comes next is to come in that time; without one, nothing is awaited from the client."""
        if self._overdue is not None:
            self._overdue.cancel()
        self._overdue = None if seconds is None else self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        if self.flow.read_paused:  # the application has not taken yet what came
            self._expect_within(BODY_TIMEOUT)
        else:
            self.transport.close()


class EmbeddedServer(uvicorn.Server):
    """A server that says when it answers, and leaves signals to the program it is part of."""

    def __init__(self, app: ASGIApp, **options: Any) -> None:
        """`options` are uvicorn's."""
        common = {"lifespan": "off", "log_config": None, "log_level": "warning", "access_log": False, **_WEBSOCKETS}
        super().__init__(uvicorn.Config(app, **{**common, **options}))
        self.answering = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """A TCP port, bound first and served later, so that what is served may know the port.

    Serves so many connections at once; a further one is closed unread. `what` names it in the notice of that.
    """

    def __init__(self, what: str, host: str, port: int, most_connections: int = _MOST_CONNECTIONS) -> None:
        """Raises `OSError` if the port is taken."""
        self._what = what
        self._most = most_connections
        self._socket = listen(host, port)
        self.port = int(self._socket.getsockname()[1])
        self._listener: Listener | None = None
        self._server: EmbeddedServer | None = None
        self._task: asyncio.Task[None] | None = None

    async def serve(self, app: ASGIApp, tls: ssl.SSLContext | None = None, **options: Any) -> None:
        """Returns once requests are answered. `options` are uvicorn's."""
        self._server = server = EmbeddedServer(
            app, http=HttpConnection, timeout_keep_alive=75, timeout_graceful_shutdown=3, **options
        )
        self._task = asyncio.create_task(server.serve([]), name=self._what)
        await server.answering.wait()

        def connection() -> asyncio.Protocol:
            return HttpConnection(server.config, server.server_state, server.lifespan.state)

        self._listener = Listener(self._what, self._socket, connection, tls, self._most)
        self._listener.start()

    async def close(self) -> None:
        """Accepts nothing new, lets the requests under way finish for a moment, and gives the port back."""
        if self._listener is not None:
            await self._listener.close()
        self._socket.close()
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
