"""An encoded message as its sections (specification, part 3, section 3.2), which a broker moves and hardly reads.

Sections are kept as the bytes that came in. What a broker adds (annotations, a delivery count, the reason of a dead
letter) replaces single entries; everything else of a section goes out as it was, of any type and nested to any depth.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from localcloud.servicebus.amqp.decoder import NULL, DecodeError, decode
from localcloud.servicebus.amqp.encoder import encode, encode_list, encode_map
from localcloud.servicebus.amqp.structure import list_items, map_entries, simple, skip, validate
from localcloud.servicebus.amqp.types import Symbol, UInt, ULong, Value

HEADER = 0x70
DELIVERY_ANNOTATIONS = 0x71
MESSAGE_ANNOTATIONS = 0x72
PROPERTIES = 0x73
APPLICATION_PROPERTIES = 0x74
DATA, SEQUENCE, VALUE = 0x75, 0x76, 0x77
FOOTER = 0x78

_LISTS = (HEADER, PROPERTIES)
_MAPS = (DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS, APPLICATION_PROPERTIES, FOOTER)
_BODIES = (DATA, SEQUENCE, VALUE)
_REPEATED = (DATA, SEQUENCE)
_BINARY = (0xA0, 0xB0)
_DESCRIPTORS = {code: b"\x00" + encode(ULong(code)) for code in range(HEADER, FOOTER + 1)}
_NULL = bytes((NULL,))
_TTL, _DELIVERY_COUNT = 2, 4  # places in the header
_FIELDS = (  # of the properties, in their order
    "message-id",
    "user-id",
    "to",
    "subject",
    "reply-to",
    "correlation-id",
    "content-type",
    "content-encoding",
    "absolute-expiry-time",
    "creation-time",
    "group-id",
    "group-sequence",
    "reply-to-group-id",
)
_PLACES = {name: place for place, name in enumerate(_FIELDS)}
_MESSAGE_ID = _PLACES["message-id"]


@dataclass(frozen=True, slots=True)
class Message:
    """Each section's value as it is encoded, without its descriptor; the sections of `body` with theirs."""

    header: bytes | None
    delivery_annotations: bytes | None
    annotations: bytes | None
    properties: bytes | None
    application_properties: bytes | None
    body: bytes
    footer: bytes | None

    @classmethod
    def parse(cls, encoded: bytes) -> "Message":
        """Raises `DecodeError` if the bytes are not the sections of one message, in their order.

        Delivery annotations may stand anywhere: the Python SDK writes them behind the footer.
        """
        sections: dict[int, bytes] = {}
        body: list[bytes] = []
        offset, last = 0, 0
        while offset < len(encoded):
            code, value = _descriptor(encoded, offset)
            end = _validated(code, encoded, value)
            if code in sections or (code != DELIVERY_ANNOTATIONS and not _may_follow(code, last)):
                raise DecodeError("the message's sections are out of order")
            if code in _BODIES:
                body.append(encoded[offset:end])
            else:
                sections[code] = encoded[value:end]
            if code != DELIVERY_ANNOTATIONS:
                last = code
            offset = end
        return cls(
            sections.get(HEADER),
            sections.get(DELIVERY_ANNOTATIONS),
            sections.get(MESSAGE_ANNOTATIONS),
            sections.get(PROPERTIES),
            sections.get(APPLICATION_PROPERTIES),
            b"".join(body),
            sections.get(FOOTER),
        )

    def encode(self) -> bytes:
        """The message as it goes on the wire, its sections in the specification's order."""
        values = self.header, self.delivery_annotations, self.annotations, self.properties, self.application_properties
        sections = [_DESCRIPTORS[HEADER + place] + value for place, value in enumerate(values) if value is not None]
        footer = b"" if self.footer is None else _DESCRIPTORS[FOOTER] + self.footer
        return b"".join(sections) + self.body + footer

    @property
    def time_to_live(self) -> float | None:
        """Seconds, from the header."""
        ttl = _item(self.header, _TTL)
        return ttl / 1000 if isinstance(ttl, UInt) else None

    def field(self, name: str) -> Value:
        """A field of the properties if it is of a simple type, or nothing; `name` is the specification's."""
        return _item(self.properties, _PLACES[name])

    def encoded_fields(self) -> dict[str, bytes]:
        """The fields of the properties that the sender gave a value, each as it is encoded."""
        items = list_items(self.properties) if self.properties else []
        return {name: item for name, item in zip(_FIELDS, items, strict=False) if item != _NULL}

    def identifier(self, name: str) -> Value:
        """A message id or a correlation id, of one of the types that these may have, or nothing."""
        found = self.field(name)
        return found if isinstance(found, ULong | uuid.UUID | bytes | str) else None

    @property
    def message_id(self) -> Value:
        return self.identifier("message-id")

    @property
    def session_id(self) -> str | None:
        """The group id."""
        found = self.field("group-id")
        return found if isinstance(found, str) else None

    @property
    def reply_to(self) -> Value:
        return self.field("reply-to")

    @property
    def header_size(self) -> int:
        """The bytes of the sections that stand before the body."""
        sections = (
            self.header,
            self.delivery_annotations,
            self.annotations,
            self.properties,
            self.application_properties,
        )
        return sum(len(section) for section in sections if section is not None)

    def annotation(self, key: str) -> Value:
        """A message annotation's value if it is of a simple type, or nothing."""
        return next((simple(value) for name, value in self.annotation_entries() if name == key), None)

    def application_property_values(self) -> dict[Value, Value]:
        """The application properties, decoded; raises `DecodeError` for values that nest too deeply."""
        values: dict[Value, Value] = decode(self.application_properties)[0] if self.application_properties else {}
        return values

    def annotation_entries(self) -> Iterator[tuple[Value, bytes]]:
        """Each message annotation's key, and its value as it is encoded."""
        for key, entry in _entries(self.annotations):
            yield key, entry[skip(entry, 0, len(entry)) :]

    def application_property_entries(self) -> Iterator[tuple[Value, bytes]]:
        """Each application property's key, and its value as it is encoded."""
        for key, entry in _entries(self.application_properties):
            yield key, entry[skip(entry, 0, len(entry)) :]

    def body_value(self) -> Value:
        """The value of an `amqp-value` body; nothing if the body is of another kind. Raises `DecodeError` as above."""
        if not self.body:
            return None
        code, value = _descriptor(self.body, 0)
        return decode(self.body, value)[0] if code == VALUE else None

    def identified(self) -> "Message":
        """With a message id of its own if the sender gave it none."""
        items = list_items(self.properties) if self.properties else []
        if items and items[_MESSAGE_ID] != _NULL:
            return self
        return replace(self, properties=encode_list([encode(uuid.uuid4().hex), *items[1:]]))

    def annotated(self, annotations: Mapping[Symbol, Value]) -> "Message":
        return replace(self, annotations=_merge(self.annotations, annotations))

    def with_delivery_annotations(self, annotations: Mapping[Symbol, Value]) -> "Message":
        return replace(self, delivery_annotations=_merge(self.delivery_annotations, annotations))

    def with_properties(self, properties: Mapping[str, Value]) -> "Message":
        """With these application properties besides, or instead of, its own; raises `TypeError` for other values."""
        if not properties:
            return self
        return replace(
            self,
            application_properties=_merge(
                self.application_properties, {str(key): value for key, value in properties.items()}
            ),
        )

    def without_property(self, name: str) -> "Message":
        """Without this application property."""
        if self.application_properties is None:
            return self
        kept = [entry for key, entry in _entries(self.application_properties) if key != name]
        return replace(self, application_properties=encode_map(kept))

    def with_field(self, name: str, value: str | None) -> "Message":
        """With another value in a field of the properties."""
        items = list_items(self.properties) if self.properties else []
        items += [_NULL] * (_PLACES[name] + 1 - len(items))
        items[_PLACES[name]] = encode(value)
        return replace(self, properties=encode_list(items))

    def counted(self, delivery_count: int) -> "Message":
        """With the header's delivery count, the number of deliveries that failed before this one."""
        items = list_items(self.header) if self.header else []
        items += [_NULL] * (_DELIVERY_COUNT + 1 - len(items))
        items[_DELIVERY_COUNT] = encode(UInt(delivery_count))
        return replace(self, header=encode_list(items))


