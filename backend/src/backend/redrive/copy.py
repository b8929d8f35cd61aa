"""The message that is sent in the place of a dead letter: what its sender sent, byte for byte, with three changes.

Its message id is new, since duplicate detection would drop the old one. (The order's id is in the body, so an order
that is sent twice is still one order.) What the broker added is taken out. `redrivenFrom` names the dead letter.
"""

import uuid
from collections.abc import Collection

from backend.amqp import encoding
from backend.amqp.encoded_messages import DELIVERY_COUNT

REDRIVEN_FROM = "redrivenFrom"

# https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues#moving-messages-to-the-dlq
_PROPERTIES_OF_BROKER = ("DeadLetterReason", "DeadLetterErrorDescription")
# https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#message-annotations
_ANNOTATIONS_OF_BROKER = (
    "x-opt-deadletter-source",
    "x-opt-enqueue-sequence-number",
    "x-opt-enqueued-time",
    "x-opt-lock-token",
    "x-opt-locked-until",
    "x-opt-message-state",
    "x-opt-offset",
    "x-opt-sequence-number",
)
_BODY = (encoding.DATA, encoding.SEQUENCE, encoding.VALUE)


def copy_of(encoded: bytes, sequence_number: int, body: bytes | None = None) -> bytes:
    """Return the encoded copy of an encoded dead letter, with the given body or its own.

    Raises `encoding.Malformed` if the letter can't be taken apart.
    """
    found = list(encoding.sections(encoded))
    named = dict(found)
    sections = [
        (encoding.HEADER, _header(named.get(encoding.HEADER))),
        (encoding.DELIVERY_ANNOTATIONS, _without(_ANNOTATIONS_OF_BROKER, named.get(encoding.DELIVERY_ANNOTATIONS))),
        (encoding.MESSAGE_ANNOTATIONS, _without(_ANNOTATIONS_OF_BROKER, named.get(encoding.MESSAGE_ANNOTATIONS))),
        (encoding.PROPERTIES, _properties(named.get(encoding.PROPERTIES))),
        (
            encoding.APPLICATION_PROPERTIES,
            _application_properties(named.get(encoding.APPLICATION_PROPERTIES), sequence_number),
        ),
    ]
    if body is None:
        sections += [(code, value) for code, value in found if code in _BODY]
    else:
        sections.append((encoding.DATA, encoding.encode_binary(body)))
    sections.append((encoding.FOOTER, named.get(encoding.FOOTER)))
    return b"".join(encoding.encode_section(code, value) for code, value in sections if value is not None)


def _header(header: bytes | None) -> bytes | None:
    """Return the header without the broker's count of deliveries."""
    if header is None:
        return None
    items = encoding.items(header)
    items[DELIVERY_COUNT : DELIVERY_COUNT + 1] = []  # the last of its fields
    return encoding.encode_list(items) if any(item != encoding.NULL for item in items) else None


def _properties(properties: bytes | None) -> bytes:
    """Return the properties with a new message id, which is the first of them."""
    items = encoding.items(properties) if properties else []
    return encoding.encode_list([encoding.encode_string(uuid.uuid4().hex), *items[1:]])


def _application_properties(properties: bytes | None, sequence_number: int) -> bytes:
    kept = encoding.entries(properties) if properties else []
    return encoding.encode_map(
        [
            *_unnamed((*_PROPERTIES_OF_BROKER, REDRIVEN_FROM), kept),
            (encoding.encode_string(REDRIVEN_FROM), encoding.encode_long(sequence_number)),
        ]
    )


def _without(names: Collection[str], section: bytes | None) -> bytes | None:
    """Return the map without the entries of these names, or None if it has no others."""
    pairs = encoding.entries(section) if section else []
    kept = _unnamed(names, pairs)
    return section if len(kept) == len(pairs) else encoding.encode_map(kept) if kept else None


def _unnamed(names: Collection[str], pairs: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(key, value) for key, value in pairs if encoding.text(key) not in names]
