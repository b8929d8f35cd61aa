"""The message that is sent in the place of a dead letter: what its sender sent, byte for byte, with three changes.

Its message id is new, since duplicate detection would drop the old one. (The order's id is in the body, so an order
that is sent twice is still one order.) What the broker added is taken out. `redrivenFrom` names the dead letter.
"""

import uuid
from collections.abc import Collection

from backend.queue import amqp
from backend.queue.encoded import DELIVERY_COUNT

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
_BODY = (amqp.DATA, amqp.SEQUENCE, amqp.VALUE)


def copy_of(encoded: bytes, sequence_number: int, body: bytes | None = None) -> bytes:
    """Return the encoded copy of an encoded dead letter, with the given body or its own.

    Raises `amqp.Malformed` if the letter can't be taken apart.
    """
    found = list(amqp.sections(encoded))
    named = dict(found)
    sections = [
        (amqp.HEADER, _header(named.get(amqp.HEADER))),
        (amqp.DELIVERY_ANNOTATIONS, _without(_ANNOTATIONS_OF_BROKER, named.get(amqp.DELIVERY_ANNOTATIONS))),
        (amqp.MESSAGE_ANNOTATIONS, _without(_ANNOTATIONS_OF_BROKER, named.get(amqp.MESSAGE_ANNOTATIONS))),
        (amqp.PROPERTIES, _properties(named.get(amqp.PROPERTIES))),
        (amqp.APPLICATION_PROPERTIES, _application_properties(named.get(amqp.APPLICATION_PROPERTIES), sequence_number)),
    ]
    if body is None:
        sections += [(code, value) for code, value in found if code in _BODY]
    else:
        sections.append((amqp.DATA, amqp.encode_binary(body)))
    sections.append((amqp.FOOTER, named.get(amqp.FOOTER)))
    return b"".join(amqp.encode_section(code, value) for code, value in sections if value is not None)


def _header(header: bytes | None) -> bytes | None:
    """Return the header without the broker's count of deliveries."""
    if header is None:
        return None
    items = amqp.items(header)
    items[DELIVERY_COUNT : DELIVERY_COUNT + 1] = []  # the last of its fields
    return amqp.encode_list(items) if any(item != amqp.NULL for item in items) else None


def _properties(properties: bytes | None) -> bytes:
    """Return the properties with a new message id, which is the first of them."""
    items = amqp.items(properties) if properties else []
    return amqp.encode_list([amqp.encode_string(uuid.uuid4().hex), *items[1:]])


def _application_properties(properties: bytes | None, sequence_number: int) -> bytes:
    kept = amqp.entries(properties) if properties else []
    return amqp.encode_map(
        [
            *_unnamed((*_PROPERTIES_OF_BROKER, REDRIVEN_FROM), kept),
            (amqp.encode_string(REDRIVEN_FROM), amqp.encode_long(sequence_number)),
        ]
    )


def _without(names: Collection[str], section: bytes | None) -> bytes | None:
    """Return the map without the entries of these names, or None if it has no others."""
    pairs = amqp.entries(section) if section else []
    kept = _unnamed(names, pairs)
    return section if len(kept) == len(pairs) else amqp.encode_map(kept) if kept else None


def _unnamed(names: Collection[str], pairs: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(key, value) for key, value in pairs if amqp.text(key) not in names]