def data_sections(encoded: bytes) -> Iterator[bytes]:
    """What a batch holds: each of its data sections is a message of its own; raises `DecodeError`."""
    body = Message.parse(encoded).body
    offset = 0
    while offset < len(body):
        code, value = _descriptor(body, offset)
        if code == DATA:
            yield decode(body, value)[0]
        offset = skip(body, value, len(body))


def encode_reply(correlation_id: Value, application_properties: dict[str, Value], body: Value) -> bytes:
    """A reply: its correlation id, its application properties and a body of one value."""
    properties = [None, None, None, None, None, correlation_id]
    return b"".join(
        _DESCRIPTORS[code] + encode(value)
        for code, value in ((PROPERTIES, properties), (APPLICATION_PROPERTIES, application_properties), (VALUE, body))
    )


def _may_follow(code: int, last: int) -> bool:
    """Whether a section may stand behind another: in their order, with a body of one kind."""
    if code in _BODIES and last in _BODIES:
        return code == last and code in _REPEATED
    return code > last


def _descriptor(encoded: bytes, offset: int) -> tuple[int, int]:
    """A section's code, and where its value begins."""
    if encoded[offset] != 0x00:
        raise DecodeError("a message section was expected")
    descriptor, value = decode(encoded, offset + 1)
    if not isinstance(descriptor, ULong) or descriptor not in _DESCRIPTORS:
        raise DecodeError("there is no such message section")
    return descriptor, value


def _validated(code: int, encoded: bytes, offset: int) -> int:
    """Where a section's value ends; what is read or changed of it later is known to be well formed from here on."""
    end = validate(encoded, offset, len(encoded))
    if code in _LISTS:
        list_items(encoded[offset:end])
    elif code in _MAPS:
        for _ in map_entries(encoded, offset, end):
            pass
    elif code == DATA and encoded[offset] not in _BINARY:
        raise DecodeError("a data section is not binary")
    return end


def _item(encoded: bytes | None, place: int) -> Value:
    items = list_items(encoded) if encoded else []
    return simple(items[place]) if place < len(items) else None


def _entries(encoded: bytes | None) -> Iterator[tuple[Value, bytes]]:
    return map_entries(encoded, 0, len(encoded)) if encoded else iter(())


def _merge(encoded: bytes | None, additions: Mapping[str, Value] | Mapping[Symbol, Value]) -> bytes:
    kept = [entry for key, entry in _entries(encoded) if key not in additions]
    return encode_map(kept + [encode(key) + encode(value) for key, value in additions.items()])
