"""The dead letters, as the operator sees them."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from pydantic import ValidationError

from backend.amqp import encoding
from backend.amqp.encoded_messages import encoded_of
from backend.orders.printable import describe, printable
from backend.queue.body import NotAnOrder, body_of
from contract import OrderMessage

PAGE = 50  # messages that one call peeks
WIDTH = 64  # characters of a reason or an order's id that are shown


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`order_id` is None if the body names none. `fault` says why the message is no order, or is None if it is one."""

    sequence_number: int
    reason: str
    description: str
    order_id: str | None
    fault: str | None


async def read_all(receiver: ServiceBusReceiver) -> list[DeadLetter]:
    """Read all dead letters, oldest first, with a receiver of the dead-letter queue. They are peeked, not locked."""
    letters: list[DeadLetter] = []
    start = 1
    while messages := await receiver.peek_messages(max_message_count=PAGE, sequence_number=start):
        letters += map(read_letter, messages)
        start = max(start, letters[-1].sequence_number) + 1
    return letters


def read_letter(message: ServiceBusReceivedMessage) -> DeadLetter:
    """Read a dead letter. Nothing that its sender put into it makes this fail."""
    texts, data = _readable(encoded_of(message))
    try:
        fault = order_fault(body_of(message))
    except NotAnOrder as error:
        fault = str(error)
    return DeadLetter(
        sequence_number=message.sequence_number or 0,
        reason=texts.get("DeadLetterReason", ""),
        description=texts.get("DeadLetterErrorDescription", ""),
        order_id=order_id_of(data),
        fault=fault,
    )


def order_fault(body: bytes) -> str | None:
    """Return what is wrong with an order message's body, or None."""
    try:
        OrderMessage.model_validate_json(body)
    except ValidationError as error:
        return describe(error)
    return None


def order_id_of(body: bytes) -> str | None:
    """Return the order id in a body, in a form that can be shown. The body of an invalid order may have one too."""
    try:
        found = json.loads(body)["orderId"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return printable(found) if isinstance(found, str) else None


def table(letters: Iterable[DeadLetter]) -> str:
    """Return a line for each letter, in columns."""
    rows = [("SEQUENCE", "REASON", "ORDER", "DESCRIPTION")]
    rows += [
        (
            str(letter.sequence_number),
            printable(letter.reason)[:WIDTH],
            (letter.order_id or "-")[:WIDTH],
            printable(letter.description),
        )
        for letter in letters
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    )


def _readable(encoded: bytes) -> tuple[dict[str, str], bytes]:
    """Return the texts among the application properties and the content of the data sections, as far as they can be
    read."""
    texts: dict[str, str] = {}
    data = b""
    with suppress(encoding.Malformed):
        for code, value in encoding.sections(encoded):
            if code == encoding.APPLICATION_PROPERTIES:
                entries = ((encoding.text(key), encoding.text(entry)) for key, entry in encoding.entries(value))
                texts = {name: text for name, text in entries if name is not None and text is not None}
            elif code == encoding.DATA:
                data += encoding.binary(value) or b""
    return texts, data
