"""gunicorn's worker with threads that never wait for a client.

gunicorn's own threads wait until a request has come and until its answer is taken, so a few slow clients stop them
all. Here an event loop waits for all clients at once. It receives each request whole, lets a thread answer it, and
sends the answer.

A client has `HTTP_REQUEST_SECONDS` to send a request, and as long again to take the answer. Then it gets a 408, or its
connection is closed. If there are too many connections, the one that has waited longest is closed.

Probes have threads of their own, so a pod is alive while its threads wait for Azure.

There is no TLS here, and no HTTP/2: the Gateway ends both.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gunicorn.http import RequestParser
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.http.wsgi import create
from gunicorn.workers.base import Worker

from frontend.server.incoming_request import IncomingRequest, UnservableRequest
from frontend.settings import ServerSettings
from frontend.web import health
from frontend.web.problems import ProblemDetails
from workload.settings import from_environment

_PIECE = 16 * 1024  # bytes to receive at once
_AT_ONCE = 100  # connections to accept before others are served
_LINGER = 2.0  # seconds: for a client to close its connection, and for a late request on one while the worker stops
_TOO_LONG: dict[type[BaseException], HTTPStatus] = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's bytes, and whether the connection is kept for another request."""

    content: bytes
    keep: bool = False


class BufferingWorker(Worker):
    """The worker class. A task serves each connection."""

    def init_process(self) -> None:
        self._patience = from_environment(ServerSettings).http_request_seconds
        self._threads = ThreadPoolExecutor(self.cfg.threads, "request")
        self._probes = {path.encode(): ThreadPoolExecutor(1, f"probe {path}") for path in health.PATHS}
        self._connections: set[asyncio.Task[Any]] = set()
        self._waiting: dict[asyncio.Task[Any], bool] = {}  # for a client, the longest first; True between two requests
        self._at_work = 0  # connections that are with a thread, or wait for one
        super().init_process()

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        """Accept connections until SIGTERM, then wait for those that are open."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stopping.set)
        servers = []
        for listener in self.sockets:
            socket = listener.dup()
            servers.append(await asyncio.start_server(self._connected, sock=socket, limit=_PIECE, backlog=_AT_ONCE))
            socket.listen(self.cfg.backlog)  # `start_server` has made it as short as what it accepts at once
        while self.alive and not stopping.is_set() and os.getppid() == self.ppid:
            self.notify()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), 1)
        self.alive = False
        for server in servers:
            server.close()
        loop.call_later(_LINGER, self._close_idle)
        deadline = loop.time() + self.cfg.graceful_timeout
        while self._connections and loop.time() < deadline:
            self.notify()
            await asyncio.wait(self._connections, timeout=1)

    def _close_idle(self) -> None:
        """Close the connections that are between two requests."""
        for connection in [connection for connection, idle in self._waiting.items() if idle]:
            connection.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection until it is closed. If there are too many, close the one that has waited longest."""
        connection = _this_task()
        self._connections.add(connection)
        if len(self._connections) > self.cfg.worker_connections and self._waiting:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.cancel()
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # the connection is broken, its time is up, or it makes room for another
        except Exception as error:
            self.log.error("A connection could not be served.", exc_info=error)
        finally:
            self._connections.discard(connection)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer request after request, until the client or an answer ends that."""
        writer.transport.set_write_buffer_limits(high=0)  # so that `drain` waits until all is sent
        data, keep = b"", True
        while keep:
            async with self._waiting_for_client(self.cfg.keepalive if self.alive else _LINGER, idle=True):
                data = data or await reader.read(_PIECE)
            request = IncomingRequest()
            try:
                async with self._waiting_for_client(self._patience):
                    while data and not request.add(data):
                        writer.write(request.permission())
                        data = await reader.read(_PIECE)
                if not data:
                    return
                answer = await self._answered(request, writer)
            except UnservableRequest as refused:
                answer = _problem(refused.status, f"The request can't be served: {refused}.")
            except TimeoutError:
                answer = _problem(408, f"The request had not come within {self._patience:g} seconds.")
            async with self._waiting_for_client(self._patience):
                writer.write(answer.content)
                await writer.drain()
            data, keep = request.rest(), answer.keep
        # Let the client close first: if bytes of its own are still on their way, closing would destroy the answer
        # (https://www.rfc-editor.org/rfc/rfc9112.html#section-9.6).
        writer.write_eof()
        async with self._waiting_for_client(_LINGER):
            while await reader.read(_PIECE):
                pass

    @asynccontextmanager
    async def _waiting_for_client(self, seconds: float, idle: bool = False) -> AsyncIterator[None]:
        """Wait for so many seconds at most, then raise `TimeoutError`. The connection may be closed meanwhile."""
        connection = _this_task()
        self._waiting[connection] = idle
        try:
            async with asyncio.timeout(seconds):
                yield
        finally:
            self._waiting.pop(connection, None)

    async def _answered(self, request: IncomingRequest, writer: asyncio.StreamWriter) -> Answer:
        """Let a thread answer the request, unless too many requests wait for one."""
        threads = self._probes.get(request.path)
        if threads is None and self._at_work > self.cfg.worker_connections // 2:
            return _problem(503, "There are too many requests. Try again: a repeat does no harm.")
        addresses = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        self._at_work += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(threads or self._threads, self._answer, request, *addresses)
        finally:
            self._at_work -= 1

    def _answer(self, request: IncomingRequest, client: Any, server: Any) -> Answer:
        """Call the application, in a thread."""
        try:
            parsed = next(RequestParser(self.cfg, [request.content()], client))
            parsed._expected_100_continue = False  # type: ignore[attr-defined]  # `_converse` has answered that
            answer = AnswerSocket()
            response, environ = create(parsed, answer, client, server, self.cfg)  # type: ignore[call-overload]
            environ["wsgi.multithread"] = True
            if not self.alive or not request.whole:
                response.force_close()
            body = self.wsgi(environ, response.start_response)
            try:
                for piece in body:
                    response.write(piece)
                response.close()
            finally:
                if hasattr(body, "close"):
                    body.close()
            return Answer(bytes(answer.content), not response.should_close())
        except ParseException as error:
            status = _TOO_LONG.get(type(error), HTTPStatus.BAD_REQUEST)
            return _problem(status, "The request can't be served: it is too long, or not well formed.")
        except Exception as error:
            self.log.error("The request failed.", exc_info=error)
            return _problem(500, "The frontend met an error of its own.")


class AnswerSocket:
    """What gunicorn takes for the client's socket: it collects the answer's bytes."""

    def __init__(self) -> None:
        self.content = bytearray()

    def sendall(self, data: bytes) -> None:
        self.content += data


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  (for the type checker: a coroutine runs in a task)
    return task


def _problem(status: int, detail: str) -> Answer:
    """Return a problem (RFC 9457) as an answer after which the connection is closed."""
    phrase = HTTPStatus(status).phrase
    body = ProblemDetails(title=phrase, status=status, detail=detail).model_dump_json(exclude_none=True).encode()
    lines = [
        f"HTTP/1.1 {status:d} {phrase}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        *(["Retry-After: 1"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []),
        "Connection: close",
    ]
    return Answer("\r\n".join([*lines, "", ""]).encode() + body)
