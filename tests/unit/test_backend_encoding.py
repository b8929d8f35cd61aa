"""Encoded messages are taken apart and put together, and bytes that claim too much are refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.amqp import encoding
from tests import amqp_messages as m

LIST_OF_TWO = m.list_of(m.NULL, m.string("a"))


def test_a_message_is_its_sections() -> None:
    """Each section comes with its code and the bytes of its value. A body section may come several times."""
    encoded = m.message(
        m.data(b"one") + m.data(b"two"),
        application=[("p", m.UNDECODABLE["decimal64"])],
        properties=[m.string("id")],
        after=m.section(m.FOOTER, m.map_of()),
    )
    assert list(encoding.sections(encoded)) == [
        (m.PROPERTIES, m.list_of(m.string("id"))),
        (m.APPLICATION_PROPERTIES, m.map_of((m.string("p"), m.UNDECODABLE["decimal64"]))),
        (m.DATA, m.binary(b"one")),
        (m.DATA, m.binary(b"two")),
        (m.FOOTER, m.map_of()),
    ]


def test_a_section_may_have_a_descriptor_of_eight_bytes() -> None:
    """An ulong has three encodings, and AMQP lets a sender choose."""
    encoded = b"\x00\x80" + struct.pack(">Q", m.DATA) + m.binary(b"x")
    assert list(encoding.sections(encoded)) == [(m.DATA, m.binary(b"x"))]


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x00",
        b"\x00\x53",
        b"\x00\x53\x75",
        b"\x75" + m.binary(b"x"),
        m.section(0x6F, m.NULL),
        m.section(0x79, m.NULL),
        m.described("amqp:data:binary", m.binary(b"x")),
        m.section(m.DATA, m.binary(b"x")[:-1]),
        m.section(m.DATA, b"\xb0\xff\xff\xff\xff"),
        m.section(m.DATA, b"\x3f"),
        m.value(m.NULL) * 2,
        m.section(m.PROPERTIES, m.list_of()) * 2,
        m.data(b"x") + b"\x00",
    ],
)
def test_what_is_no_row_of_sections_is_malformed(encoded: bytes) -> None:
    """An unknown section is refused, and so is a second one of a kind that is no data or sequence section."""
    with pytest.raises(encoding.Malformed):
        list(encoding.sections(encoded))


@pytest.mark.parametrize("kind", [m.DECODABLE, m.UNDECODABLE])
def test_values_of_every_type_stay_the_bytes_that_they_were(kind: dict[str, bytes]) -> None:
    """A list and a map of all types are taken apart into the items that they were put together from."""
    pairs = [(m.string(name), value) for name, value in kind.items()]
    assert encoding.items(m.list_of(*kind.values())) == list(kind.values())
    assert encoding.entries(m.map_of(*pairs)) == pairs
    assert encoding.items(encoding.encode_list(list(kind.values()))) == list(kind.values())
    assert encoding.entries(encoding.encode_map(pairs)) == pairs


@pytest.mark.parametrize("count", [0, 1, 84, 85, 255, 256, 1000])
def test_compounds_of_any_size_are_encoded(count: int) -> None:
    """Up to 255 items in 255 bytes have the small encoding, the others the large one."""
    items = [encoding.encode_string(str(number)) for number in range(count)]
    assert encoding.items(encoding.encode_list(items)) == items
    assert encoding.entries(encoding.encode_map(zip(items, items, strict=True))) == list(zip(items, items, strict=True))


@pytest.mark.parametrize("text", ["", "a", "ä" * 127, "ä" * 128, "x" * 70_000])
def test_texts_and_binaries_of_any_length_are_read_again(text: str) -> None:
    """Up to 255 bytes have the small encoding, the others the large one."""
    assert encoding.text(encoding.encode_string(text)) == text
    assert encoding.binary(encoding.encode_binary(text.encode())) == text.encode()


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("ubyte", 7),
        ("ushort", 7),
        ("uint", 7),
        ("uint0", 0),
        ("smalluint", 7),
        ("ulong", 2**64 - 1),
        ("ulong0", 0),
        ("smallulong", 7),
        ("byte", -7),
        ("short", -7),
        ("int", -7),
        ("smallint", -7),
        ("long", -(2**63)),
        ("smalllong", -7),
        ("timestamp", 1_700_000_000_000),
        ("float", None),
        ("uuid", None),
        ("string", None),
        ("null", None),
    ],
)
def test_integers_are_read(name: str, number: int | None) -> None:
    """A whole number of every width and sign is read. A value of another type is None."""
    assert encoding.integer(m.DECODABLE[name]) == number


@pytest.mark.parametrize("value", [LIST_OF_TWO, m.NULL, m.string("a")])
def test_a_map_is_expected(value: bytes) -> None:
    """A value of another type has no entries."""
    with pytest.raises(encoding.Malformed):
        encoding.entries(value)


@pytest.mark.parametrize(
    "value",
    [
        m.map_of(),
        m.NULL,
        m.compound(0xD0, m.NULL, 2),
        m.compound(0xD0, m.NULL * 2, 1),
        m.compound(0xD0, b"\xb1\0\0\0\xffa", 1),
        LIST_OF_TWO + m.NULL,
        LIST_OF_TWO[:-1],
    ],
)
def test_a_list_is_expected(value: bytes) -> None:
    """A value of another type, or one that holds less or more than it claims, has no items."""
    with pytest.raises(encoding.Malformed):
        encoding.items(value)


@pytest.mark.parametrize("kind", [m.DECODABLE, {name: m.UNDECODABLE[name] for name in ("decimal32", "char")}])
def test_every_type_is_well_formed(kind: dict[str, bytes]) -> None:
    """Well-formed values of types that the SDK does not know pass the check."""
    for value in kind.values():
        encoding.check(m.VALUE, value)


@pytest.mark.parametrize("name", m.BOMBS)
def test_a_value_that_claims_more_than_it_is_is_refused(name: str) -> None:
    """A count of billions and endlessly nested values are refused before they reach a decoder."""
    with pytest.raises(encoding.Malformed):
        encoding.check(m.VALUE, m.BOMBS[name])


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (m.HEADER, m.map_of()),
        (m.HEADER, m.string("abc")),
        (m.PROPERTIES, m.NULL),
        (m.APPLICATION_PROPERTIES, m.list_of()),
        (m.MESSAGE_ANNOTATIONS, m.compound(0xD1, m.NULL, 1)),
        (m.DATA, m.string("x")),
        (m.SEQUENCE, m.string("x")),
        (m.FOOTER, m.NULL),
    ],
)
def test_a_section_holds_what_it_must(code: int, value: bytes) -> None:
    """A section whose value has the wrong type is refused: a header must be a list, a data section a binary."""
    with pytest.raises(encoding.Malformed):
        encoding.check(code, value)


@given(st.binary(max_size=200), st.sampled_from(list(m.DECODABLE.values())), st.integers(0, 200))
def test_any_bytes_are_taken_apart_or_refused(noise: bytes, value: bytes, cut: int) -> None:
    """Any bytes either come apart or raise `Malformed`."""
    for encoded in (noise, b"\x00\x53" + noise, m.value(value)[:cut] + noise):
        try:
            for code, content in encoding.sections(encoded):
                encoding.check(code, content)
        except encoding.Malformed:
            pass
