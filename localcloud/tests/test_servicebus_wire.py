"""The protocol itself, said by hand: order, windows, credit, drain, heartbeats, and peers that break the rules."""

import logging
import struct
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from harness.amqp_wire import Wire, message, reply_properties, request
from harness.servicebus import RunningBroker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from localcloud.servicebus.amqp.composites import read, write
from localcloud.servicebus.amqp.frames import AMQP_HEADER, SASL_FRAME, SASL_HEADER, frame
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Close,
    Coordinator,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    Rejected,
    SaslInit,
    SaslOutcome,
    Source,
    Target,
    TransactionalState,
    Transfer,
)
from localcloud.servicebus.amqp.types import Array, Symbol
from localcloud.servicebus.timeouts import Timeouts

QUEUES: dict[str, Any] = {name: {} for name in ("plain", "ids", "credit", "window", "Mixed", "transactions")}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("wire"), QUEUES, timeouts=Timeouts(idle=60.0))
    yield running
    running.close()


@pytest.fixture
def wire(broker: RunningBroker) -> Iterator[Wire]:
    one = Wire(broker)
    yield one
    one.close()


def error_of(received: Any) -> Any:
    return read(received.error)


def send(wire: Wire, handle: int, count: int, body: bytes = b"body", first: int = 1) -> None:
    for number in range(first, first + count):
        wire.send(Transfer(handle, number, str(number).encode(), 0, False), message(body))
        assert wire.expect(Disposition).first == number


def test_open_says_what_azure_says(wire: Wire) -> None:
    """Frame size, channels and idle time-out are told to the client."""
    answer = wire.open()
    assert (answer.max_frame_size, answer.channel_max, answer.idle_time_out) == (65536, 4999, 60_000)


def test_nothing_is_answered_before_open(wire: Wire) -> None:
    """A client that begins a session first is dropped without a word."""
    wire.handshake()
    wire.send(Begin(None, 0, 10, 10))
    assert wire.everything() == []


def test_other_protocols_are_told_what_is_spoken_here(wire: Wire) -> None:
    """Without the security layer, the header that was expected is the whole answer."""
    wire.raw(AMQP_HEADER)
    assert wire.header() == SASL_HEADER
    assert wire.everything() == []


def test_keys_open_nothing(wire: Wire) -> None:
    """A user name and password are refused by the security layer: tokens are the only way in."""
    wire.raw(SASL_HEADER)
    wire.header()
    wire.frame()
    wire.raw(frame(0, write(SaslInit("PLAIN", b"\x00user\x00key")), SASL_FRAME))
    outcome = wire.frame()
    assert isinstance(outcome, SaslOutcome)
    assert outcome.code == 1
    assert wire.everything() == []


def test_a_frame_over_the_agreed_size_closes_the_connection(wire: Wire) -> None:
    """It is refused from its header: its bytes are not waited for."""
    wire.open()
    wire.raw(struct.pack(">IBBH", 65_537, 2, 0, 0))
    assert error_of(wire.expect(Close)).condition == "amqp:connection:framing-error"
    assert wire.everything() == []


def test_undecodable_frames_close_the_connection(wire: Wire) -> None:
    """A billion elements of no width are answered at once, by the connection's end."""
    wire.open()
    wire.raw(frame(0, b"\x00\x53\x11\xf0" + struct.pack(">II", 5, 1_100_000_000) + b"\x45" + bytes(32)))
    assert error_of(wire.expect(Close)).condition == "amqp:decode-error"


def test_heartbeats_meet_the_clients_idle_time_out(wire: Wire) -> None:
    """A client that wants a frame every 200 ms gets one, with nothing else to say."""
    wire.open(idle_time_out=200)
    assert [wire.frame() for _ in range(3)] == [None, None, None]


