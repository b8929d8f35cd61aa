"""Take an encoded AMQP message apart, and put one together, without decoding its values.

A message is a row of sections. A list or a map is a row of items. Each of them stays the bytes that it was, so a value
of any type goes on unchanged. A length or count that reaches past the bytes that hold it raises `Malformed`.

https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html#section-encodings
https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-messaging-v1.0-os.html#section-message-format
"""

import struct
from collections.abc import Iterable, Iterator, Sequence

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS, PROPERTIES, APPLICATION_PROPERTIES = range(0x70, 0x75)
DATA, SEQUENCE, VALUE, FOOTER = range(0x75, 0x79)

NULL = b"\x40"
MAX_DEPTH = 64  # of values within values; the SDK decodes no more

_DESCRIBED = 0x00
_EMPTY_LIST = b"\x45"
_LISTS, _MAPS, _ARRAYS = (0xC0, 0xD0), (0xC1, 0xD1), (0xE0, 0xF0)
_UNSIGNED, _SIGNED = (0x43, 0x44, 0x50, 0x52, 0x53, 0x60, 0x70, 0x80), (0x51, 0x54, 0x55, 0x61, 0x71, 0x81, 0x83)
_BINARIES, _STRINGS, _SYMBOLS = (0xA0, 0xB0), (0xA1, 0xB1), (0xA3, 0xB3)

# The high digit of a format code says how wide its value is, or how wide the length in front of the value is.
_FIXED_WIDTH = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_LENGTH_WIDTH = {0xA: 1, 0xB: 4, 0xC: 1, 0xD: 4, 0xE: 1, 0xF: 4}


class Malformed(ValueError):
    """The bytes are not what AMQP says they are."""


