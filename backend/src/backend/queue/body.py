"""The body of a received message: the content of its data sections, if it can be an order's."""

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType

from backend.amqp.encoded_messages import decoding_fault
from backend.orders.handler import INVALID_ORDER

UNDECODABLE = "Undecodable"
REDRIVEN_FROM = b"redrivenFrom"
"""The application property of a dead letter's copy: see `backend.redrive.copy`."""


class NotAnOrder(ValueError):
    """The message can hold no order. `reason` is the dead letter's reason, and the text its description."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(description)
        self.reason = reason


def body_of(message: ServiceBusReceivedMessage) -> bytes:
    """Return the content of the message's data sections. Raises `NotAnOrder`."""
    if fault := decoding_fault(message):
        raise NotAnOrder(UNDECODABLE, fault)
    match message.body_type:
        case AmqpMessageBodyType.DATA:
            return b"".join(message.body)
        case _ if message.body is None:
            raise NotAnOrder(INVALID_ORDER, "the body is missing or null; an order's body is a data section")
        case kind:
            raise NotAnOrder(INVALID_ORDER, f"the body is an AMQP {kind.value}; an order's body is a data section")