def test_a_silent_client_is_closed(tmp_path: Path) -> None:
    """Twice the announced idle time-out without a frame ends a connection; a heartbeat keeps it."""
    broker = RunningBroker(tmp_path, {"plain": {}}, timeouts=Timeouts(idle=0.3))
    try:
        silent, alive = Wire(broker), Wire(broker)
        silent.open()
        alive.open()
        with ThreadPoolExecutor(1) as pool:
            closed = pool.submit(silent.expect, Close)
            while not wait([closed], timeout=0.1).done:
                alive.raw(struct.pack(">IBBH", 8, 2, 0, 0))
        assert error_of(closed.result()).condition == "amqp:connection:forced"
        alive.begin()
        silent.close()
        alive.close()
    finally:
        broker.close()


@pytest.mark.parametrize("options", [{"idle_time_out": 1}, {"max_frame_size": 100}])
def test_an_open_that_asks_for_too_much_is_closed(wire: Wire, options: dict[str, int]) -> None:
    """A heartbeat each half millisecond, frames that hold nothing: answered, then refused."""
    wire.open(**options)
    assert error_of(wire.expect(Close)).condition in ("amqp:not-allowed", "amqp:invalid-field")


def test_delivery_ids_count_per_session(wire: Wire) -> None:
    """Two sessions of one connection each begin their deliveries at 0."""
    wire.ready()
    wire.begin(1)
    wire.attach(0, "ids", receive=False)
    send(wire, 0, 2)
    for channel in (0, 1):
        wire.attach(1, "ids", receive=True, channel=channel)
        wire.credit(1, 1, channel=channel)
        delivered = wire.expect(Transfer)
        # Session 0 has one delivery behind it: the reply of $cbs.
        assert delivered.delivery_id == (1 if channel == 0 else 0)
        wire.send(Disposition(True, delivered.delivery_id or 0, None, False, Accepted()), channel=channel)
        assert isinstance(read(wire.expect(Disposition).state), Accepted)


def test_a_detach_is_answered_once(wire: Wire) -> None:
    """The client's detach gets one answer; the client's answer to a refusal gets none."""
    wire.ready()
    wire.attach(0, "plain", receive=True)
    wire.send(Detach(0, True))
    wire.send(Attach("refused", 1, True, source=Source("nowhere"), target=Target("here")))
    wire.send(Detach(1, True))
    wire.send(Close())
    answers = [one for one in wire.everything() if isinstance(one, Detach)]
    assert [(one.handle, one.error is None) for one in answers] == [(0, True), (1, False)]


def test_credit_bounds_deliveries_and_drain_uses_it_up(wire: Wire) -> None:
    """No more is sent than asked for; what a drain leaves over is given back as a delivery count."""
    wire.ready()
    wire.attach(0, "credit", receive=False)
    send(wire, 0, 3)
    wire.attach(1, "credit", receive=True, snd_settle_mode=1)
    wire.credit(1, 2)
    assert [wire.expect(Transfer).handle for _ in range(2)] == [1, 1]
    wire.credit(1, 10, count=2, drain=True)
    assert wire.expect(Transfer).settled
    drained = wire.expect(Flow)
    assert (drained.handle, drained.delivery_count, drained.link_credit, drained.drain) == (1, 12, 0, True)


def test_session_window_holds_transfers_back(wire: Wire) -> None:
    """A message of many frames goes out as far as the window reaches, and on when it opens."""
    wire.open(max_frame_size=512)
    wire.begin(0, incoming_window=1000)
    wire.put_token()
    wire.attach(0, "window", receive=False)
    send(wire, 0, 1, b"z" * 400)
    wire.begin(1, incoming_window=1)
    wire.attach(1, "window", receive=True, channel=1, snd_settle_mode=1)
    wire.send(Flow(1, 1, 0, 10, 1, 0, 5), channel=1)
    first = wire.expect(Transfer)
    payload = wire.last_payload
    assert first.more
    wire.send(Flow(2, 0, 0, 10, echo=True), channel=1)
    assert isinstance(wire.frame(), Flow), "more came than the window held"
    wire.send(Flow(2, 1, 0, 10, echo=True), channel=1)
    second = wire.expect(Transfer)
    assert not second.more
    assert Message.parse(payload + wire.last_payload).body == message(b"z" * 400)


