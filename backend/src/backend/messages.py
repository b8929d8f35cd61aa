"""What the worker and redrive read of a received message."""

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType

from backend.encoded import fault_of

UNDECODABLE = "Undecodable"
INVALID_ORDER = "InvalidOrder"


class NoOrder(ValueError):
    """The message can hold no order. `reason` is the reason to dead-letter it for, the text says what is wrong."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def body_of(message: ServiceBusReceivedMessage) -> bytes:
    """Return the content of the message's data sections, which hold an order's body. Raises `NoOrder`."""
    if fault := fault_of(message):
        raise NoOrder(UNDECODABLE, fault)
    match message.body_type:
        case AmqpMessageBodyType.DATA:
            return b"".join(message.body)
        case _ if message.body is None:
            raise NoOrder(INVALID_ORDER, "the body is missing or null; an order's body is a data section")
        case kind:
            raise NoOrder(INVALID_ORDER, f"the body is an AMQP {kind.value}; an order's body is a data section")


def printable(text: str) -> str:
    """Return the text with every character that a terminal can't show, or would act on, written as an escape."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
