"""What a dead letter is, which of them to send back, and as what."""

import json
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from pydantic import ValidationError

from backend.messages import body_of, properties_of
from backend.process import KEY_REUSED, describe
from contract import OrderMessage

# https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues#moving-messages-to-the-dlq
_BROKERS_OWN = ("DeadLetterReason", "DeadLetterErrorDescription")
REDRIVEN_FROM = "redrivenFrom"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`order_id` is None where the body names none; `fault` says why the body is no order, None where it is one."""

    sequence_number: int
    reason: str
    description: str
    order_id: str | None
    fault: str | None


def read_letter(message: ServiceBusReceivedMessage) -> DeadLetter:
    """A dead letter as the operator sees it."""
    body = body_of(message)
    return DeadLetter(
        sequence_number=message.sequence_number or 0,
        reason=message.dead_letter_reason or "",
        description=message.dead_letter_error_description or "",
        order_id=_order_id(body),
        fault=fault_of(body),
    )


def fault_of(body: bytes) -> str | None:
    """What is wrong with an order message's body; None where nothing is."""
    try:
        OrderMessage.model_validate_json(body)
    except ValidationError as error:
        return describe(error)
    return None


def reason_to_keep(letter: DeadLetter, sequences: Collection[int], reasons: Collection[str]) -> str | None:
    """Why not to send this one back; None where it shall be.

    Named by its sequence number, any letter is sent. Otherwise those with one of the reasons, or with any reason but
    a reused idempotency key (sent again it would be refused again); and of these only the ones that are orders.
    """
    if sequences:
        return None if letter.sequence_number in sequences else "not asked for"
    if reasons and letter.reason not in reasons:
        return "not asked for"
    if not reasons and letter.reason == KEY_REUSED:
        return "its key belongs to another order"
    return f"still invalid: {letter.fault}" if letter.fault else None


def fault_of_repair(letter: DeadLetter, body: bytes) -> str | None:
    """Why this body can't take the place of the letter's: it must be an order message, for the same order."""
    fault = fault_of(body)
    if fault is None and letter.order_id not in (None, _order_id(body)):
        return f"orderId: this dead letter is of order {letter.order_id}"
    return fault


def copy_of(message: ServiceBusReceivedMessage, body: bytes | None = None) -> ServiceBusMessage:
    """The message to send: new body or the old, what its sender said about it, and where it comes from.

    Its message id is new: duplicate detection would drop the old one in silence. The order's id is in the body, so
    whatever is sent twice is still one order.
    """
    kept: dict[str | bytes, Any] = {
        name: value for name, value in properties_of(message).items() if name not in _BROKERS_OWN
    }
    return ServiceBusMessage(
        body_of(message) if body is None else body,
        message_id=uuid.uuid4().hex,
        content_type=message.content_type,
        subject=message.subject,
        correlation_id=message.correlation_id,
        application_properties=kept | {REDRIVEN_FROM: message.sequence_number or 0},
    )


def table(letters: Iterable[DeadLetter]) -> str:
    """One line for each letter, in columns."""
    rows = [("SEQUENCE", "REASON", "ORDER", "DESCRIPTION")]
    rows += [
        (str(letter.sequence_number), letter.reason, letter.order_id or "-", letter.description) for letter in letters
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    )


def _order_id(body: bytes) -> str | None:
    """The body's order id, of an invalid order too."""
    try:
        found = json.loads(body)["orderId"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None