def test_an_aborted_transfer_is_no_message(wire: Wire, broker: RunningBroker) -> None:
    """What was sent of it is forgotten."""
    wire.ready()
    wire.attach(0, "Mixed", receive=False)
    wire.send(Transfer(0, 1, b"1", 0, False, True), message(b"never"))
    wire.send(Transfer(0, 1, b"1", 0, False, False, aborted=True))
    wire.send(Transfer(0, 2, b"2", 0, False), message(b"whole"))
    assert wire.expect(Disposition).first == 2
    wire.attach(1, "mixed", receive=True, snd_settle_mode=1)
    wire.credit(1, 5)
    wire.expect(Transfer)
    assert Message.parse(wire.last_payload).body == message(b"whole")


def test_a_transfer_that_is_no_message_is_rejected(wire: Wire) -> None:
    """The sender is told, and the link goes on."""
    wire.ready()
    wire.attach(0, "plain", receive=False)
    wire.send(Transfer(0, 1, b"1", 0, False), b"not a message")
    outcome = read(wire.expect(Disposition).state)
    assert isinstance(outcome, Rejected)
    assert error_of(outcome).condition == "amqp:decode-error"
    send(wire, 0, 1, first=2)


def test_a_message_over_the_limit_is_rejected(wire: Wire) -> None:
    """The limit is told at attach; what exceeds it is rejected at its end, and the link goes on."""
    wire.ready()
    assert wire.attach(0, "plain", receive=False).max_message_size == 256 * 1024
    for place in range(6):
        wire.send(Transfer(0, 1, b"1", 0, False, place < 5), bytes(60_000))
    outcome = read(wire.expect(Disposition).state)
    assert error_of(outcome).condition == "amqp:link:message-size-exceeded"
    send(wire, 0, 1, first=2)


def test_a_handle_that_nobody_attached_ends_the_session(wire: Wire) -> None:
    """The session ends with the error, and frames that were under way are dropped until the client ends it too."""
    wire.open()
    wire.begin()
    wire.send(Transfer(9, 0, b"1", 0, False), message())
    assert error_of(wire.expect(End)).condition == "amqp:session:unattached-handle"
    wire.send(Transfer(9, 1, b"2", 0, False), message())
    wire.send(End())
    wire.begin()


def test_a_disposition_over_four_billion_deliveries_costs_nothing(wire: Wire) -> None:
    """A range is matched with the deliveries that exist."""
    wire.ready()
    wire.send(Disposition(True, 0, 0xFFFFFFFF, False, Accepted()))
    assert wire.attach(0, "plain", receive=False).target is not None


def test_replies_go_to_the_link_that_reply_to_names(wire: Wire) -> None:
    """Two links take replies of one node; each reply comes on the one that its request asked for."""
    wire.ready()
    wire.attach(0, "plain/$management", receive=False)
    for handle, name in ((1, "first"), (2, "second")):
        wire.attach(handle, "plain/$management", receive=True, reply_to=name)
        wire.credit(handle, 5)
    for handle, name in ((1, "first"), (2, "second")):
        wire.send(Transfer(0, handle, b"1", 0, True), request({"operation": "com.microsoft:no-such"}, {}, name))
        assert wire.expect(Transfer).handle == handle
        properties = reply_properties(wire.last_payload)
        assert (properties["statusCode"], properties["errorCondition"]) == (501, "amqp:not-implemented")


def test_what_is_not_done_is_refused_in_words(wire: Wire) -> None:
    """Sessions on a queue that requires none, a transaction's coordinator, sending into a dead-letter sub-queue."""
    wire.ready()
    filters = Source("plain", filter={Symbol("com.microsoft:session-filter"): "s"})
    for handle, attach in enumerate(
        (
            Attach("session", 0, True, source=filters, target=Target("t")),
            Attach(
                "transaction", 1, False, source=Source("x"), target=Coordinator([Symbol("amqp:local-transactions")])
            ),
            Attach("dead letter", 2, False, source=Source("x"), target=Target("plain/$deadletterqueue")),
        )
    ):
        wire.send(attach)
        answer = wire.expect(Attach)
        assert (answer.source, answer.target) == (None, None)
        refused = wire.expect(Detach)
        assert refused.handle == handle
        assert error_of(refused).condition in ("amqp:not-allowed", "amqp:not-implemented")
        assert error_of(refused).description


