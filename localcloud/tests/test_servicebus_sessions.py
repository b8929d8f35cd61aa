"""Sessions, said by hand: the ends of locks, receivers that wait, and requests that only the session's holder may make.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response#session-operations
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness.amqp_wire import Wire, request
from harness.servicebus import RunningBroker, access_model, until
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.encoder import encode
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.performatives import (
    Attach,
    Detach,
    Disposition,
    Flow,
    Released,
    Source,
    Target,
    Transfer,
)
from localcloud.servicebus.amqp.types import Array, Described, Int, Symbol, Timestamp, UInt, ULong

SESSION = Symbol("com.microsoft:session-filter")
END_OF_TIME = Timestamp.at(math.inf)
QUEUES: dict[str, dict[str, Any]] = {
    name: {"requiresSession": True, "lockDuration": "PT30S", "maxDeliveryCount": 2}
    for name in ("lost", "waiting", "gone", "left", "asked", "listed", "kept", "large", "peeked", "revoked", "credit")
}


class Clock:
    """Goes on by itself, and further when it is told to."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("sessions"), QUEUES | {"plain": {}}, clock=clock)
    yield running
    running.close()


@pytest.fixture
def connect(broker: RunningBroker) -> Iterator[Callable[[], Wire]]:
    """Makes connections that hold a token."""
    wires: list[Wire] = []

    def made() -> Wire:
        wires.append(wire := Wire(broker))
        wire.ready()
        return wire

    yield made
    for wire in wires:
        wire.close()


def send(wire: Wire, queue: str, *bodies: str) -> None:
    """Sends messages whose session is their first character."""
    wire.attach(50, queue, receive=False)
    for number, body in enumerate(bodies):
        properties = [*[None] * 10, body[0]]
        sections = (0x73, properties), (0x75, body.encode())
        payload = b"".join(encode(Described(ULong(code), value)) for code, value in sections)
        wire.send(Transfer(50, 1000 + number, str(number).encode(), 0, False), payload)
        assert wire.expect(Disposition).state.descriptor == 0x24
    wire.send(Detach(50, True))
    wire.expect(Detach)


def accept(wire: Wire, queue: str, session: Any, handle: int = 0, **options: Any) -> None:
    """Asks for a session; the answer is awaited by the caller."""
    source = Source(queue, filter={SESSION: session})
    wire.send(Attach(f"receiver-{handle}", handle, True, source=source, target=Target("here"), **options))


def ask(wire: Wire, queue: str, operation: str, body: dict[str, Any]) -> tuple[int, Any, dict[Any, Any]]:
    """A request of a management node: the reply's status, condition and body."""
    wire.attach(90, f"{queue}/$management", receive=False)
    wire.attach(91, f"{queue}/$management", receive=True, reply_to="r")
    wire.credit(91, 1)
    wire.send(Transfer(90, 5000, b"1", 0, True), request({"operation": f"com.microsoft:{operation}"}, body, "r"))
    wire.expect(Transfer)
    reply = Message.parse(wire.last_payload)
    properties = reply.application_property_values()
    for handle in (90, 91):
        wire.send(Detach(handle, True))
        wire.expect(Detach)
    return properties["statusCode"], properties.get("errorCondition"), reply.body_value()


def body_of(wire: Wire) -> bytes:
    """The body of the next message."""
    wire.expect(Transfer)
    return Message.parse(wire.last_payload).body[5:]


def test_the_answer_says_which_session_and_how_long(connect: Callable[[], Wire], clock: Clock) -> None:
    """The filter holds the session's id, and a property the end of its lock, in ticks since the year 1."""
    wire = connect()
    accept(wire, "asked", Described(SESSION, "a"))  # as the Java SDK writes it
    answer = wire.expect(Attach)
    assert read(answer.source).filter == {SESSION: "a"}  # type: ignore[attr-defined]
    ticks = (answer.properties or {})[Symbol("com.microsoft:locked-until-utc")]
    assert 28 < (ticks - 621_355_968_000_000_000) / 10_000_000 - clock() < 31


@pytest.mark.parametrize("session", [7, ["a"], "x" * 129])
def test_a_filter_that_names_no_session_is_refused(connect: Callable[[], Wire], session: Any) -> None:
    """It is null or a session id."""
    wire = connect()
    accept(wire, "asked", session)
    assert wire.expect(Attach).source is None
    assert read(wire.expect(Detach).error).condition == "amqp:invalid-field"  # type: ignore[attr-defined]


