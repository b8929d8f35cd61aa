"""Encodes AMQP's types (specification, part 1), each in its shortest form."""

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

_u8, _u16, _u32, _u64 = (struct.Struct(f">{form}").pack for form in "BHIQ")
_i8, _i16, _i32, _i64 = (struct.Struct(f">{form}").pack for form in "bhiq")
_f32, _f64 = struct.Struct(">f").pack, struct.Struct(">d").pack


def encode(value: Value) -> bytes:
    """The value's encoding; raises `TypeError` for a value of no AMQP type, and for an array of compound values."""
    try:
        return _ENCODERS[type(value)](value)
    except KeyError:
        raise TypeError(f"AMQP has no type for {type(value).__name__}") from None


def encode_composite(descriptor: int, fields: list[bytes]) -> bytes:
    """A described list of fields that are encoded already: a performative, an outcome, an error."""
    return b"\x00" + _ulong(descriptor) + _compound(0xC0, fields)


def encode_list(items: list[bytes]) -> bytes:
    """A list of encoded items."""
    return _compound(0xC0, items) if items else b"\x45"


def encode_map(entries: list[bytes]) -> bytes:
    """A map of encoded entries, each a key and its value."""
    return _compound(0xC1, entries, 2 * len(entries))


def _ulong(value: int) -> bytes:
    if value == 0:
        return b"\x44"
    return b"\x53" + _u8(value) if value < 256 else b"\x80" + _u64(value)


def _uint(value: int) -> bytes:
    if value == 0:
        return b"\x43"
    return b"\x52" + _u8(value) if value < 256 else b"\x70" + _u32(value)


def _int(value: int) -> bytes:
    return b"\x54" + _i8(value) if -128 <= value < 128 else b"\x71" + _i32(value)


def _long(value: int) -> bytes:
    return b"\x55" + _i8(value) if -128 <= value < 128 else b"\x81" + _i64(value)


def _variable(code: int, octets: bytes) -> bytes:
    size = len(octets)
    return bytes((code, size)) + octets if size < 256 else bytes((code + 0x10,)) + _u32(size) + octets


def _compound(code: int, elements: list[bytes], count: int | None = None) -> bytes:
    count = len(elements) if count is None else count
    octets = b"".join(elements)
    if len(octets) < 255 and count < 256:
        return bytes((code, len(octets) + 1, count)) + octets
    return bytes((code + 0x10,)) + _u32(len(octets) + 4) + _u32(count) + octets


def _list(value: list[Value]) -> bytes:
    return encode_list([encode(item) for item in value])


def _map(value: dict[Value, Value]) -> bytes:
    return encode_map([encode(key) + encode(item) for key, item in value.items()])


def _described(value: Described) -> bytes:
    return b"\x00" + encode(value.descriptor) + encode(value.value)


def _decimal(value: Decimal) -> bytes:
    return {4: b"\x74", 8: b"\x84", 16: b"\x94"}[len(value.encoded)] + value.encoded


def _array(value: Array) -> bytes:
    element_of = _ELEMENTS[value.code]
    octets = bytes((value.code,)) + b"".join([element_of(item) for item in value])
    if len(octets) < 255 and len(value) < 256:
        return bytes((0xE0, len(octets) + 1, len(value))) + octets
    return b"\xf0" + _u32(len(octets) + 4) + _u32(len(value)) + octets


_ENCODERS: dict[type, Callable[[Value], bytes]] = {
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    UByte: lambda value: b"\x50" + _u8(value),
    UShort: lambda value: b"\x60" + _u16(value),
    UInt: _uint,
    ULong: _ulong,
    Byte: lambda value: b"\x51" + _i8(value),
    Short: lambda value: b"\x61" + _i16(value),
    Int: _int,
    int: _long,
    Float: lambda value: b"\x72" + _f32(value),
    float: lambda value: b"\x82" + _f64(value),
    Decimal: _decimal,
    Char: lambda value: b"\x73" + _u32(ord(value)),
    Timestamp: lambda value: b"\x83" + _i64(value),
    uuid.UUID: lambda value: b"\x98" + value.bytes,
    bytes: lambda value: _variable(0xA0, value),
    str: lambda value: _variable(0xA1, value.encode()),
    Symbol: lambda value: _variable(0xA3, value.encode("ascii")),
    list: _list,
    dict: _map,
    Array: _array,
    Described: _described,
}

# What follows an array's shared format code for each element: simple types only, a broker says nothing else in arrays.
_ELEMENTS: dict[int, Callable[[Value], bytes]] = {
    **dict.fromkeys((0x40, 0x41, 0x42, 0x43, 0x44), lambda _: b""),
    0x50: _u8,
    0x51: _i8,
    0x52: _u8,
    0x53: _u8,
    0x54: _i8,
    0x55: _i8,
    0x56: _u8,
    0x60: _u16,
    0x61: _i16,
    0x70: _u32,
    0x71: _i32,
    0x72: _f32,
    0x73: lambda value: _u32(ord(value)),
    0x74: lambda value: bytes(value.encoded),
    0x80: _u64,
    0x81: _i64,
    0x82: _f64,
    0x83: _i64,
    0x84: lambda value: bytes(value.encoded),
    0x94: lambda value: bytes(value.encoded),
    0x98: lambda value: bytes(value.bytes),
    0xA0: lambda value: _u8(len(value)) + bytes(value),
    0xA1: lambda value: _u8(len(value.encode())) + bytes(value.encode()),
    0xA3: lambda value: _u8(len(value)) + bytes(value.encode("ascii")),
    0xB0: lambda value: _u32(len(value)) + bytes(value),
    0xB1: lambda value: _u32(len(value.encode())) + bytes(value.encode()),
    0xB3: lambda value: _u32(len(value)) + bytes(value.encode("ascii")),
}