@pytest.mark.parametrize("settled", [False, True])
def test_work_in_a_transaction_is_refused_in_words(wire: Wire, settled: bool) -> None:
    """Nothing of it is done: no message is stored, none is settled, and the links go on."""
    wire.ready()
    in_transaction = TransactionalState(b"1")
    wire.attach(0, "transactions", receive=False)
    wire.send(Transfer(0, 1, b"1", 0, settled, state=in_transaction), message(b"in a transaction"))
    wire.send(Transfer(0, 2, b"2", 0, False), message(b"outside"))
    dispositions = [wire.expect(Disposition) for _ in range(1 if settled else 2)]
    assert dispositions[-1].first == 2
    if not settled:
        assert error_of(read(dispositions[0].state)).condition == "amqp:not-implemented"
        assert "Transactions are not implemented" in error_of(read(dispositions[0].state)).description
    wire.attach(1, "transactions", receive=True)
    wire.credit(1, 1)
    delivered = wire.expect(Transfer)
    assert Message.parse(wire.last_payload).body == message(b"outside")
    number = delivered.delivery_id or 0
    wire.send(Disposition(True, number, None, False, TransactionalState(b"1", Accepted())))
    assert error_of(read(wire.expect(Disposition).state)).condition == "amqp:not-implemented"
    wire.attach(2, "transactions/$management", receive=False)
    wire.attach(3, "transactions/$management", receive=True, reply_to="r")
    wire.credit(3, 1)
    body = {"lock-tokens": Array(0x98, [uuid.UUID(bytes_le=delivered.delivery_tag or b"")])}
    settle = request({"operation": "com.microsoft:update-disposition"}, body | {"disposition-status": "completed"}, "r")
    wire.send(Transfer(2, 3, b"3", 0, False, state=in_transaction), settle)
    assert error_of(read(wire.expect(Disposition).state)).condition == "amqp:not-implemented"
    wire.send(Transfer(2, 4, b"4", 0, True), settle)
    wire.expect(Transfer)
    assert reply_properties(wire.last_payload)["statusCode"] == 200


STAGES = ("nothing", "header", "session", "links")
OPENING = frame(0, write(Open("fuzz"))) + frame(0, write(Begin(None, 0, 100, 100)))
FRAMES = st.lists(
    st.one_of(
        st.binary(max_size=64),
        st.builds(
            lambda code, rest: frame(0, bytes((0, 0x53, code)) + rest), st.integers(0x10, 0x18), st.binary(max_size=48)
        ),
        st.builds(lambda body: frame(0, body)[:-1], st.binary(min_size=1, max_size=20)),
        st.sampled_from(
            [
                frame(0, write(Attach("l", 0, False, None, None, None, None))),
                frame(0, write(Transfer(0, 0, b"0", 0, False)) + b"\x00\x53\x75\xa0\x01a"),
                frame(0, write(Flow(0, 1, 0, 1, 0, 0, 5, None, True, True))),
                frame(0, write(Flow(None, 9, 0, 9, 1, 0, 5))),
                frame(0, write(Disposition(True, 0, 9, False, Accepted()))),
                frame(0, write(Detach(0))),
                frame(0, write(End())),
            ]
        ),
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(STAGES), FRAMES)
def test_no_bytes_harm_the_broker(
    broker: RunningBroker, caplog: pytest.LogCaptureFixture, stage: str, octets: list[bytes]
) -> None:
    """Whatever a peer sends, and wherever it stops, the broker neither fails nor hangs, and serves the next one."""
    with caplog.at_level(logging.ERROR):
        wire = Wire(broker)
        if stage in ("header", "session"):
            wire.handshake()
        if stage == "session":
            wire.raw(OPENING)
        if stage == "links":
            wire.ready()
            wire.attach(0, "plain", receive=False)
            wire.attach(1, "plain", receive=True)
        try:
            for some in octets:
                wire.raw(some)
        except OSError:
            pass  # the broker had closed by then
        wire.close()
        after = Wire(broker, timeout=2)
        after.open()
        after.close()
    assert caplog.records == []
