"""AMQP's types: what is encoded decodes as it was, and no bytes make the decoder work beyond their number."""

import contextlib
import struct
import tracemalloc
import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from localcloud.servicebus.amqp.decoder import DecodeError, decode
from localcloud.servicebus.amqp.encoder import encode
from localcloud.servicebus.amqp.structure import map_entries, skip, validate
from localcloud.servicebus.amqp.types import (
    Array,
    Byte,
    Char,
    Decimal,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)


def integers(kind: Any, bits: int, signed: bool) -> st.SearchStrategy[Any]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high).map(kind)


PIECES = [
    *(bytes([code]) for code in (0x00, 0x40, 0x41, 0x43, 0x45, 0x52, 0x53, 0x56, 0x73, 0x94, 0xA0, 0xA1, 0xA3)),
    *(bytes([code, size, count]) for code in (0xC0, 0xC1, 0xE0) for size in (1, 2, 3, 5, 8) for count in (0, 1, 2, 3)),
    *(b"\xd0\x00\x00\x00\x06\x00\x00\x00\x02", b"\x00\x53\x01", b"\xa1\x01a", b"\xa3\x02ab", bytes(4), bytes(16)),
]

ascii_text = st.text(st.characters(max_codepoint=127), max_size=300)
simple = st.one_of(
    st.none(),
    st.booleans(),
    integers(UByte, 8, False),
    integers(UShort, 16, False),
    integers(UInt, 32, False),
    integers(ULong, 64, False),
    integers(Byte, 8, True),
    integers(Short, 16, True),
    integers(Int, 32, True),
    integers(int, 64, True),
    integers(Timestamp, 64, True),
    st.floats(allow_nan=False),
    st.floats(allow_nan=False, width=32).map(Float),
    st.sampled_from([4, 8, 16]).flatmap(lambda size: st.binary(min_size=size, max_size=size)).map(Decimal),
    st.characters(exclude_categories=["Cs"]).map(Char),
    st.uuids(),
    st.binary(max_size=300),
    st.text(max_size=300),
    ascii_text.map(Symbol),
)
arrays = st.one_of(
    st.lists(st.uuids(), max_size=20).map(lambda items: Array(0x98, items)),
    st.lists(ascii_text.map(Symbol), max_size=20).map(lambda items: Array(0xB3, items)),
    st.lists(integers(int, 64, True), max_size=20).map(lambda items: Array(0x81, items)),
    st.lists(st.binary(max_size=9), max_size=300).map(lambda items: Array(0xA0, items)),
)
values = st.recursive(
    st.one_of(simple, arrays),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.one_of(st.text(max_size=5), ascii_text.map(Symbol)), inner, max_size=5),
        st.builds(Described, integers(ULong, 64, False), inner),
    ),
    max_leaves=20,
)


@given(values)
def test_what_is_encoded_decodes_as_it_was(value: Any) -> None:
    """Value and type survive, and the decoder stops where the value ends."""
    encoded = encode(value)
    decoded, end = decode(encoded + b"\xff")
    assert decoded == value
    assert type(decoded) is type(value)
    assert end == len(encoded)


@given(values)
def test_skipping_a_value_ends_where_decoding_it_does(value: Any) -> None:
    """A section can be passed over without being read."""
    encoded = encode(value) + b"\x40"
    assert skip(encoded, 0, len(encoded)) == len(encoded) - 1
    assert validate(encoded, 0, len(encoded)) == len(encoded) - 1


@given(values, st.data())
def test_a_value_cut_short_is_refused(value: Any, data: st.DataObject) -> None:
    """However much of a value is missing, the decoder says so instead of reading on."""
    encoded = encode(value)
    cut = encoded[: data.draw(st.integers(0, len(encoded) - 1))]
    with pytest.raises(DecodeError):
        decode(cut)
    for read in (skip, validate):
        with pytest.raises(DecodeError):
            read(cut, 0, len(cut))


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(octets: bytes) -> None:
    """The decoder returns a value or raises its own error."""
    for read in (
        lambda: decode(octets),
        lambda: skip(octets, 0, len(octets)),
        lambda: validate(octets, 0, len(octets)),
        lambda: list(map_entries(octets, 0, len(octets))),
    ):
        with contextlib.suppress(DecodeError):
            read()


