"""What an encoded value is made of, found without decoding it: a broker passes values on and reads few of them.

Nothing here recurses, so values may nest as deeply as their bytes allow.
"""

from collections.abc import Hashable, Iterator

from localcloud.servicebus.amqp.decoder import (
    ARRAYS,
    DESCRIBED,
    EMPTY,
    LENGTH_WIDTH,
    LISTS,
    MAPS,
    NULL,
    UNPACK,
    VARIABLE,
    WIDTH,
    DecodeError,
    decode,
    read_compound,
    read_length,
    within,
)
from localcloud.servicebus.amqp.types import Described, Value

EMPTY_LIST = 0x45
_CHAR = 0x73
_LAST_CHARACTER = 0x10FFFF
_TEXTS = {0xA1: "utf-8", 0xB1: "utf-8", 0xA3: "ascii", 0xB3: "ascii"}


def skip(buffer: bytes, offset: int, end: int) -> int:
    """The offset behind the value that begins at `offset`; raises `DecodeError`. What it holds is not looked at."""
    pending = 1  # a described value is two values: its descriptor, then the value itself
    while pending:
        within(offset + 1, end)
        code = buffer[offset]
        offset += 1
        if code == DESCRIBED:
            pending += 1
            continue
        family = code >> 4
        if family in WIDTH:
            offset += WIDTH[family]
        elif family in LENGTH_WIDTH:
            length, offset = read_length(buffer, offset, end, LENGTH_WIDTH[family])
            offset += length
        else:
            raise DecodeError(f"0x{code:02x} is no format code")
        within(offset, end)
        pending -= 1
    return offset


def validate(buffer: bytes, offset: int, end: int) -> int:
    """The offset behind the value that begins at `offset`; raises `DecodeError` if any value in it is not AMQP.

    Elements of arrays may take no bytes. More of them than there are bytes would stall a receiver's decoder.
    """
    most_empty = end - offset
    outer: list[tuple[int, int, int | None]] = []
    # Of the innermost value: how many values are still to come, where it ends, and an array's shared format code.
    pending, stop, shared = 1, end, None
    while True:
        if not pending:
            if not outer:
                return offset
            if offset != stop:
                raise DecodeError("a compound value is longer than what it holds")
            pending, stop, shared = outer.pop()
            continue
        pending -= 1
        code = shared
        if code is None:
            code, offset = _format_code(buffer, offset, stop)
        if code == DESCRIBED:
            pending += 2
        elif code in LISTS or code in MAPS:
            outer.append((pending, stop, shared))
            pending, offset, stop = read_compound(buffer, offset, stop, LENGTH_WIDTH[code >> 4])
            shared = None
            if code in MAPS and pending % 2:
                raise DecodeError("a map's last key has no value")
        elif code in ARRAYS:
            outer.append((pending, stop, shared))
            pending, offset, stop, shared = _array(buffer, offset, stop, LENGTH_WIDTH[code >> 4])
            if shared in EMPTY:
                most_empty, pending = most_empty - pending, 0
            if most_empty < 0 or pending > stop - offset:
                raise DecodeError("an array claims more elements than it has bytes")
        else:
            offset = _leaf(code, buffer, offset, stop)


def simple(encoded: bytes) -> Value:
    """The value, or nothing if it is a list, a map, an array or a described value."""
    if encoded[0] == DESCRIBED or is_compound(encoded):
        return None
    return decode(encoded)[0]


def is_compound(encoded: bytes) -> bool:
    """Whether the value is a list, a map or an array, or one of these with a descriptor."""
    offset = 0
    while encoded[offset] == DESCRIBED:
        offset = skip(encoded, offset + 1, len(encoded))
    return encoded[offset] in (*LISTS, *MAPS, *ARRAYS, EMPTY_LIST)


def list_items(encoded: bytes) -> list[bytes]:
    """The items of an encoded list, each as it is encoded; raises `DecodeError`."""
    within(1, len(encoded))
    code = encoded[0]
    if code == EMPTY_LIST:
        return []
    if code not in LISTS:
        raise DecodeError("a list was expected")
    count, offset, stop = read_compound(encoded, 1, len(encoded), LENGTH_WIDTH[code >> 4])
    items = []
    for _ in range(count):
        behind = skip(encoded, offset, stop)
        items.append(encoded[offset:behind])
        offset = behind
    return items


def map_entries(buffer: bytes, offset: int, end: int) -> Iterator[tuple[Value, bytes]]:
    """The entries of the map that begins at `offset`: each decoded key, with key and value as they are encoded."""
    code, offset = _format_code(buffer, offset, end)
    if code not in MAPS:
        raise DecodeError("a map was expected")
    count, offset, stop = read_compound(buffer, offset, end, LENGTH_WIDTH[code >> 4])
    for _ in range(count // 2):
        key, value = decode(buffer, offset, stop)
        behind = skip(buffer, value, stop)
        if not isinstance(key, Hashable) or isinstance(key, Described):
            raise DecodeError("a map's key is of no simple type")
        yield key, buffer[offset:behind]
        offset = behind


def _format_code(buffer: bytes, offset: int, stop: int) -> tuple[int, int]:
    within(offset + 1, stop)
    return buffer[offset], offset + 1


def _array(buffer: bytes, offset: int, stop: int, width: int) -> tuple[int, int, int, int]:
    """An array's count, the offset of its first element, the offset behind the whole, and the code of its elements."""
    length, offset = read_length(buffer, offset, stop, width)
    end = offset + length
    within(end, stop)
    count, offset = read_length(buffer, offset, end, width)
    if offset == end and not count:  # some encoders leave out the format code of no elements
        return 0, offset, end, NULL
    code, offset = _format_code(buffer, offset, end)
    while code == DESCRIBED:
        descriptor, offset = _format_code(buffer, offset, end)
        offset = _leaf(descriptor, buffer, offset, end)
        code, offset = _format_code(buffer, offset, end)
    return count, offset, end, code


def _leaf(code: int, buffer: bytes, offset: int, stop: int) -> int:
    """The offset behind a value that holds no other."""
    if code in EMPTY:
        return offset
    if code in UNPACK:
        unpack, width, _ = UNPACK[code]
        within(offset + width, stop)
        if code == _CHAR and unpack(buffer, offset)[0] > _LAST_CHARACTER:
            raise DecodeError("there is no such character")
        return offset + width
    if code not in VARIABLE:
        raise DecodeError(f"0x{code:02x} is no format code")
    length, offset = read_length(buffer, offset, stop, LENGTH_WIDTH[code >> 4])
    within(offset + length, stop)
    if code in _TEXTS:
        try:
            buffer[offset : offset + length].decode(_TEXTS[code])
        except UnicodeDecodeError as error:
            raise DecodeError(str(error)) from error
    return offset + length
