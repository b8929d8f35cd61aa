"""Reading a received Service Bus message: the SDK hands over raw AMQP sections, keys and texts as bytes."""

from typing import Any

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType


def body_of(message: ServiceBusReceivedMessage) -> bytes:
    """The message's body; empty where its sender used another AMQP section than data, as no order does."""
    return b"".join(message.body) if message.body_type is AmqpMessageBodyType.DATA else b""


def properties_of(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    """The application properties, with keys and texts as `str`."""
    return {_text(key): _text(value) for key, value in (message.application_properties or {}).items()}


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
