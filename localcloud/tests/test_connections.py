"""What connections may cost: how many there are, how long they may say nothing, and what they leave behind."""

import gc
import re
import socket
import ssl
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from harness.amqp_wire import Wire, message, request
from harness.servicebus import NAMESPACE, RunningBroker, until
from localcloud.network import http_server
from localcloud.network.http_server import HttpServer
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    Flow,
    Source,
    Target,
    Transfer,
)
from localcloud.servicebus.limits import BEFORE_TOKEN, LONGEST_NAME, MOST_UNSETTLED
from localcloud.servicebus.timeouts import Timeouts

MANY = 1_000_000


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application that reads a request and says ok."""
    while scope["type"] == "http" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Ends:
    """A broker and an HTTPS server, and ways to connect to each."""

    def __init__(self, broker: RunningBroker, https: HttpServer) -> None:
        self.broker = broker
        self.https = https
        self._client = ssl.create_default_context(cafile=broker.ca_bundle)

    def tcp(self, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=5)

    def tls(self, port: int) -> ssl.SSLSocket:
        return self._client.wrap_socket(self.tcp(port), server_hostname=NAMESPACE)

    def open(self) -> int:
        """How many connections both servers hold."""
        assert self.https._server is not None
        return self.broker.connections() + len(self.https._server.server_state.connections)


@contextmanager
def ends(folder: Path, most: int = 512, **options: Any) -> Iterator[Ends]:
    broker = RunningBroker(folder, {"plain": {}}, most_connections=most, **options)
    https = HttpServer("HTTPS", "127.0.0.1", 0, most)
    broker.run(https.serve(answer, broker._tls))
    try:
        yield Ends(broker, https)
    finally:
        broker.run(https.close())
        broker.close()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ends]:
    with ends(tmp_path_factory.mktemp("connections")) as running:
        yield running


def closed(connection: socket.socket) -> bool:
    """Whether the other end closes without a word."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def idle_amqp(ends: Ends) -> None:
    ends.tls(ends.broker.port).close()


def opened_amqp(ends: Ends) -> None:
    wire = Wire(ends.broker)
    wire.open()
    wire.close()


def attached_amqp(ends: Ends) -> None:
    wire = Wire(ends.broker)
    wire.ready()
    wire.attach(1, "plain", receive=True)
    wire.attach(2, "plain/$management", receive=True)
    wire.close()


def closed_amqp(ends: Ends) -> None:
    wire = Wire(ends.broker)
    wire.ready()
    wire.send(Close())
    wire.everything()
    wire.close()


