"""gunicorn's threaded worker, with threads that never wait for a client.

gunicorn's own gives each connection to a thread, which then waits until the request has come and the answer has been
taken: as many slow clients as there are threads stop it. Here the worker's loop waits, for all connections at once. A
thread gets a request when all of it is there, and the loop sends what the client does not take of the answer at once.

A client has `HTTP_REQUEST_SECONDS` to send a request, and as long again to take the answer. Then it is answered with
408, or the connection is closed. If there are too many connections, the one that has waited longest is closed.

Probes have threads of their own, so a pod is alive while its threads wait for Azure.

There is no TLS here, and no HTTP/2: the Gateway ends both.
"""

import selectors
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from operator import itemgetter

from gunicorn.config import Config
from gunicorn.http import Request, RequestParser
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker
from workload.settings import from_environment

from frontend.settings import ServerSettings
from frontend.web import health
from frontend.web.incoming_request import IncomingRequest, Refused
from frontend.web.problems import ProblemDetails

_PIECE = 64 * 1024  # bytes to receive at once
_FAREWELL = 2.0  # seconds for a client to close its connection
_TOO_LONG: dict[type[BaseException], HTTPStatus] = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
}

Phase = Generator[int, None, Callable[[], object]]
"""A time in which the loop waits for a client. Each value yielded is the event of `selectors` that it waits for next;
what is returned is called when the phase is over. A phase that takes too long gets a `TimeoutError`."""


class ClientSocket(socket.socket):
    """A socket on which nothing waits, whatever `ThreadWorker` sets: it is for the loop to know when to go on."""

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        super().setblocking(False)
        self._unsent = bytearray()

    def setblocking(self, _flag: bool) -> None: ...

    def settimeout(self, _value: float | None) -> None: ...

    def sendall(self, data: bytes) -> None:  # type: ignore[override]
        """Send what the client takes now; `flush` sends the rest."""
        self._unsent += data
        self.flush()

    def flush(self) -> bool:
        """Send what the client takes now; returns whether nothing is left."""
        try:
            while self._unsent:
                del self._unsent[: self.send(self._unsent)]
        except BlockingIOError:
            return False
        return True

    def recv(self, size: int, flags: int = 0) -> bytes:
        """What has come, and b"" if no more will come; raises `TimeoutError` if nothing has come yet."""
        try:
            return super().recv(size, flags)
        except BlockingIOError:
            raise TimeoutError from None


class Client(TConn):
    """A client's connection. `timeout` is when the present phase has to be over."""

    sock: ClientSocket
    timeout: float
    phase: Phase
    queue: "deque[Client]"

    def __init__(self, cfg: Config, sock: socket.socket, address: tuple[str, int], server: tuple[str, int]) -> None:
        super().__init__(cfg, ClientSocket(sock), address, server)
        self.init()
        assert isinstance(self.parser, RequestParser)  # noqa: S101  (for the type checker: no other is configured)
        self.unreader = self.parser.unreader


