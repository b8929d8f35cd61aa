"""Messages as no Python client sends them: every section is carried byte for byte, and harms no other client."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from harness.amqp_wire import Wire, reply_properties, request
from harness.servicebus import RunningBroker, one_of
from localcloud.servicebus.amqp.encoder import encode, encode_list, encode_map
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.performatives import Accepted, Disposition, Modified, Rejected, Transfer
from localcloud.servicebus.amqp.performatives import Error as AmqpErrorOnTheWire
from localcloud.servicebus.amqp.structure import is_compound
from localcloud.servicebus.amqp.types import Symbol, Timestamp

CREATION_TIME = 9  # its place in the properties; a broker does not look at it
VALUES = {
    "null": b"\x40",
    "boolean in a byte": b"\x56\x01",
    "ubyte": b"\x50\xff",
    "short": b"\x61\xff\xff",
    "float that is no number": b"\x72\x7f\xc0\x00\x00",
    "decimal32": b"\x74" + bytes(4),
    "decimal64": b"\x84" + bytes(range(8)),
    "decimal128": b"\x94" + bytes(range(16)),
    "char": b"\x73\x00\x01\xf6\x00",
    "timestamp at its end": b"\x83" + b"\x7f" + b"\xff" * 7,
    "long form of a short text": b"\xb1\x00\x00\x00\x01a",
    "described": b"\x00\xa3\x0bcom:strange\xa1\x01x",
    "array of described": b"\xe0\x08\x02\x00\x53\x01\xa1\x01a\x00",
    "array of arrays": b"\xe0\x08\x02\xe0\x02\x01\x41\x02\x01\x42",
    "array without bytes": b"\xe0\x02\x03\x41",
    "map in a map": encode({"a": {}}),
    "200 deep": b"\x00\x53\x01" * 200 + b"\x40",
    "2,000 deep": b"\x00\x53\x01" * 2_000 + b"\x40",
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    queues: dict[str, dict[str, Any]] = {"plain": {"duplicateDetectionHistoryTimeWindow": "PT1M"}, "far": {}}
    running = RunningBroker(tmp_path_factory.mktemp("opaque"), queues)
    yield running
    running.close()


@pytest.fixture
def wire(broker: RunningBroker, caplog: pytest.LogCaptureFixture) -> Iterator[Wire]:
    with caplog.at_level(logging.WARNING):
        one = Wire(broker)
        one.ready()
        yield one
        one.close()
    assert caplog.get_records("call") == []


def strange(value: bytes) -> bytes:
    """A message with this value in every section that may hold it: application properties are simple."""
    table = encode_map([b"\xa3\x01k" + value])
    fields = encode_list([*[b"\x40"] * CREATION_TIME, value])
    sections = {0x70: encode_list([b"\x41", value]), 0x72: table, 0x73: fields}
    if not is_compound(value):
        sections[0x74] = encode_map([b"\xa1\x01k" + value])
    return (
        b"".join(b"\x00\x53" + bytes([code]) + section for code, section in sections.items())
        + (b"\x00\x53\x77" + value)
        + (b"\x00\x53\x78" + table)
        + (b"\x00\x53\x71" + table)  # where the Python SDK writes them
    )


def assert_carried(sent: bytes, got: bytes, value: bytes) -> None:
    """What the sender put in is there, unchanged."""
    entry = b"\xa3\x01k" + value
    before, after = Message.parse(sent), Message.parse(got)
    assert (after.body, after.footer) == (before.body, before.footer)
    for section in (after.delivery_annotations, after.annotations):
        assert entry in (section or b"")
    assert is_compound(value) or b"\xa1\x01k" + value in (after.application_properties or b"")
    assert b"\x40\x40\x40\x40" + value in (after.properties or b"")
    assert b"\x41" + value in (after.header or b"")


def received(wire: Wire, handle: int) -> tuple[Transfer, bytes]:
    """The next delivery on a link, whole."""
    first = wire.expect(Transfer)
    payload, more = wire.last_payload, first.more
    while more:
        more = wire.expect(Transfer).more
        payload += wire.last_payload
    assert first.handle == handle
    return first, payload


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_of_any_type_is_carried_byte_for_byte(wire: Wire, value: bytes) -> None:
    """To its receiver, again after it was abandoned with a property, and into the dead letters with a reason."""
    sent = strange(value)
    wire.attach(0, "plain", receive=False)
    wire.send(Transfer(0, 1, b"1", 0, False), sent)
    assert wire.expect(Disposition).state.descriptor == 0x24
    wire.attach(1, "plain", receive=True)
    wire.attach(2, "plain/$DeadLetterQueue", receive=True)
    wire.credit(2, 1)
    outcomes = (
        Modified(True, False, {Symbol("tried"): 1}),
        Rejected(AmqpErrorOnTheWire(Symbol("com.microsoft:dead-letter"), "", {Symbol("DeadLetterReason"): "why"})),
    )
    for count, outcome in enumerate(outcomes):
        wire.credit(1, 1, count)
        delivered, got = received(wire, 1)
        assert_carried(sent, got, value)
        wire.send(Disposition(True, delivered.delivery_id or 0, None, False, outcome))
    letter, got = received(wire, 2)
    assert_carried(sent, got, value)
    assert b"DeadLetterReason" in (Message.parse(got).application_properties or b"")
    wire.send(Disposition(True, letter.delivery_id or 0, None, False, Accepted()))


def test_a_message_that_is_not_amqp_is_refused_and_costs_no_other(wire: Wire, broker: RunningBroker) -> None:
    """A value that no receiver could decode is rejected, however deep it lies; the next message is taken."""
    wire.attach(0, "plain", receive=False)
    for number, value in enumerate(
        (b"\x00\x53\x01" * 300 + b"\xa1\x01\xff", b"\xf0\x00\x00\x00\x05\x7f\xff\xff\xff\x41")
    ):
        wire.send(Transfer(0, 1 + number, b"1", 0, False), strange(value))
        assert wire.expect(Disposition).state.descriptor == 0x25
    wire.send(Transfer(0, 9, b"2", 0, False), b"\x00\x53\x75\xa0\x04good")
    assert wire.expect(Disposition).state.descriptor == 0x24
    receiver = broker.receiver("plain")
    good = one_of(receiver)
    assert str(good) == "good"
    receiver.complete_message(good)


def test_a_message_scheduled_for_the_end_of_time_can_be_peeked_at(wire: Wire, broker: RunningBroker) -> None:
    """A time that AMQP can write and no clock reaches is shown as the end of the year 9999, which SDKs can read."""
    annotations = encode_map([encode(Symbol("x-opt-scheduled-enqueue-time")) + encode(Timestamp(2**63 - 1))])
    wire.attach(0, "far", receive=False)
    wire.send(Transfer(0, 1, b"1", 0, False), b"\x00\x53\x72" + annotations + b"\x00\x53\x75\xa0\x01x")
    assert wire.expect(Disposition).state.descriptor == 0x24
    (message,) = broker.receiver("far").peek_messages(5)
    assert message.enqueued_time_utc is not None
    assert message.enqueued_time_utc.year == 9999


def test_a_request_that_nests_too_deeply_gets_an_answer(wire: Wire) -> None:
    """What the broker itself must decode is bounded: the reply says so, and the connection goes on."""
    wire.attach(0, "plain/$management", receive=False)
    wire.attach(1, "plain/$management", receive=True, reply_to="r")
    wire.credit(1, 1)
    deep = b"\x00\x53\x01" * 200 + b"\x40"
    asked = request({"operation": "com.microsoft:peek-message"}, None, "r")[:-1] + deep
    wire.send(Transfer(0, 1, b"1", 0, True), asked)
    wire.expect(Transfer)
    answer = reply_properties(wire.last_payload)
    assert (answer["statusCode"], answer["errorCondition"]) == (400, "amqp:decode-error")
