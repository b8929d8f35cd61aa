"""Decodes AMQP's types (specification, part 1), trusting nothing that the bytes claim.

A length may not reach past the value that holds it, a count may not exceed the bytes that are left, and what is decoded
may not nest deeper than `MAX_DEPTH`: so the work is bounded by the bytes received, whatever a peer sends. What is only
passed on may nest as deeply as it likes: `structure.validate` looks at it without decoding it.
"""

import struct
import uuid
from collections.abc import Callable

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
    Value,
)

MAX_DEPTH = 32

DESCRIBED, NULL = 0x00, 0x40

EMPTY: dict[int, Callable[[], Value]] = {
    0x40: lambda: None,
    0x41: lambda: True,
    0x42: lambda: False,
    0x43: lambda: UInt(0),
    0x44: lambda: ULong(0),
    0x45: list,
}

_FIXED: dict[int, tuple[str, Callable[[Value], Value]]] = {
    0x50: ("B", UByte),
    0x51: ("b", Byte),
    0x52: ("B", UInt),
    0x53: ("B", ULong),
    0x54: ("b", Int),
    0x55: ("b", int),
    0x56: ("B", bool),
    0x60: ("H", UShort),
    0x61: ("h", Short),
    0x70: ("I", UInt),
    0x71: ("i", Int),
    0x72: ("f", Float),
    0x73: ("I", lambda code: Char(chr(code))),
    0x74: ("4s", Decimal),
    0x80: ("Q", ULong),
    0x81: ("q", int),
    0x82: ("d", float),
    0x83: ("q", Timestamp),
    0x84: ("8s", Decimal),
    0x94: ("16s", Decimal),
    0x98: ("16s", lambda octets: uuid.UUID(bytes=octets)),
}
UNPACK = {
    code: (struct.Struct(">" + form).unpack_from, struct.calcsize(">" + form), kind)
    for code, (form, kind) in _FIXED.items()
}

VARIABLE: dict[int, Callable[[bytes], Value]] = {
    0xA0: bytes,
    0xA1: lambda octets: octets.decode("utf-8"),
    0xA3: lambda octets: Symbol(octets.decode("ascii")),
    0xB0: bytes,
    0xB1: lambda octets: octets.decode("utf-8"),
    0xB3: lambda octets: Symbol(octets.decode("ascii")),
}
LISTS, MAPS, ARRAYS = (0xC0, 0xD0), (0xC1, 0xD1), (0xE0, 0xF0)

# A format code's high digit says how long its value is: in bytes, or in bytes of the length that precedes it.
WIDTH = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
LENGTH_WIDTH = {0xA: 1, 0xB: 4, 0xC: 1, 0xD: 4, 0xE: 1, 0xF: 4}
_uint32 = struct.Struct(">I").unpack_from


class DecodeError(ValueError):
    """The bytes are not AMQP, or claim more than is there."""


def decode(buffer: bytes, offset: int = 0, end: int | None = None) -> tuple[Value, int]:
    """The value that begins at `offset`, and the offset behind it; raises `DecodeError`."""
    try:
        return _value(buffer, offset, len(buffer) if end is None else end, 0)
    except (UnicodeDecodeError, OverflowError, TypeError) as error:  # TypeError: a map's key that has no hash
        raise DecodeError(str(error)) from error
    except ValueError as error:
        raise error if isinstance(error, DecodeError) else DecodeError(str(error)) from error


def _value(buffer: bytes, offset: int, end: int, depth: int) -> tuple[Value, int]:
    within(offset + 1, end)
    code = buffer[offset]
    offset += 1
    if code != DESCRIBED:
        return _body(code, buffer, offset, end, depth)
    _bounded(depth)
    descriptor, offset = _value(buffer, offset, end, depth + 1)
    value, offset = _value(buffer, offset, end, depth + 1)
    return Described(descriptor, value), offset


def _body(code: int, buffer: bytes, offset: int, end: int, depth: int) -> tuple[Value, int]:
    """The value behind its format code, which the elements of an array share."""
    fixed = UNPACK.get(code)
    if fixed is not None:
        unpack, width, kind = fixed
        within(offset + width, end)
        return kind(unpack(buffer, offset)[0]), offset + width
    empty = EMPTY.get(code)
    if empty is not None:
        return empty(), offset
    variable = VARIABLE.get(code)
    if variable is not None:
        length, offset = read_length(buffer, offset, end, LENGTH_WIDTH[code >> 4])
        within(offset + length, end)
        return variable(buffer[offset : offset + length]), offset + length
    _bounded(depth)
    if code in LISTS:
        count, offset, stop = read_compound(buffer, offset, end, LENGTH_WIDTH[code >> 4])
        return _values(buffer, offset, stop, count, depth), stop
    if code in MAPS:
        count, offset, stop = read_compound(buffer, offset, end, LENGTH_WIDTH[code >> 4])
        flat = _values(buffer, offset, stop, count, depth)
        if count % 2:
            raise DecodeError("a map's last key has no value")
        return dict(zip(flat[::2], flat[1::2], strict=True)), stop
    if code in ARRAYS:
        count, offset, stop = read_compound(buffer, offset, end, LENGTH_WIDTH[code >> 4])
        return _array(buffer, offset, stop, count, depth), stop
    raise DecodeError(f"0x{code:02x} is no format code")


def _values(buffer: bytes, offset: int, stop: int, count: int, depth: int) -> list[Value]:
    values = []
    for _ in range(count):
        value, offset = _value(buffer, offset, stop, depth + 1)
        values.append(value)
    return values


def _array(buffer: bytes, offset: int, stop: int, count: int, depth: int) -> Array:
    if offset == stop and not count:  # some encoders leave out the format code of no elements
        return Array(NULL)
    within(offset + 1, stop)
    code = inner = buffer[offset]
    offset += 1
    descriptors: list[Value] = []  # AMQP 1.0, part 1.2: a constructor may describe a constructor that describes another
    while inner == DESCRIBED:
        _bounded(depth + len(descriptors))
        descriptor, offset = _value(buffer, offset, stop, depth + 1)
        descriptors.append(descriptor)
        within(offset + 1, stop)
        inner = buffer[offset]
        offset += 1
    if count > stop - offset:  # so elements of no width, of which any number fits into no bytes, are refused
        raise DecodeError("an array claims more elements than it has bytes")
    items = Array(code)
    for _ in range(count):
        value, offset = _body(inner, buffer, offset, stop, depth + 1)
        for descriptor in reversed(descriptors):
            value = Described(descriptor, value)
        items.append(value)
    return items


def read_compound(buffer: bytes, offset: int, end: int, width: int) -> tuple[int, int, int]:
    """A compound value's count, the offset of its first element, and the offset behind the whole."""
    length, offset = read_length(buffer, offset, end, width)
    stop = offset + length
    within(stop, end)
    count, offset = read_length(buffer, offset, stop, width)
    if count > stop - offset:
        raise DecodeError("a compound value claims more elements than it has bytes")
    return count, offset, stop


def read_length(buffer: bytes, offset: int, end: int, width: int) -> tuple[int, int]:
    """A length or a count, and the offset behind it."""
    within(offset + width, end)
    return (buffer[offset] if width == 1 else _uint32(buffer, offset)[0]), offset + width


def within(offset: int, end: int) -> None:
    """Raises `DecodeError` for an offset behind the end."""
    if offset > end:
        raise DecodeError("a value reaches past the bytes that hold it")


def _bounded(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise DecodeError("values nest too deeply")
