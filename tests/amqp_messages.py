"""Encoded AMQP messages of every kind, as senders of other languages put them on the wire; no SDK would make most.

The formats are those of the AMQP 1.0 specification, part 1 (types) and part 3 (messaging).
"""

import json
import struct
from collections.abc import Iterable

from backend.amqp import encoding

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS, PROPERTIES, APPLICATION_PROPERTIES = range(0x70, 0x75)
DATA, SEQUENCE, VALUE, FOOTER = range(0x75, 0x79)

NULL = b"\x40"


def string(text: str | bytes) -> bytes:
    octets = text.encode() if isinstance(text, str) else text
    return b"\xb1" + struct.pack(">I", len(octets)) + octets


def symbol(text: str) -> bytes:
    return b"\xa3" + bytes([len(text)]) + text.encode()


def binary(octets: bytes) -> bytes:
    return b"\xb0" + struct.pack(">I", len(octets)) + octets


def long(number: int) -> bytes:
    return struct.pack(">Bq", 0x81, number)


def timestamp(milliseconds: int) -> bytes:
    return struct.pack(">Bq", 0x83, milliseconds)


def uint(number: int) -> bytes:
    return struct.pack(">BI", 0x70, number)


def described(name: str, value: bytes) -> bytes:
    return b"\x00" + symbol(name) + value


def compound(code: int, content: bytes, count: int) -> bytes:
    """A list (0xd0), a map (0xd1) or an array (0xf0) that claims to hold this number of items."""
    return struct.pack(">BII", code, len(content) + 4, count) + content


def list_of(*items: bytes) -> bytes:
    return compound(0xD0, b"".join(items), len(items))


def map_of(*pairs: tuple[bytes, bytes]) -> bytes:
    return compound(0xD1, b"".join(key + value for key, value in pairs), 2 * len(pairs))


def array_of(constructor: bytes, *contents: bytes) -> bytes:
    return compound(0xF0, constructor + b"".join(contents), len(contents))


def nested(depth: int, innermost: bytes = NULL) -> bytes:
    """A list that holds a list, that holds a list …"""
    value = innermost
    for _ in range(depth):
        value = list_of(value)
    return value


def section(code: int, value: bytes) -> bytes:
    return bytes([0x00, 0x53, code]) + value


def data(octets: bytes) -> bytes:
    return section(DATA, binary(octets))


def value(content: bytes) -> bytes:
    return section(VALUE, content)


def sequence(*items: bytes) -> bytes:
    return section(SEQUENCE, list_of(*items))


