"""HTTP servers in this process's event loop, with a time limit for each request."""

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

RESET = "localcloud.reset"  # an extension of the ASGI scope: `reset` resets the request's connection
TLS = "localcloud.tls"  # an extension of the ASGI scope: `context` is the TLS context of the connection, or None
HEAD_TIMEOUT = 10.0  # seconds from a connection's or a request's beginning to the end of its head
BODY_TIMEOUT = 30.0  # seconds between two parts of a body
_MOST_CONNECTIONS = 512
# https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
_REQUEST_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_WEBSOCKETS = {  # the protocols inside have heartbeats of their own
    "ws": "websockets-sansio",
    "ws_max_size": 1024 * 1024,
    "ws_ping_interval": None,
    "ws_per_message_deflate": False,
}


class HttpConnection(HttpToolsProtocol):
    """An HTTP connection that bounds the time of each request, and answers 408 if a request does not come in time.

    A request's head has `HEAD_TIMEOUT` seconds in all, and each part of its body `BODY_TIMEOUT` seconds. The connection
    is then closed. Requests carry the extensions `RESET` and `TLS`.
    """

    _overdue: asyncio.TimerHandle | None = None
    _receiving = False  # whether a request has begun to come and has not come whole

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_within(HEAD_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_within(None)
        self._unset_keepalive_if_required()  # otherwise its timer keeps the buffers of a connection that broke off
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # The parser skips blank lines before a request without telling. They end uvicorn's wait for the next request,
        # so this one begins.
        if self._overdue is None and self._all_answered():
            self._expect_within(HEAD_TIMEOUT)
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._receiving = True
        self._expect_within(HEAD_TIMEOUT)
        super().on_message_begin()
        tls = self.transport.get_extra_info("ssl_object")
        self.scope["extensions"] = {
            RESET: {"reset": self.transport.abort},
            TLS: {"context": tls.context if tls else None},
        }

    def on_headers_complete(self) -> None:
        self._expect_within(BODY_TIMEOUT)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._expect_within(BODY_TIMEOUT)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._receiving = False
        self._expect_within(None)
        super().on_message_complete()

    def _expect_within(self, seconds: float | None) -> None:
        """Wait for the client's next part for so many seconds. `None` ends the wait."""
        if self._overdue is not None:
            self._overdue.cancel()
        self._overdue = None if seconds is None else self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        if self.flow.read_paused:  # the application has not taken yet what came
            self._expect_within(BODY_TIMEOUT)
            return
        if self._receiving and self._answer_is_due():
            self.transport.write(_REQUEST_TIMEOUT)
        self.transport.close()

    def _answer_is_due(self) -> bool:
        """Whether the next thing that the client reads is the beginning of the answer to the request that is coming."""
        if self.cycle is not None and self.cycle.scope is self.scope:  # its head has come
            return not self.cycle.response_started
        return self._all_answered()

    def _all_answered(self) -> bool:
        """Whether every request whose head has come is answered."""
        return self.cycle is None or self.cycle.response_complete


class EmbeddedServer(uvicorn.Server):
    """A uvicorn server within another program. `answering` is set once it answers; signals are left to the program."""

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
    """An HTTP server whose port is bound first and served later, so that the application can be told the port.

    If `most_connections` are open, each further one is closed unread and logged. `what` is the name in the log.
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
        """Return once requests are answered. `options` are uvicorn's."""
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
        """Stop accepting, give the requests under way three seconds to finish, and release the port."""
        if self._listener is not None:
            await self._listener.close()
        self._socket.close()
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
