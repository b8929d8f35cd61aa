"""Clients that are slow on purpose: they delay no other client, and their connections are closed in time."""

import contextlib
import json
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from flask import Flask

from frontend.bootstrap import create_app
from tests.e2e.waiting import until
from tests.unit.frontend.fakes import ORDER, SETTINGS, FakeAzure, FakeSender, FakeServiceBus
from tests.unit.frontend.server import Server, received, served

BODY = json.dumps(ORDER).encode()
HEAD = b"POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
SCRIPT = b"GET /static/htmx-4.0.1.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n"

SLOW = {
    "nothing": (b"", b""),
    "the request line": (b"POST /orders", b"x"),
    "the head": (HEAD + b"X: ", b"x"),
    "the head's end": (HEAD + b"\r", b""),
    "a body": (HEAD + b"Content-Length: 1000\r\n\r\n", b"x"),
    "a body in chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFF\r\n", b"x"),
    "a chunk's extension": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"),
    "trailers": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"x"),
    "a body that is not read": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", b"x"),
    "a body that is too long": (HEAD + b"Content-Length: 10000000\r\n\r\n", b"x"),
    "a body after its permission": (HEAD + b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n", b""),
    "a form": (
        b"POST /identity/attempts/blob HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n",
        b"x",
    ),
    "the second request": (GET + HEAD + b"Content-Length: 1000\r\n\r\n", b"x"),
    "taking the answers": (200 * SCRIPT, b""),
    "closing": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b""),
}


class Crowd(AbstractContextManager["Crowd"]):
    """Slow clients' connections. Each sends its first bytes at once, the others again and again, and reads nothing."""

    def __init__(self, server: Server, clients: list[tuple[bytes, bytes]], pause: float) -> None:
        self.connections = [server.connect(narrow=True) for _ in clients]
        self._more = [more for _, more in clients]
        self._pause = pause
        self._stop = threading.Event()
        for connection, (begin, _) in zip(self.connections, clients, strict=True):
            connection.settimeout(1)
            with contextlib.suppress(OSError):  # nothing is taken of the answers, so not all that is asked gets through
                connection.sendall(begin)
            connection.settimeout(30)
        self._sending = threading.Thread(target=self._send)
        self._sending.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._sending.join()
        for connection in self.connections:
            connection.close()

    def _send(self) -> None:
        while not self._stop.wait(self._pause):
            for connection, more in zip(self.connections, self._more, strict=True):
                with contextlib.suppress(OSError):
                    connection.send(more, socket.MSG_DONTWAIT)


@pytest.fixture(scope="module")
def patient() -> Iterator[Server]:
    """A server that closes no slow connection while a test looks."""
    with served(HTTP_REQUEST_SECONDS="60") as server:
        yield server


@pytest.mark.parametrize("slow", SLOW)
def test_orders_and_probes_do_not_wait_for_slow_clients(patient: Server, slow: str) -> None:
    """While 64 clients are slow, four times as many as there are threads, other clients are served."""
    with Crowd(patient, 64 * [SLOW[slow]], pause=1):
        for _ in range(3):
            with patient.client() as customer:  # a new connection each, whose requests fail after five seconds
                assert customer.get("/healthz").status_code == 200
                assert customer.get("/readyz").status_code == 200
                assert customer.post("/orders", json=ORDER).status_code == 202
                assert customer.get("/static/htmx-4.0.1.min.js").status_code == 200
                assert customer.get("/orders", headers={"Accept": "text/html"}).status_code == 200


ANSWERED_BEFORE = {  # what a slow client has been told already, or is told instead
    "a body that is too long": b"HTTP/1.1 413 ",
    "a body after its permission": b"HTTP/1.1 100 ",
    "the second request": b"HTTP/1.1 200 ",
    "taking the answers": b"HTTP/1.1 200 ",
    "closing": b"HTTP/1.1 200 ",
}
NO_408 = {"a body that is too long", "taking the answers", "closing"}