def message(
    body: bytes = b"",
    application: Iterable[tuple[str, bytes]] = (),
    properties: Iterable[bytes] = (),
    annotations: Iterable[tuple[str, bytes]] = (),
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A message; `body` is one or more encoded sections. What is not given is not there."""
    parts = [before]
    if annotations := list(annotations):
        parts.append(section(MESSAGE_ANNOTATIONS, map_of(*((symbol(key), item) for key, item in annotations))))
    if properties := list(properties):
        parts.append(section(PROPERTIES, list_of(*properties)))
    if application := list(application):
        parts.append(section(APPLICATION_PROPERTIES, map_of(*((string(key), item) for key, item in application))))
    return b"".join((*parts, body, after))


# The values that the SDK decodes, of each type that AMQP has
DECODABLE = {
    "null": NULL,
    "true": b"\x41",
    "boolean": b"\x56\x00",
    "ubyte": b"\x50\x07",
    "ushort": b"\x60\x00\x07",
    "uint": uint(7),
    "uint0": b"\x43",
    "smalluint": b"\x52\x07",
    "ulong": b"\x80" + b"\xff" * 8,
    "ulong0": b"\x44",
    "smallulong": b"\x53\x07",
    "byte": b"\x51\xf9",
    "short": b"\x61\xff\xf9",
    "int": b"\x71\xff\xff\xff\xf9",
    "smallint": b"\x54\xf9",
    "long": long(-(2**63)),
    "smalllong": b"\x55\xf9",
    "float": b"\x72" + struct.pack(">f", 1.5),
    "double": b"\x82" + struct.pack(">d", float("nan")),
    "timestamp": timestamp(1_700_000_000_000),
    "timestamp before 1970": timestamp(-(2**62)),
    "uuid": b"\x98" + bytes(range(16)),
    "binary": binary(b"\xff\xfe\x00"),
    "string": string("ä"),
    "string that is no UTF-8": string(b"\xff\xfe"),
    "empty string": string(""),
    "long string": string("x" * 60_000),
    "symbol": symbol("x"),
    ".NET timespan": described("com.microsoft:timespan", long(36_000_000_000)),
    ".NET datetime-offset": described("com.microsoft:datetime-offset", long(638_000_000_000_000_000)),
    ".NET uri": described("com.microsoft:uri", string("https://example.com/a")),
    ".NET decimal": b"\x94\x0c\x38" + bytes(10) + struct.pack(">I", 338_024_489),
    "decimal128 infinity": b"\x94\x78" + bytes(15),
    "unknown described type": described("example:thing", list_of(string("a"), NULL)),
    "outcome": b"\x00\x53\x24\x45",
    "list": list_of(string("a"), list_of()),
    "list0": b"\x45",
    "map": map_of((string("a"), NULL), (long(1), string("b"))),
    "map within a map": map_of((string("a"), map_of((string("b"), list_of())))),
    "array": array_of(b"\x71", b"\0\0\0\1", b"\0\0\0\2"),
    "array of described values": array_of(b"\x00\xa3\x01x\x81", *[struct.pack(">q", 1)] * 2),
    "nested 50 deep": nested(50),
}
# The values that it can't decode, though they are AMQP
UNDECODABLE = {
    "decimal32": b"\x74" + bytes(4),
    "decimal64": b"\x84" + bytes(8),
    "decimal128": b"\x94" + bytes.fromhex("30340000000000000000000014250ef1"),
    "char": b"\x73" + struct.pack(">I", 0x41),
    "array of chars": array_of(b"\x73", struct.pack(">I", 0x41)),
    "described char": described("example:char", b"\x73" + struct.pack(">I", 0x41)),
    "empty array": array_of(b"\x71"),
    "nested 200 deep": nested(200),
    "map whose key is a list": map_of((list_of(), NULL)),
}
# The values that would take a decoder more time and memory than a worker has, in few bytes
BOMBS = {
    "a million nulls in an array": compound(0xF0, NULL, 1_000_000),
    "arrays of nulls": list_of(*[compound(0xF0, NULL, 65_536)] * 500),
    "a list of a billion": compound(0xD0, NULL, 1_000_000_000),
    "described descriptors": b"\x00" * 20_000 + NULL * 20_001,
}


def order(product: str = "Lantern", quantity: int = 1, order_id: str = "a" * 32) -> bytes:
    """The JSON of an order's message."""
    return json.dumps(
        {
            "version": 1,
            "orderId": order_id,
            "customerId": "b" * 32,
            "order": {"product": product, "quantity": quantity},
            "acceptedAt": "2026-11-24T12:00:00Z",
        }
    ).encode()


REFUSED_BY_A_BROKER = {
    "string that is no UTF-8",
    "a million nulls in an array",
    "arrays of nulls",
    "a list of a billion",
}
"""Kinds above that are no AMQP, or that would stall a receiver's decoder: the local cloud's broker refuses them."""

REFUSED_AS_PROPERTY = REFUSED_BY_A_BROKER | {
    "unknown described type",
    "outcome",
    "list",
    "list0",
    "map",
    "map within a map",
    "array",
    "array of described values",
    "nested 50 deep",
    "array of chars",
    "empty array",
    "nested 200 deep",
    "map whose key is a list",
    "described descriptors",
    "long string",
}
"""Those that are too long or no simple values either: the broker refuses them as an application property's value."""

# Messages with something in each place that a sender may use
MESSAGES = {
    "nothing": message(),
    "data": message(data(order())),
    "several data sections": message(data(b"one") + data(b"") + data(b"two")),
    "value": message(value(string("{}"))),
    "null": message(value(NULL)),
    "sequences": message(sequence(string("{}")) + sequence()),
    "properties": message(
        data(order()),
        properties=[
            DECODABLE["ulong"],  # message-id
            binary(b"\xff"),  # user-id
            *map(string, ("to", "subject", "reply-to")),
            DECODABLE["uuid"],  # correlation-id
            symbol("application/json"),
            NULL,  # content-encoding
            timestamp(1_900_000_000_000),  # absolute-expiry-time
            timestamp(1_700_000_000_000),  # creation-time
            string("session"),
            uint(7),  # group-sequence
            string("reply-to-session"),
        ],
    ),
    "application properties": message(
        data(order()),
        [(kind, each) for kind, each in (DECODABLE | UNDECODABLE).items() if kind not in REFUSED_AS_PROPERTY],
    ),
    "annotations": message(
        data(order()),
        annotations=[
            ("x-opt-scheduled-enqueue-time", timestamp(1_700_000_000_000)),
            ("x-opt-partition-key", string("key")),
            ("x-opt-via-partition-key", string("via")),
            ("x-opt-mine", UNDECODABLE["decimal64"]),
        ],
    ),
    "header": message(data(order()), before=section(HEADER, list_of(b"\x41", b"\x50\x07", uint(3_600_000), b"\x42"))),
    "delivery annotations": message(
        data(order()), before=section(DELIVERY_ANNOTATIONS, map_of((symbol("x-opt-mine"), long(1))))
    ),
    "footer": message(data(order()), after=section(FOOTER, map_of((symbol("x-opt-mac"), UNDECODABLE["char"])))),
}


def parts(encoded: bytes) -> dict[int, list[bytes]]:
    """The items of a message's header and properties, and the values of its other sections, by code."""
    found: dict[int, list[bytes]] = {}
    for code, value in encoding.sections(encoded):
        opened = encoding.items(value) if code in (HEADER, PROPERTIES) else [value]
        found.setdefault(code, []).extend(opened)
    return found
