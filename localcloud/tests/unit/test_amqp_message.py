"""Messages as their sections: what a broker must not touch comes out as it went in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localcloud.servicebus.amqp.decoder import DecodeError, decode
from localcloud.servicebus.amqp.encoder import encode, encode_list, encode_map
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
    assert message.annotation("x-opt-other") == 3
    assert message.annotation("x-opt-absent") is None
    assert message.annotation("x-opt-mine") is None, "a list is not read, whatever it holds"


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


STRANGE = {
    "a decimal128": b"\x94" + bytes(16),
    "a character": b"\x73\x00\x01\xf6\x00",
    "a described value": b"\x00\xa3\x0bcom:strange\xa1\x01x",
    "an array of arrays": b"\xe0\x08\x02\xe0\x02\x01\x41\x02\x01\x42",
    "a value 200 deep": b"\x00\x53\x01" * 200 + b"\x40",
    "a long form of a short text": b"\xb1\x00\x00\x00\x01a",
}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE.keys())
def test_a_section_holds_any_value_and_comes_out_as_it_was(value: bytes) -> None:
    """Byte for byte, whatever a broker adds beside it: in annotations, properties, the body, the footer."""
    entry = b"\xa3\x01k" + value
    table = encode_map([entry])
    fields = encode_list([b"\xa1\x02id", value, b"\x40", b"\x40", b"\x40", b"\x40", value])
    sections = {0x70: encode_list([b"\x41", value]), 0x71: table, 0x72: table, 0x73: fields, 0x74: table}
    sent = b"".join(b"\x00\x53" + bytes([code]) + section for code, section in sections.items())
    sent += b"\x00\x53\x77" + value + b"\x00\x53\x78" + table
    message = Message.parse(sent)
    assert message.encode() == sent
    changed = message.counted(3).annotated({Symbol("a"): 1}).with_delivery_annotations({Symbol("b"): 2})
    changed = changed.with_properties({"c": 3}).identified()
    assert entry in (changed.delivery_annotations or b"")
    assert entry in (changed.annotations or b"")
    assert entry in (changed.application_properties or b"")
    assert (changed.properties, changed.body, changed.footer) == (message.properties, message.body, message.footer)
    assert changed.header == encode_list([b"\x41", value, b"\x40", b"\x40", encode(UInt(3))])


def test_delivery_annotations_may_stand_behind_the_footer() -> None:
    """The Python SDK writes them so; they go out in the place that the specification gives them."""
    annotations = section(0x71, {Symbol("x-hop"): 1})
    rest = HEADER + ANNOTATIONS + PROPERTIES + APPLICATION + BODY + FOOTER
    for sent in (rest + annotations, HEADER + ANNOTATIONS + annotations + PROPERTIES + APPLICATION + BODY + FOOTER):
        assert Message.parse(sent).encode() == WHOLE


def test_a_message_without_an_id_gets_one_and_keeps_the_rest_of_its_properties() -> None:
    """Service Bus gives each such message 32 hexadecimal digits; an id that is there stays."""
    named = Message.parse(section(0x73, [None, None, None, None, "reply-here"]) + BODY).identified()
    assert isinstance(named.message_id, str)
    assert len(named.message_id) == 32
    assert named.reply_to == "reply-here"
    first, second = (Message.parse(BODY).identified().message_id for _ in range(2))
    assert first != second
    assert Message.parse(WHOLE).identified() == Message.parse(WHOLE)


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
        WHOLE + section(0x71, {}),
        BODY + FOOTER + BODY,
        BODY + section(0x77, "two kinds of body"),
        section(0x77, 1) + section(0x77, 2),
        section(0x72, {Symbol("a"): b""}).replace(b"\xa0\x00", b"\xc0\x02\x05\x40"),
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
        message.counted(1).annotated({Symbol("x"): 1}).with_properties({"y": 2}).identified().encode()