@example(b"\xe0\x08\x01\x00P\x00\x00P\x00@")  # an array whose elements have two descriptors
@given(st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)))
def test_what_validates_decodes_or_nests_too_deeply(octets: bytes) -> None:
    """What is passed on unread is AMQP: its receiver can decode it, and finds the same end."""
    try:
        end = validate(octets, 0, len(octets))
    except DecodeError:
        return
    with contextlib.suppress(DecodeError):
        assert decode(octets)[1] == end
        return
    with pytest.raises(DecodeError, match=r"too deeply|unhashable|more elements than it has bytes"):
        decode(octets)


@pytest.mark.parametrize("nest", [b"\xd0\x00\x00\x00\x00\x00\x00\x00\x01", b"\x00\x53\x01"], ids=["lists", "described"])
@pytest.mark.parametrize("depth", [200, 20_000])
def test_a_value_that_is_passed_on_may_nest_as_deeply_as_it_likes(nest: bytes, depth: int) -> None:
    """It is looked at without recursion, and refused if even the innermost value is wrong."""

    def nested(innermost: bytes) -> bytes:
        if nest[0] == 0:
            return nest * depth + innermost
        sizes = (4 + (depth - level) * 9 - 9 + len(innermost) for level in range(depth))
        return b"".join(b"\xd0" + struct.pack(">II", size, 1) for size in sizes) + innermost

    good, bad = nested(b"\x41"), nested(b"\xa1\x01\xff")
    assert validate(good, 0, len(good)) == len(good)
    with pytest.raises(DecodeError):
        validate(bad, 0, len(bad))


@pytest.mark.parametrize(
    "octets",
    [
        "c0020040",
        "c10201 40",
        "a101ff",
        "a30180",
        "7300110000",
        "4f",
        "e00501004041414141",
        "e002 01 0000",
        "e0040140 4040",
    ],
)
def test_what_no_receiver_could_decode_is_refused(octets: str) -> None:
    """Bytes behind a list's items, a key alone, texts of other bytes, no such character or code, arrays that lie."""
    encoded = bytes.fromhex(octets)
    with pytest.raises(DecodeError):
        validate(encoded, 0, len(encoded))


@pytest.mark.parametrize("octets", ["e0020341", "f0000000050000000341", "e00100"])
def test_arrays_of_elements_without_bytes_are_amqp(octets: str) -> None:
    """Three times true, or nothing at all."""
    encoded = bytes.fromhex(octets)
    assert validate(encoded, 0, len(encoded)) == len(encoded)


@pytest.mark.parametrize("width", [0x40, 0x41, 0x43, 0x44, 0x45])
def test_a_billion_elements_of_no_width_are_refused_unmade(width: int) -> None:
    """An array may not claim more elements than it has bytes, though these would need none."""
    claim = b"\xf0" + struct.pack(">II", 5, 1_100_000_000) + bytes([width])
    tracemalloc.start()
    try:
        for read in (decode, lambda octets: validate(octets, 0, len(octets))):
            with pytest.raises(DecodeError):
                read(claim + bytes(40))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000  # bytes: none of the elements was made
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("nest", [b"\xc0\xff\x01", b"\x00", b"\xd1\x00\x00\xff\xff\x00\x00\x00\x02"])
def test_values_that_nest_without_end_are_refused(nest: bytes) -> None:
    """Depth is bounded, so the decoder's own stack is."""
    with pytest.raises(DecodeError):
        decode(nest * 20_000)


def test_a_map_whose_key_is_a_list_is_refused() -> None:
    """Keys are simple values: what is a list to AMQP would have no place in a dictionary."""
    octets = b"\xc1\x03\x02\x45\x40"
    with pytest.raises(DecodeError):
        decode(octets)
    with pytest.raises(DecodeError):
        list(map_entries(octets, 0, len(octets)))


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (None, "40"),
        (UInt(0), "43"),
        (UInt(255), "52ff"),
        (UInt(256), "7000000100"),
        (ULong(0x24), "5324"),
        ([], "45"),
        ([True, "é"], "c0060241a102c3a9"),
        ({Symbol("a"): 1}, "c10602a3016155 01"),
        (Described(ULong(0x24), []), "00532445"),
        (Array(0xA3, [Symbol("ab"), Symbol("c")]), "e00702a302616201 63"),
        (uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"), "9800112233445566778899aabbccddeeff"),
    ],
)
def test_encodings_are_those_of_the_specification(value: Any, octets: str) -> None:
    """Examples written by hand from part 1 of the specification."""
    assert encode(value) == bytes.fromhex(octets)


def test_a_value_of_no_amqp_type_is_refused() -> None:
    """A programming error is named by the type that has no place in AMQP."""
    with pytest.raises(TypeError, match="complex"):
        encode(complex(1))