def plain_text(ends: Ends) -> None:
    with ends.tcp(ends.broker.port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert closed(connection)


def nothing_at_all(ends: Ends) -> None:
    ends.tcp(ends.broker.port).close()


def idle_https(ends: Ends) -> None:
    ends.tls(ends.https.port).close()


def answered_https(ends: Ends) -> None:
    with ends.tls(ends.https.port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with connection.makefile("rb") as reader:
            assert b"ok" in iter(lambda: reader.read(2), b"")


def half_https(ends: Ends) -> None:
    with ends.tls(ends.https.port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")


WAYS = (
    idle_amqp,
    opened_amqp,
    attached_amqp,
    closed_amqp,
    plain_text,
    nothing_at_all,
    idle_https,
    answered_https,
    half_https,
)


@pytest.mark.parametrize("connect", WAYS, ids=lambda way: way.__name__)
def test_a_connection_that_ends_leaves_nothing(both: Ends, connect: Callable[[Ends], None]) -> None:
    """However it ends, its buffers (a quarter of a megabyte) are free at once, and not whenever the collector runs."""
    connect(both)  # what is made once is made now
    until(lambda: both.open() == 0)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            connect(both)
        until(lambda: both.open() == 0 and tracemalloc.get_traced_memory()[0] - before < 20 * 20_000)
    finally:
        tracemalloc.stop()
        gc.enable()


@pytest.mark.parametrize("kind", ["AMQP", "HTTPS"])
def test_beyond_so_many_connections_each_is_closed(tmp_path: Path, kind: str) -> None:
    """Unread, those in their handshake counted as well; what was there before goes on, and one that ends makes room."""
    with ends(tmp_path, most=4) as few:
        port = few.broker.port if kind == "AMQP" else few.https.port
        held: list[socket.socket] = [*(few.tls(port) for _ in range(3)), few.tcp(port)]
        until(lambda: few.open() == 3)
        for _ in range(3):
            with few.tcp(port) as one_too_many:
                assert closed(one_too_many)
        held.pop().close()

        def accepted() -> bool:
            try:
                held.append(few.tls(port))
            except OSError:
                return False
            return True

        until(accepted)
        for connection in held:
            connection.close()


def test_an_amqp_connection_has_so_much_time_for_each_step(tmp_path: Path) -> None:
    """For the handshake, for its open and for a token; heartbeats do not count, and a token ends the wait."""
    short = Timeouts(handshake=0.5, open=0.5, token=1.5)
    with ends(tmp_path, timeouts=short) as impatient:
        broker = impatient.broker
        with impatient.tcp(broker.port) as silent, impatient.tls(broker.port) as unopened:
            assert closed(silent)
            assert closed(unopened)
        stranger, known = Wire(broker), Wire(broker)
        known.ready()
        stranger.open(idle_time_out=200)
        refused = read(stranger.expect(Close).error)
        assert refused.condition == "amqp:connection:forced"  # type: ignore[attr-defined]
        assert "inactive for more than the allowed 1500 milliseconds" in refused.description  # type: ignore[attr-defined]
        assert known.attach(1, "plain", receive=True).source is not None
        stranger.close()
        known.close()


GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
SLOW = {  # what a client sends at first, what it sends again and again, and the statuses that it reads
    "nothing": (b"", b"", []),
    "blank lines": (b"", b"\r\n", []),
    "a part of a line": (b"GET / HT", b"", [408]),
    "a part of a head": (GET, b"", [408]),
    "a header of many parts": (GET + b"X: ", b"x", [408]),
    "many headers": (GET, b"X: x\r\n", [408]),
    "a part of a body": (POST + b"Content-Length: 9\r\n\r\nhalf", b"", [408]),
    "trailers": (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"X: x\r\n", [408]),
    "blank lines after an answer": (GET + b"\r\n", b"\r\n", [200]),
    "a second request in parts": (GET + b"\r\n" + GET, b"X: x\r\n", [200, 408]),
}


@pytest.mark.parametrize("case", SLOW)
def test_an_http_request_must_come_in_time(
    both: Ends, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    """A request that does not come whole in time is a 408, however often a part comes; the connection is closed."""
    monkeypatch.setattr(http_server, "HEAD_TIMEOUT", 0.5)
    monkeypatch.setattr(http_server, "BODY_TIMEOUT", 0.5)
    first, again, statuses = SLOW[case]
    with both.tls(both.https.port) as slow:
        slow.sendall(first)
        assert [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", all_read(slow, again))] == statuses
    assert caplog.records == []


def all_read(connection: socket.socket, again: bytes) -> bytes:
    """What comes until the other end closes; `again` is sent every 50 ms until then."""
    received = b""
    connection.settimeout(0.05)
    with suppress(ConnectionError):
        for _ in range(200):
            try:
                part = connection.recv(4096)
            except TimeoutError:
                connection.sendall(again)
                continue
            if not part:
                return received
            received += part
        pytest.fail("the connection is still open")
    return received


def held_by(connection: Callable[[], None]) -> int:
    """The bytes that the process holds more after this than before."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        connection()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def begin_sessions(wire: Wire) -> None:
    for channel in range(BEFORE_TOKEN.sessions):
        wire.begin(channel)
    wire.send(Begin(None, 0, 1000, 1000), channel=BEFORE_TOKEN.sessions)


def attach_links(wire: Wire) -> None:
    wire.begin()
    for handle in range(BEFORE_TOKEN.links):
        wire.attach(handle, "$cbs", receive=bool(handle % 2), reply_to="r" * LONGEST_NAME)
    wire.send(Attach("one too many", 200, True, source=Source("$cbs"), target=Target("r")))


def attach_refused_links(wire: Wire) -> None:
    wire.begin()
    for handle in range(BEFORE_TOKEN.links):
        wire.attach(handle, "plain", receive=True)  # refused, and its detach is never answered
    wire.send(Attach("one too many", 200, True, source=Source("$cbs"), target=Target("r")))


@pytest.mark.parametrize(
    "attack", [begin_sessions, attach_links, attach_refused_links], ids=lambda attack: attack.__name__
)
def test_a_stranger_may_hold_few_handles(both: Ends, attack: Callable[[Wire], None]) -> None:
    """Before a token, a connection that begins or attaches without end is closed with Azure's own error."""
    wire = Wire(both.broker)
    wire.open()
    assert held_by(lambda: attack(wire)) < 1_000_000
    refused: Any = read(wire.expect(Close).error)
    assert refused.condition == "amqp:resource-limit-exceeded"
    assert refused.description == "Cannot allocate more handles. The maximum number of handles is 64."
    assert not wire.everything()
    wire.close()


def test_a_known_client_may_hold_many(both: Ends) -> None:
    """With a token, a session has its 256 links and a connection its many sessions."""
    wire = Wire(both.broker)
    wire.ready()
    for channel in range(1, 200):
        wire.begin(channel)
    for handle in range(256):
        if handle not in (100, 101):
            assert wire.attach(handle, "plain", receive=False).target is not None
    wire.close()


def condition_of(disposition: Disposition) -> str:
    rejected: Any = read(disposition.state)
    error: Any = read(rejected.error)
    return str(error.condition)


def test_what_a_stranger_sends_in_parts_is_bounded(both: Ends) -> None:
    """Messages without an end, on as many links as there may be, cost less than a megabyte, their empty parts too."""
    wire = Wire(both.broker)
    wire.open()

    def attack() -> None:
        for channel in range(10):
            wire.begin(channel)
            for handle in range(5):
                wire.attach(handle, "$cbs", receive=False, channel=channel)
                for _ in range(8):
                    wire.send(Transfer(handle, 1, b"t" * 30_000, 0, False, True), bytes(30_000), channel)
                for _ in range(200):
                    wire.send(Transfer(handle, 1, b"", 0, False, True), b"", channel)
            wire.attach(9, "$cbs", receive=True, channel=channel)  # its answer shows that all of it was read

    assert held_by(attack) < 1_000_000
    wire.send(Transfer(4, 1, b"", 0, False), b"the end", channel=9)
    assert condition_of(wire.expect(Disposition)) == "com.microsoft:server-busy"
    wire.close()


def test_what_a_stranger_leaves_waiting_is_bounded(both: Ends) -> None:
    """Requests whose answers it gives no credit for are refused from some on, and an address has a length."""
    wire = Wire(both.broker)
    wire.open()
    wire.begin()
    wire.attach(0, "$cbs", receive=False)
    wire.attach(1, "$cbs", receive=True, reply_to="r")
    asked = request({"operation": "put-token", "type": "jwt", "name": "x"}, "no token", "r")

    def attack() -> None:
        for number in range(999):
            wire.send(Transfer(0, number, b"", 0, True), asked)
        wire.send(Transfer(0, 999, b"", 0, False), asked)
        assert condition_of(wire.expect(Disposition)) == "amqp:resource-limit-exceeded"

    assert held_by(attack) < 1_000_000
    wire.credit(1, 1)
    wire.expect(Transfer)
    wire.attach(2, "$cbs", receive=True, reply_to="r" * 60_000)
    refused: Any = read(wire.expect(Detach).error)
    assert refused.condition == "amqp:invalid-field"
    wire.close()


def wide(wire: Wire) -> Wire:
    """Opened, begun and authenticated, with room for a million transfers."""
    wire.open()
    wire.begin(0, incoming_window=MANY)
    assert wire.put_token()["status-code"] == 202
    return wire


def test_a_peer_that_does_not_read_is_not_read(both: Ends) -> None:
    """It can ask as often as it likes: what the broker keeps for it does not grow, and others are served."""
    sender, wire = wide(Wire(both.broker)), wide(Wire(both.broker, timeout=1))
    sender.attach(0, "plain", receive=False)
    for number in range(1, 21):
        sender.send(Transfer(0, number, b"1", 0, False), message(bytes(50_000)))
        sender.expect(Disposition)
    wire.attach(0, "plain/$management", receive=False)
    wire.attach(1, "plain/$management", receive=True, reply_to="r")
    wire.send(Flow(0, MANY, 0, MANY, 1, 0, MANY))
    peek = request({"operation": "com.microsoft:peek-message"}, {"from-sequence-number": 1, "message-count": 5}, "r")

    def attack() -> None:
        with suppress(TimeoutError):
            for number in range(MANY):  # until the system's own buffers are full
                wire.send(Transfer(0, number & 0xFFFF, b"", 0, True), peek)
            raise AssertionError("it was read without end")

    assert held_by(attack) < 3_000_000
    sender.send(Transfer(0, 30, b"1", 0, False), message(b"others"))
    sender.expect(Disposition)
    for one in (wire, sender):
        one.close()


def test_deliveries_without_an_outcome_are_bounded(tmp_path: Path) -> None:
    """A session has 5,000 messages unsettled and no more; with one that it settles, the next comes."""
    with ends(tmp_path) as own:
        sender, receiver = wide(Wire(own.broker)), wide(Wire(own.broker))
        sender.attach(0, "plain", receive=False)
        for number in range(1, MOST_UNSETTLED + 3):
            sender.send(Transfer(0, number, b"1", 0, number % 500 != 0), message(b"x"))
            if number % 500 == 0:
                sender.expect(Disposition)
        receiver.attach(0, "plain", receive=True)
        receiver.send(Flow(0, MANY, 0, MANY, 0, 0, MANY))
        numbers = [receiver.expect(Transfer).delivery_id for _ in range(MOST_UNSETTLED)]
        receiver.send(Flow(0, MANY, 0, MANY, echo=True))
        assert isinstance(receiver.frame(), Flow), "another delivery came before the answer"
        receiver.send(Disposition(True, numbers[7] or 0, None, True, Accepted()))
        assert receiver.expect(Transfer).delivery_id not in numbers
        for wire in (sender, receiver):
            wire.close()
