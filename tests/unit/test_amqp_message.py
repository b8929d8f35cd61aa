"""Messages as their sections: what a broker must not touch comes out as it went in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localcloud.servicebus.amqp.decoder import DecodeError, decode
from localcloud.servicebus.amqp.encoder import encode
from localcloud.servicebus.amqp.message import Message, data_sections
from localcloud.servicebus.amqp.types import Described, Symbol, UByte, UInt, ULong


def section(code: int, value: object) -> bytes:
    return encode(Described(ULong(code), value))


HEADER = section(0x70, [True, UByte(7), UInt(90_000)])
ANNOTATIONS = section(0x72, {Symbol("x-opt-mine"): [1, "two"], Symbol("x-opt-other"): UInt(3)})
PROPERTIES = section(0x73, ["id-1", None, None, None, "reply-here"])
APPLICATION = section(0x74, {"a": UInt(1), "b": b"\x00"})
BODY = section(0x75, b"the body")
FOOTER = section(0x78, {Symbol("x-foot"): "er"})
WHOLE = HEADER + section(0x71, {Symbol("x-hop"): 1}) + ANNOTATIONS + PROPERTIES + APPLICATION + BODY + FOOTER


def test_a_message_comes_out_as_it_went_in() -> None:
    """Parsing and encoding again changes no byte."""
    assert Message.parse(WHOLE).encode() == WHOLE


def test_what_a_broker_reads_is_found() -> None:
    """Time to live, message id, reply-to, an annotation."""
    message = Message.parse(WHOLE)
    assert (message.time_to_live, message.message_id, message.reply_to) == (90.0, "id-1", "reply-here")
    assert message.annotation("x-opt-mine") == [1, "two"]
    assert message.annotation("x-opt-absent") is None


def test_annotations_are_added_and_replaced_one_by_one() -> None:
    """An annotation of the broker's replaces the sender's of the same name; all others stay."""
    changed = Message.parse(WHOLE).annotated({Symbol("x-opt-other"): "new", Symbol("x-opt-more"): 5})
    assert changed.annotations is not None
    assert decode(changed.annotations)[0] == {"x-opt-mine": [1, "two"], "x-opt-other": "new", "x-opt-more": 5}
    assert changed.encode().endswith(PROPERTIES + APPLICATION + BODY + FOOTER)


def test_delivery_count_is_all_that_changes_in_the_header() -> None:
    """Durability, priority and time to live are the sender's."""
    header = Message.parse(WHOLE).counted(4).header
    assert header is not None
    assert decode(header)[0] == [True, 7, 90_000, None, 4]


def test_a_message_without_sections_gets_those_that_are_needed() -> None:
    """A body alone is a message, too."""
    message = Message.parse(BODY).counted(0).annotated({Symbol("x-opt-a"): 1}).with_properties({"why": "so"})
    assert message.encode() == (
        section(0x70, [None, None, None, None, UInt(0)])
        + section(0x72, {Symbol("x-opt-a"): 1})
        + section(0x74, {"why": "so"})
        + BODY
    )


def test_a_batch_holds_messages() -> None:
    """Each data section of a batch is a message of its own."""
    assert list(data_sections(section(0x75, BODY) + section(0x75, WHOLE))) == [BODY, WHOLE]


@pytest.mark.parametrize(
    "octets",
    [
        PROPERTIES + HEADER,
        HEADER + HEADER,
        section(0x70, "no list"),
        section(0x72, ["no map"]),
        section(0x75, "no binary"),
        section(0x79, []),
        encode("no section"),
        WHOLE[:-1],
        WHOLE + b"\x00",
    ],
)
def test_what_is_no_message_is_refused(octets: bytes) -> None:
    """Sections out of order, doubled, of the wrong type, unknown or cut."""
    with pytest.raises(DecodeError):
        Message.parse(octets)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_refused(octets: bytes) -> None:
    """What was accepted can always be delivered: rendering it raises nothing."""
    for start in (b"", b"\x00\x53\x70", b"\x00\x53\x72\xc1", b"\x00\x53\x74\xd1"):
        try:
            message = Message.parse(start + octets)
        except DecodeError:
            continue
        message.counted(1).annotated({Symbol("x"): 1}).with_properties({"y": 2}).encode()