def test_a_lock_that_ends_detaches_its_receiver(connect: Callable[[], Wire], clock: Clock) -> None:
    """The messages are available again, their deliveries counted; the last is followed by the dead letters."""
    wire = connect()
    send(wire, "lost", "a1")
    for count in range(2):
        accept(wire, "lost", "a", handle=count)
        wire.expect(Attach)
        wire.credit(count, 1)
        wire.expect(Transfer)
        assert Message.parse(wire.last_payload).header == encode([None, None, None, None, UInt(count)])
        clock.ahead += 31
        connect()
        lost = wire.expect(Detach)
        assert (lost.handle, read(lost.error).condition) == (count, "com.microsoft:session-lock-lost")  # type: ignore[attr-defined]
        wire.send(Detach(count, True))
    wire.attach(9, "lost/$DeadLetterQueue", receive=True, snd_settle_mode=1)
    wire.credit(9, 1)
    assert body_of(wire) == b"a1"


def test_a_renewed_lock_holds(connect: Callable[[], Wire], clock: Clock) -> None:
    """For the time that it has from the beginning, counted anew."""
    wire = connect()
    accept(wire, "kept", "a")
    wire.expect(Attach)
    clock.ahead += 20
    status, _, body = ask(wire, "kept", "renew-session-lock", {"session-id": "a"})
    assert (status, 28_000 < body["expiration"] - clock() * 1000 < 31_000) == (200, True)
    clock.ahead += 20
    assert ask(wire, "kept", "get-session-state", {"session-id": "a"})[0] == 200


def test_a_waiting_receiver_gets_the_session_of_one_that_is_gone(connect: Callable[[], Wire]) -> None:
    """A connection that breaks off gives its sessions back at once, and the receiver that waits gets the next."""
    holder, waiting = connect(), connect()
    send(holder, "gone", "a1")
    accept(holder, "gone", "a")
    holder.expect(Attach)
    holder.credit(0, 1)
    assert body_of(holder) == b"a1"
    accept(waiting, "gone", None, snd_settle_mode=1)
    waiting.credit(0, 1)  # before the answer
    waiting.send(Flow(0, 1000, 0, 1000, echo=True))
    waiting.expect(Flow)
    holder.close()
    assert read(waiting.expect(Attach).source).filter == {SESSION: "a"}  # type: ignore[attr-defined]
    assert body_of(waiting) == b"a1"


def test_a_receiver_waits_as_long_as_it_says(connect: Callable[[], Wire], clock: Clock) -> None:
    """By `com.microsoft:timeout` among its properties; then it is refused with `com.microsoft:timeout`."""
    wire = connect()
    accept(wire, "waiting", None, properties={Symbol("com.microsoft:timeout"): UInt(20_000)})
    wire.send(Flow(0, 1000, 0, 1000, echo=True))
    wire.expect(Flow)
    clock.ahead += 21
    connect()
    assert wire.expect(Attach).source is None
    assert read(wire.expect(Detach).error).condition == "com.microsoft:timeout"  # type: ignore[attr-defined]


def test_a_receiver_may_stop_waiting(connect: Callable[[], Wire]) -> None:
    """Its detach is answered, and the session goes to the next one."""
    wire = connect()
    accept(wire, "left", None)
    wire.send(Detach(0, True))
    assert wire.expect(Attach).source is None
    assert wire.expect(Detach).error is None
    accept(wire, "left", None, handle=1)
    send(wire, "left", "a1")
    wire.credit(1, 1)
    assert body_of(wire) == b"a1"


def test_a_receiver_that_lost_its_right_while_it_waited_gets_no_session(
    connect: Callable[[], Wire], broker: RunningBroker
) -> None:
    """It is refused when the session is there, and the next one gets it."""
    wire, other = connect(), connect()
    accept(wire, "revoked", None)
    wire.send(Flow(0, 1000, 0, 1000, echo=True))
    wire.expect(Flow)
    sender = Wire(broker)
    sender.ready("sender")
    try:
        broker.model = access_model(QUEUES, both=[])
        send(sender, "revoked", "a1")
        assert wire.expect(Attach).source is None
        assert read(wire.expect(Detach).error).condition == "amqp:unauthorized-access"  # type: ignore[attr-defined]
    finally:
        broker.model = access_model(QUEUES | {"plain": {}})
    accept(other, "revoked", None)
    assert read(other.expect(Attach).source).filter == {SESSION: "a"}  # type: ignore[attr-defined]
    sender.close()


OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    ("renew-session-lock", {}),
    ("get-session-state", {}),
    ("set-session-state", {"session-state": b"x"}),
    ("receive-by-sequence-number", {"sequence-numbers": Array(0x81, [1]), "receiver-settle-mode": 1}),
    ("update-disposition", {"disposition-status": "completed", "lock-tokens": Array(0x98, [])}),
]