def sections(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the code of each section, and its value without the descriptor.

    The sections may come in any order, since Azure's own SDK puts the delivery annotations last.
    """
    seen: set[int] = set()
    offset = 0
    while offset < len(encoded):
        code, start = _descriptor(encoded, offset)
        if code in seen and code not in (DATA, SEQUENCE):
            raise Malformed("a section is there twice")
        seen.add(code)
        offset = _end(encoded, start, len(encoded))
        yield code, encoded[start:offset]


def items(value: bytes) -> list[bytes]:
    """Return the items of a list."""
    return [] if value[:1] == _EMPTY_LIST else _items(_LISTS, value)


def entries(value: bytes) -> list[tuple[bytes, bytes]]:
    """Return the keys of a map with their values."""
    found = _items(_MAPS, value)
    if len(found) % 2:
        raise Malformed("the last key of a map has no value")
    return list(zip(found[::2], found[1::2], strict=True))


def text(value: bytes) -> str | None:
    """Return the text of a string or a symbol, or None for a value of another type. Invalid UTF-8 is replaced."""
    content = _content(value, _STRINGS + _SYMBOLS)
    return None if content is None else content.decode("utf-8", "replace")


def binary(value: bytes) -> bytes | None:
    """Return the content of a binary, or None for a value of another type."""
    return _content(value, _BINARIES)


def integer(value: bytes) -> int | None:
    """Return an integer or the milliseconds of a timestamp, or None for a value of another type."""
    code, content = _octet(value, 0, len(value)), value[1 : _end(value, 0, len(value))]
    if code in _UNSIGNED + _SIGNED:
        return int.from_bytes(content, "big", signed=code in _SIGNED)
    return None


def check(code: int, value: bytes) -> None:
    """Check a section's value and every value within it, so that decoding them takes no more memory than their bytes.

    Raises `Malformed`.
    """
    if code in (HEADER, PROPERTIES, SEQUENCE):
        items(value)
    elif code == DATA and binary(value) is None:
        raise Malformed("a binary was expected")
    elif code not in (DATA, VALUE):
        entries(value)
    _checked(value, 0, len(value), 0)


def encode_section(code: int, value: bytes) -> bytes:
    """Put the section's descriptor, a small ulong, in front of its value."""
    return bytes((_DESCRIBED, 0x53, code)) + value


def encode_list(values: Sequence[bytes]) -> bytes:
    return _compound(_LISTS, values)


def encode_map(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    return _compound(_MAPS, [item for pair in pairs for item in pair])


def encode_string(content: str) -> bytes:
    return _variable(_STRINGS, content.encode())


def encode_binary(content: bytes) -> bytes:
    return _variable(_BINARIES, content)


def encode_long(number: int) -> bytes:
    return struct.pack(">Bq", 0x81, number)


def _descriptor(encoded: bytes, offset: int) -> tuple[int, int]:
    """Return a section's code, and the offset of its value."""
    constructor = encoded[offset : offset + 2]
    width = {b"\x00\x53": 1, b"\x00\x80": 8}.get(constructor)  # a described value, its descriptor an ulong
    if width is not None:
        code = _number(encoded, offset + 2, len(encoded), width)
        if HEADER <= code <= FOOTER:
            return code, offset + 2 + width
    raise Malformed("a section of a message was expected")


def _end(buffer: bytes, offset: int, end: int) -> int:
    """Return the end of the value that begins at `offset`."""
    pending = 1
    while pending:
        code, offset = _octet(buffer, offset, end), offset + 1
        if code == _DESCRIBED:
            pending += 1  # its descriptor, then what is described
        else:
            offset = _end_of(code, buffer, offset, end)
            pending -= 1
    return offset


def _end_of(code: int, buffer: bytes, offset: int, end: int) -> int:
    """Return the end of the value whose format code precedes `offset`."""
    family = code >> 4
    if family in _FIXED_WIDTH:
        offset += _FIXED_WIDTH[family]
    elif family in _LENGTH_WIDTH:
        width = _LENGTH_WIDTH[family]
        offset += width + _number(buffer, offset, end, width)
    else:
        raise Malformed(f"0x{code:02x} is no format code")
    if offset > end:
        raise Malformed("a value reaches past the bytes that hold it")
    return offset


def _checked(buffer: bytes, offset: int, end: int, depth: int) -> int:
    """Check the value that begins at `offset` and every value within it. Return its end."""
    if depth > MAX_DEPTH:
        raise Malformed(f"values are nested more than {MAX_DEPTH} deep")
    code, offset = _octet(buffer, offset, end), offset + 1
    if code == _DESCRIBED:
        return _checked(buffer, _checked(buffer, offset, end, depth + 1), end, depth + 1)
    return _checked_content(code, buffer, offset, end, depth)


def _checked_content(code: int, buffer: bytes, offset: int, end: int, depth: int) -> int:
    """Do the same for a value whose format code precedes `offset`, or precedes the array that the value is in."""
    if depth > MAX_DEPTH:
        raise Malformed(f"values are nested more than {MAX_DEPTH} deep")
    stop = _end_of(code, buffer, offset, end)
    if code not in _LISTS + _MAPS + _ARRAYS:
        return stop
    count, offset = _count(code, buffer, offset, stop)
    if code in _ARRAYS:
        constructor, offset = _octet(buffer, offset, stop), offset + 1
        if constructor == _DESCRIBED:
            offset = _checked(buffer, offset, stop, depth + 1)
            constructor, offset = _octet(buffer, offset, stop), offset + 1
        for _ in range(count):
            offset = _checked_content(constructor, buffer, offset, stop, depth + 1)
    else:
        for _ in range(count):
            offset = _checked(buffer, offset, stop, depth + 1)
    if offset != stop:
        raise Malformed("a compound value holds bytes of no item")
    return stop


def _items(codes: tuple[int, int], value: bytes) -> list[bytes]:
    code = _octet(value, 0, len(value))
    if code not in codes:
        raise Malformed("a map was expected" if codes == _MAPS else "a list was expected")
    count, offset = _count(code, value, 1, len(value))
    found = []
    for _ in range(count):
        start, offset = offset, _end(value, offset, len(value))
        found.append(value[start:offset])
    if offset != len(value):
        raise Malformed("a compound value holds bytes of no item")
    return found


def _count(code: int, buffer: bytes, offset: int, end: int) -> tuple[int, int]:
    """Return the number of items that a compound value claims, and the offset of the first.

    An item takes at least a byte here. Elements of an array may take none, and it could claim any number of them.
    """
    width = _LENGTH_WIDTH[code >> 4]
    count, offset = _number(buffer, offset + width, end, width), offset + 2 * width
    if count > end - offset:
        raise Malformed("a compound value claims more items than it has bytes")
    return count, offset


def _content(value: bytes, codes: tuple[int, ...]) -> bytes | None:
    code = _octet(value, 0, len(value))
    return value[1 + _LENGTH_WIDTH[code >> 4] : _end(value, 0, len(value))] if code in codes else None


def _octet(buffer: bytes, offset: int, end: int) -> int:
    return _number(buffer, offset, end, 1)


def _number(buffer: bytes, offset: int, end: int, width: int) -> int:
    if offset + width > end:
        raise Malformed("a value reaches past the bytes that hold it")
    return int.from_bytes(buffer[offset : offset + width], "big")


def _compound(codes: tuple[int, int], values: Sequence[bytes]) -> bytes:
    content = b"".join(values)
    if len(content) < 255 and len(values) < 256:
        return bytes((codes[0], len(content) + 1, len(values))) + content
    return struct.pack(">BII", codes[1], len(content) + 4, len(values)) + content


def _variable(codes: tuple[int, int], content: bytes) -> bytes:
    if len(content) < 256:
        return bytes((codes[0], len(content))) + content
    return struct.pack(">BI", codes[1], len(content)) + content
