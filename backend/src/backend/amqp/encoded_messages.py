"""Receive and send messages as they are encoded. The Service Bus SDK does neither.

The SDK (azure-servicebus 7.15) decodes a message while it reads it from the connection. A message that it can't decode
(with an IEEE decimal, a char, a value nested too deeply) shuts its receiver down, often without an error, and can't be
settled. A peek loses every message of its page. A message that it can decode it may encode in another way: a timestamp
becomes an int, a binary property a string, an AMQP value an empty body.

So `keep_encoded` replaces the private function that decodes messages, in the two modules of the SDK that use it, and
`send_encoded` replaces the message in a batch. If a new SDK differs here, tests/unit/test_backend_encoded_messages.py
fails.
"""

import time
from contextlib import suppress
from typing import Any, cast

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus._pyamqp._decode import decode_payload
from azure.servicebus._pyamqp.aio import _receiver_async
from azure.servicebus._pyamqp.message import Header, Message
from azure.servicebus._transport import _pyamqp_transport
from azure.servicebus.aio import ServiceBusSender
from azure.servicebus.exceptions import MessageSizeExceededError

from backend.amqp import encoding

_NAMES = {
    encoding.HEADER: "header",
    encoding.DELIVERY_ANNOTATIONS: "delivery annotations",
    encoding.MESSAGE_ANNOTATIONS: "message annotations",
    encoding.PROPERTIES: "properties",
    encoding.APPLICATION_PROPERTIES: "application properties",
    encoding.DATA: "body",
    encoding.SEQUENCE: "body",
    encoding.VALUE: "body",
    encoding.FOOTER: "footer",
}
DELIVERY_COUNT = 4  # its place in the header, whose last field it is
_SEQUENCE_NUMBER, _LOCKED_UNTIL = b"x-opt-sequence-number", b"x-opt-locked-until"
# The SDK reads these of each message that it settles, and fails if one is no ASCII text. Such a one is malformed and is
# left out, as the specification asks: https://www.w3.org/TR/trace-context/#a-traceparent-is-received
_TRACE_CONTEXT = (b"traceparent", b"tracestate", b"Diagnostic-Id")
_LOCK = 30.0  # seconds that a lock lasts if its end can't be read


class EncodedMessage(Message):
    """A decoded message with the bytes that it was. `fault` says why it could not be decoded, or is None."""

    encoded: bytes
    fault: str | None


def keep_encoded() -> None:
    """Make the SDK's asyncio receivers keep the bytes of each message, and receive messages that they can't decode.

    Raises `AttributeError` if the SDK no longer has the function that this replaces.
    """
    for module in (_receiver_async, _pyamqp_transport):
        if vars(module).get("decode_payload") not in (decode_payload, decode):
            raise AttributeError(f"{module.__name__} does not decode messages with decode_payload")
        vars(module)["decode_payload"] = decode


def encoded_of(message: ServiceBusReceivedMessage) -> bytes:
    """Return the message as the broker sent it."""
    return _kept(message).encoded


def decoding_fault(message: ServiceBusReceivedMessage) -> str | None:
    """Return why the SDK could not decode the message, or None."""
    return _kept(message).fault


def _kept(message: ServiceBusReceivedMessage) -> EncodedMessage:
    return cast(EncodedMessage, message._message)


async def send_encoded(sender: ServiceBusSender, encoded: bytes) -> None:
    """Send an encoded message. It is sent as a batch of one, since a batch's data sections are encoded messages.

    Raises `MessageSizeExceededError` if the broker does not take a message as large.
    """
    batch = await sender.create_message_batch()
    batch.add_message(ServiceBusMessage(b""))
    if batch.size_in_bytes + len(encoded) > batch.max_size_in_bytes:
        raise MessageSizeExceededError(message=f"The broker takes no more than {batch.max_size_in_bytes} bytes.")
    batch._message[5][0] = encoded  # in the place of the message that was just added
    await sender.send_messages(batch)


def decode(payload: memoryview) -> EncodedMessage:
    """Decode a message. If it can't be decoded, return a fault, and what the broker says of the message."""
    encoded = bytes(payload)
    try:
        message, fault = _decode(encoded), None
    except encoding.Malformed as error:
        message, fault = _broker_part(encoded), f"it is no AMQP message: {error}"
    except Exception as error:
        message, fault = _broker_part(encoded), str(error)
    kept = EncodedMessage(*message)
    kept.encoded, kept.fault = encoded, fault
    return kept


def _decode(encoded: bytes) -> Message:
    """Decode each section by itself, and leave out a malformed trace context.

    Raises `ValueError`, which names the section that can't be decoded.
    """
    found: dict[str, Any] = {}
    for code, value in encoding.sections(encoded):
        try:
            encoding.check(code, value)
            section = decode_payload(memoryview(encoding.encode_section(code, value)))
        except Exception as error:
            why = f": {error}" if isinstance(error, ValueError) else ""  # other errors say only how the SDK failed
            raise ValueError(f"azure-servicebus can't decode its {_NAMES[code]}{why}") from error
        for field, content in section._asdict().items():
            if code in (encoding.DATA, encoding.SEQUENCE) and content is not None:
                found.setdefault(field, []).extend(content)
            elif content is not None:
                found[field] = content
    if properties := found.get("application_properties"):
        found["application_properties"] = {
            name: value for name, value in properties.items() if name not in _TRACE_CONTEXT or _is_ascii(value)
        }
    message = Message(**found)
    _check_broker_part(message)
    return message


def _is_ascii(value: Any) -> bool:
    return isinstance(value, bytes) and value.isascii()


def _check_broker_part(message: Message) -> None:
    """Check the fields that the SDK and the worker read first. Raises `ValueError` or `OverflowError`."""
    view = ServiceBusReceivedMessage(message, receiver=None)
    _ = view.locked_until_utc
    if not all(isinstance(number, int | None) for number in (view.sequence_number, view.delivery_count)):
        raise ValueError("its sequence number or delivery count is no number")


def _broker_part(encoded: bytes) -> Message:
    """Return what the broker says of the message: its delivery count, its sequence number, the end of its lock."""
    unknown: dict[str | bytes, int] = {_SEQUENCE_NUMBER: 0, _LOCKED_UNTIL: int((time.time() + _LOCK) * 1000)}
    annotations: dict[str | bytes, int] = {}
    header = None
    with suppress(encoding.Malformed):
        for code, value in encoding.sections(encoded):
            if code == encoding.HEADER:
                counts = map(encoding.integer, encoding.items(value)[DELIVERY_COUNT:])
                header = Header(delivery_count=next(counts, None))
            elif code == encoding.MESSAGE_ANNOTATIONS:
                numbers = (
                    ((encoding.text(key) or "").encode(), encoding.integer(item))
                    for key, item in encoding.entries(value)
                )
                annotations = {name: number for name, number in numbers if name in unknown and number is not None}
    message = Message(header=header, message_annotations=unknown | annotations)
    try:
        _check_broker_part(message)
    except (ValueError, OverflowError):
        return Message(header=header, message_annotations=unknown)
    return message