def test_slow_clients_are_not_waited_for_without_end() -> None:
    """A request that has not come in time is a 408, even if a byte comes each moment, and its connection is closed."""
    slow = {name: client for name, client in SLOW.items() if name != "nothing"}  # that is closed when it is idle
    with served(HTTP_REQUEST_SECONDS="1") as server, Crowd(server, list(slow.values()), pause=0.1) as crowd:
        connections = dict(zip(slow, crowd.connections, strict=True))
        until(lambda: is_closed(connections["taking the answers"]), bool)
        answers = {name: received(connection) for name, connection in connections.items()}
        until(lambda: all(is_closed(connection) for connection in crowd.connections), bool)
    for name, answer in answers.items():
        assert answer.startswith(ANSWERED_BEFORE.get(name, b"HTTP/1.1 408 ")), name
        if name not in NO_408:
            last = answer[answer.rindex(b"HTTP/1.1 ") :]
            assert last.startswith(b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/problem+json\r\n"), name
            problem = json.loads(last.partition(b"\r\n\r\n")[2])
            assert problem["detail"] == "The request had not come within 1 seconds."


def is_closed(connection: socket.socket) -> bool:
    """Tell whether the server has closed both directions of the connection: it answers with a reset then."""
    try:
        connection.send(b"x", socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False


@pytest.mark.parametrize("slow", ["nothing", "the head", "a body"])
def test_more_connections_than_there_is_room_for(slow: str) -> None:
    """If there are too many connections, the one that has waited longest is closed, and new ones are served."""
    with (
        served("--worker-connections", "64", HTTP_REQUEST_SECONDS="60") as server,
        Crowd(server, 200 * [SLOW[slow]], pause=1) as crowd,
    ):
        for _ in range(10):
            with server.client() as customer:
                assert customer.get("/readyz").status_code == 200
                assert customer.post("/orders", json=ORDER).status_code == 202
        until(lambda: is_closed(crowd.connections[0]), bool)
        assert '"level": "error"' not in server.log.read_text()


class HangingBus(FakeServiceBus):
    """A broker that accepts connections and answers nothing."""

    def get_queue_sender(self, _queue: str) -> FakeSender:
        threading.Event().wait()
        raise AssertionError


def hanging() -> Flask:
    """Build the application over a Service Bus that hangs."""
    azure = FakeAzure()
    azure.bus = HangingBus()
    return create_app(SETTINGS, azure.clients())


def test_probes_and_refusals_do_not_wait_for_azure() -> None:
    """While all threads wait for Service Bus, liveness is 200, readiness names it, and too many orders are a 503."""
    request = HEAD + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    application = "tests.unit.frontend.test_slow_clients:hanging()"
    with (
        served("--worker-connections", "64", "--graceful-timeout", "1", application=application) as server,
        Crowd(server, 48 * [(request, b"")], pause=1) as crowd,
        server.client() as prober,
    ):
        answers = [connection.recv(65536) for connection in crowd.connections[40:]]
        assert prober.get("/healthz").status_code == 200
        readiness = prober.get("/readyz")
    assert (readiness.status_code, list(readiness.json()["missing"])) == (503, ["Service Bus"])
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n")
        assert b"\r\nRetry-After: 1\r\n" in answer
        assert b"too many requests" in answer


def test_a_request_on_its_way_at_sigterm_is_answered() -> None:
    """A stopping worker waits for the rest of a request that has begun, and answers it. It closes idle connections."""
    with served() as server, server.connect() as connection, server.connect() as idle:
        connection.sendall(HEAD + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:5])
        with server.client() as client:
            client.get("/readyz")  # by now the worker has the first part
        server.process.send_signal(signal.SIGTERM)
        until(lambda: "Handling signal: term" in server.log.read_text(), bool)
        connection.sendall(BODY[5:])
        assert received(connection).startswith(b"HTTP/1.1 202 ")
        assert received(idle) == b""
        assert server.process.wait(15) == 0
        assert '"level": "error"' not in server.log.read_text()


def test_a_connection_serves_request_after_request(patient: Server) -> None:
    """Requests that come together, in pieces, or after `100 Continue` are all answered, in their order."""
    order = HEAD + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    asking = HEAD + f"Expect: 100-continue\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with patient.connect() as connection:
        connection.sendall(GET + order + chunked + SCRIPT + asking)
        answer = b""
        while b"HTTP/1.1 100 Continue\r\n\r\n" not in answer:
            answer += connection.recv(65536)
        connection.sendall(BODY)
        for byte in order + last:
            connection.send(bytes([byte]))
        answer += received(connection)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"202", b"202", b"200", b"100", b"202", b"202", b"200"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET /orders HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /orders HTTP/1.1\r\nHost: localhost\r\nX: " + 20_000 * b"x", 431),
        (b"GET /orders HTTP/1.1\r\nHost: localhost\r\nX: " + 9_000 * b"x" + b"\r\n\r\n", 431),
        (b"GET /orders HTTP/1.1\r\nHost: localhost\r\n" + 200 * b"X: x\r\n" + b"\r\n", 431),
        (b"GET /" + 9_000 * b"x" + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET /orders HTTP/1.1\nHost: localhost\n\n", 400),
        (b"GET /orders HTTP/1.1\r\nHost: localhost\r\nX: x\r\n folded\r\n\r\n", 400),
        (b"get /orders HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + 14 * (b"1;" + 15_000 * b"x" + b"\r\nx\r\n"), 413),
    ],
    ids=[
        "no HTTP",
        "no length",
        "unknown coding",
        "a head without end",
        "a long field",
        "many fields",
        "a long target",
        "bare line feeds",
        "a folded field",
        "no method",
        "two framings",
        "no chunk",
        "more extensions than body",
    ],
)
def test_what_is_no_request_is_a_problem(patient: Server, request_: bytes, status: int) -> None:
    """Bytes that are no valid HTTP get problem details, and the connection is closed."""
    head, _, body = patient.ask(request_).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize("length", [65_536, 65_537, 1_000_000], ids=["just long enough", "a byte too long", "long"])
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
def test_a_body_that_is_too_long_is_refused(patient: Server, length: int, chunked: bool) -> None:
    """A body over 64 KiB is a 413, with its length announced and in chunks."""
    body = BODY + b" " * (length - len(BODY))
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % length
    content = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9000], body[9000:])) + b"0\r\n\r\n"
    answer = patient.ask(HEAD + framing + b"\r\nConnection: close\r\n\r\n" + (content if chunked else body))
    assert answer.startswith(b"HTTP/1.1 202 " if length == 65_536 else b"HTTP/1.1 413 ")
