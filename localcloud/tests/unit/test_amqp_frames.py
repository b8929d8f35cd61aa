"""Frames: cut from a stream however it arrives, and refused as soon as one cannot be valid."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localcloud.servicebus.amqp.composites import read, write
from localcloud.servicebus.amqp.decoder import DecodeError, decode
from localcloud.servicebus.amqp.frames import HEARTBEAT, MAX_FRAME_SIZE, Frame, FrameReader, FramingError, frame
from localcloud.servicebus.amqp.performatives import Accepted, Disposition, Error, Flow, Open, Rejected
from localcloud.servicebus.amqp.types import Described, Symbol, ULong


@given(st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=100)), max_size=8), st.integers(1, 50))
def test_frames_are_the_same_however_the_bytes_arrive(sent: list[tuple[int, bytes]], step: int) -> None:
    """TLS records and frames know nothing of each other."""
    stream = b"".join(frame(channel, body) for channel, body in sent)
    reader, received = FrameReader(), []
    for start in range(0, len(stream), step):
        reader.feed(stream[start : start + step])
        while (one := reader.frame()) is not None:
            received.append(one)
    assert received == [Frame(0, channel, body) for channel, body in sent]


@pytest.mark.parametrize(
    "header",
    [
        struct.pack(">IBBH", MAX_FRAME_SIZE + 1, 2, 0, 0),
        struct.pack(">IBBH", 0xFFFFFFFF, 2, 0, 0),
        struct.pack(">IBBH", 7, 2, 0, 0),
        struct.pack(">IBBH", 8, 1, 0, 0),
        struct.pack(">IBBH", 8, 3, 0, 0),
        struct.pack(">IBBH", 8, 2, 9, 0),
        b"GET / HT",
    ],
)
def test_what_cannot_be_a_frame_is_refused_from_its_header(header: bytes) -> None:
    """Nothing is waited for, or kept, that a header of eight bytes rules out."""
    reader = FrameReader()
    reader.feed(header)
    with pytest.raises(FramingError):
        reader.frame()


def test_an_extended_header_is_passed_over() -> None:
    """The body begins where the frame says, not where frames usually have it."""
    reader = FrameReader()
    reader.feed(struct.pack(">IBBH", 14, 3, 0, 1) + b"skip" + b"ab" + HEARTBEAT)
    assert reader.frame() == Frame(0, 1, b"ab")
    assert reader.frame() == Frame(0, 0, b"")
    assert reader.frame() is None


def test_performatives_come_back_as_they_were_written() -> None:
    """Fields that are missing at the end are null, and nothing else is."""
    for performative in (
        Open("me", None, 65536, 100, 30_000),
        Flow(None, 5, 1, 7, 0, 3, 10, None, True),
        Disposition(True, 4, 4, True, None),
    ):
        assert read(decode(write(performative))[0]) == performative


def test_an_error_inside_an_outcome_has_all_three_fields() -> None:
    """The Python SDK reads description and info by their index."""
    written = write(Rejected(Error(Symbol("amqp:not-allowed"), "no", {})))
    inner = decode(written)[0].value[0]
    assert inner == Described(ULong(0x1D), ["amqp:not-allowed", "no", {}])


def test_descriptors_may_be_symbols() -> None:
    """A peer may name a composite instead of numbering it."""
    assert read(Described(Symbol("amqp:accepted:list"), [])) == Accepted()


@pytest.mark.parametrize(
    "value",
    [
        Described(ULong(0x10), []),
        Described(ULong(0x10), [5]),
        Described(ULong(0x12), ["name", "no handle", True]),
        Described(ULong(0x99), []),
        Described(ULong(0x10), "no list"),
        Described([], []),
        "nothing described",
    ],
)
def test_what_is_no_performative_is_refused(value: object) -> None:
    """A mandatory field missing, a field of another type, an unknown descriptor, no list at all."""
    with pytest.raises(DecodeError):
        read(value)