class BufferingWorker(ThreadWorker):
    """The worker class. Its loop, its thread pool and what it does with a request are `ThreadWorker`'s.

    `keepalived_conns` holds the connections between two requests, and `_waiting` those in a phase, by the seconds that
    the phase may take. Each queue is in the order of `timeout`. The other connections are with a thread.
    """

    keepalived_conns: deque[Client]  # type: ignore[assignment]

    def init_process(self) -> None:
        self._waiting: defaultdict[float, deque[Client]] = defaultdict(deque)
        self._patience = from_environment(ServerSettings).http_request_seconds
        self._probes = {path.encode(): ThreadPoolExecutor(1, f"probe {path}") for path in health.PATHS}
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Take a connection. It is silent at first, like one that is kept alive."""
        try:
            sock, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        client = Client(self.cfg, sock, address, listener.getsockname())
        client.set_timeout()
        self.nr_conns += 1
        self.keepalived_conns.append(client)
        self.poller.register(client.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, client))

    def enqueue_req(self, conn: Client) -> None:  # type: ignore[override]
        """Receive the connection's next request, then have a thread answer it."""
        self._enter(conn, self._receive(conn))

    def finish_request(self, conn: Client, fs: Future[bool]) -> None:  # type: ignore[override]
        """Send what is left of a thread's answer, then await the next request, or close the connection."""
        kept = not fs.cancelled() and fs.exception() is None and fs.result()
        self._enter(conn, self._send(conn, partial(super().finish_request, conn, fs) if kept else None))

    def handle_request(self, req: Request, conn: TConn) -> bool:
        req._expected_100_continue = False  # type: ignore[attr-defined]  # `_receive` has answered that
        return super().handle_request(req, conn)

    def handle_error(self, _req: object, client: ClientSocket, _addr: object, exc: BaseException) -> None:  # type: ignore[override]
        """Answer a request that gunicorn's parser refuses, or that the application could not answer."""
        if isinstance(exc, ParseException):
            status = _TOO_LONG.get(type(exc), HTTPStatus.BAD_REQUEST)
            client.sendall(_problem(status, "The request can't be served: it is too long, or not well formed."))
        else:
            self.log.error("The request failed.", exc_info=exc)
            client.sendall(_problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The frontend met an error of its own."))

    def murder_pending(self) -> None:
        """End the phases that take too long, and close connections if there are too many."""
        for queue in list(self._waiting.values()):
            while queue and queue[0].timeout <= time.monotonic():
                self._wake(queue[0], partial(queue[0].phase.throw, TimeoutError()))
        self._make_room()

    def _receive(self, client: Client) -> Phase:
        request = IncomingRequest()
        try:
            data = client.unreader.take_buffered() or client.sock.recv(_PIECE)
            while data and not request.add(data):
                client.sock.sendall(request.permission())
                yield selectors.EVENT_READ
                data = client.sock.recv(_PIECE)
        except Refused as refused:
            return self._refusal(client, refused.status, f"The request can't be served: {refused}.")
        except TimeoutError:
            return self._refusal(client, 408, f"The request had not come within {self._patience:g} seconds.")
        if not data:
            return partial(self._close, client)
        client.unreader.unread(bytes(request.received))
        if pool := self._probes.get(request.path):
            return partial(self._hand_over, client, pool)
        if self._at_work() > self.worker_connections // 2:
            return self._refusal(client, 503, "There are too many requests. Try again: a repeat does no harm.")
        return partial(self._hand_over, client, self.tpool)

    def _hand_over(self, client: Client, pool: ThreadPoolExecutor) -> None:
        answered = pool.submit(self.handle, client)
        answered.add_done_callback(partial(self.method_queue.defer, self.finish_request, client))

    def _refusal(self, client: Client, status: int, detail: str) -> Callable[[], object]:
        """Answer without a thread, and close the connection."""
        client.sock.sendall(_problem(HTTPStatus(status), detail))
        return partial(self._enter, client, self._send(client))

    def _send(self, client: Client, after: Callable[[], object] | None = None) -> Phase:
        """Send what the client has not taken yet. `after` is None if nothing comes after it."""
        while not client.sock.flush():
            yield selectors.EVENT_WRITE
        return after or partial(self._enter, client, self._part(client), _FAREWELL)

    def _part(self, client: Client) -> Phase:
        """Let the client close first: if bytes of its own are still on their way, closing would destroy the answer
        (https://www.rfc-editor.org/rfc/rfc9112.html#section-9.6)."""
        client.sock.shutdown(socket.SHUT_WR)
        more = True
        while more:
            yield selectors.EVENT_READ
            more = bool(client.sock.recv(_PIECE))
        return partial(self._close, client)

    def _enter(self, client: Client, phase: Phase, seconds: float | None = None) -> None:
        """Begin a phase, which may take `HTTP_REQUEST_SECONDS` if nothing else is said."""
        seconds = seconds or self._patience
        client.phase = phase
        client.timeout = time.monotonic() + seconds
        client.queue = self._waiting[seconds]
        client.queue.append(client)
        self._go_on(client, partial(next, phase))

    def _wake(self, client: Client, resume: Callable[[], int]) -> None:
        self.poller.unregister(client.sock)
        self._go_on(client, resume)

    def _go_on(self, client: Client, resume: Callable[[], int]) -> None:
        """Let the phase go on until it waits again, is over, or fails: the connection is broken, or time is up."""
        try:
            event = resume()
        except StopIteration as over:
            client.queue.remove(client)
            over.value()
        except Exception as error:
            if not isinstance(error, OSError):  # it ends this connection, and not the loop
                self.log.error("A request could not be received.", exc_info=error)
            client.queue.remove(client)
            self._close(client)
        else:
            self.poller.register(client.sock, event, lambda _sock: self._wake(client, partial(next, client.phase)))

    def _make_room(self) -> None:
        """While there are too many connections, close the one for which the loop has waited longest."""
        queues = [(self.cfg.keepalive, self.keepalived_conns), *self._waiting.items()]
        while self.nr_conns >= self.worker_connections:
            oldest = [(queue[0].timeout - seconds, queue) for seconds, queue in queues if queue]
            if not oldest:  # all are with a thread
                return
            _, queue = min(oldest, key=itemgetter(0))
            client = queue.popleft()
            self.poller.unregister(client.sock)
            self._close(client)

    def _close(self, client: Client) -> None:
        self.nr_conns -= 1
        client.close()

    def _at_work(self) -> int:
        """How many connections are with a thread, or wait for one."""
        return self.nr_conns - len(self.keepalived_conns) - sum(len(queue) for queue in self._waiting.values())


def _problem(status: HTTPStatus, detail: str) -> bytes:
    """A problem (RFC 9457) as a whole answer, after which the connection is closed."""
    problem = ProblemDetails(title=status.phrase, status=status, detail=detail)
    body = problem.model_dump_json(exclude_none=True).encode()
    lines = [
        f"HTTP/1.1 {status} {status.phrase}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        *(["Retry-After: 1"] if status is HTTPStatus.SERVICE_UNAVAILABLE else []),
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