@pytest.mark.parametrize(("operation", "body"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_only_the_holder_of_a_session_asks_for_it(
    connect: Callable[[], Wire], operation: str, body: dict[str, Any]
) -> None:
    """A connection that does not hold the lock is told that it is lost, whether another holds it or none does."""
    holder, other = connect(), connect()
    accept(holder, "asked", "h")
    holder.expect(Attach)
    for session in ("h", "free"):
        status, condition, _ = ask(other, "asked", operation, {"session-id": session, **body})
        assert (status, condition) == (410, "com.microsoft:session-lock-lost")
    assert ask(other, "asked", operation, body)[1] == "amqp:invalid-field"
    if "session" in operation:
        status, condition, _ = ask(other, "plain", operation, {"session-id": "h", **body})
        assert (status, condition) == (400, "amqp:not-allowed")


def test_sessions_are_listed(connect: Callable[[], Wire], clock: Clock) -> None:
    """Those with messages for the end of all time; for an earlier time those whose state was set after it, by pages."""
    wire = connect()
    send(wire, "listed", "b1", "a1", "a2", "c1")
    everything = {"last-updated-time": END_OF_TIME, "skip": Int(0), "top": Int(9)}
    body = ask(wire, "listed", "get-message-sessions", everything)[2]
    assert (list(body["sessions-ids"]), body["skip"]) == (["a", "b", "c"], 3)
    page = ask(wire, "listed", "get-message-sessions", everything | {"skip": Int(1), "top": Int(1)})[2]
    assert (list(page["sessions-ids"]), page["skip"]) == (["b"], 2)
    assert ask(wire, "listed", "get-message-sessions", everything | {"skip": Int(3)})[0] == 204
    before = Timestamp.at(clock() - 1)
    accept(wire, "listed", "d")
    wire.expect(Attach)
    ask(wire, "listed", "set-session-state", {"session-id": "d", "session-state": b"x"})
    since = everything | {"last-updated-time": before}
    assert list(ask(wire, "listed", "get-message-sessions", since)[2]["sessions-ids"]) == ["d"]
    assert ask(wire, "listed", "get-message-sessions", since | {"skip": Int(-1)})[0] == 400


def test_a_state_has_the_size_of_a_message(connect: Callable[[], Wire]) -> None:
    """256 KB; the message that carries the request is bounded by the same."""
    wire = connect()
    accept(wire, "large", "a")
    wire.expect(Attach)
    assert ask(wire, "large", "set-session-state", {"session-id": "a", "session-state": bytes(50_000)})[0] == 200
    assert ask(wire, "large", "get-session-state", {"session-id": "a"})[2]["session-state"] == bytes(50_000)


def test_peek_without_a_session_shows_all(connect: Callable[[], Wire]) -> None:
    """Of a queue that requires them too: peeking locks nothing."""
    wire = connect()
    send(wire, "peeked", "a1", "b1")
    body = {"from-sequence-number": 0, "message-count": Int(9)}
    assert len(ask(wire, "peeked", "peek-message", body)[2]["messages"]) == 2
    assert len(ask(wire, "peeked", "peek-message", body | {"session-id": "b"})[2]["messages"]) == 1


def test_a_released_message_stays_in_its_session(connect: Callable[[], Wire]) -> None:
    """It is the next to come, and no delivery is counted."""
    wire = connect()
    send(wire, "credit", "a1", "a2")
    accept(wire, "credit", "a")
    wire.expect(Attach)
    wire.credit(0, 1)
    first = wire.expect(Transfer)
    wire.send(Disposition(True, first.delivery_id or 0, None, False, Released()))
    wire.expect(Disposition)
    wire.credit(0, 2, count=1)
    assert [body_of(wire), body_of(wire)] == [b"a1", b"a2"]


def test_states_and_messages_of_sessions_survive_a_restart(broker: RunningBroker) -> None:
    """Locks end; what was locked comes again in its session, with its delivery counted."""
    wire = Wire(broker)
    wire.ready()
    send(wire, "kept", "z1")
    accept(wire, "kept", "z")
    wire.expect(Attach)
    ask(wire, "kept", "set-session-state", {"session-id": "z", "session-state": b"kept"})
    wire.credit(0, 1)
    wire.expect(Transfer)
    broker.restart()
    until(lambda: broker.connections() == 0)
    wire = Wire(broker)
    wire.ready()
    accept(wire, "kept", "z")
    wire.expect(Attach)
    assert ask(wire, "kept", "get-session-state", {"session-id": "z"})[2] == {"session-state": b"kept"}
    wire.credit(0, 1)
    assert body_of(wire) == b"z1"
    wire.close()
