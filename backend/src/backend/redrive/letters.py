"""What a dead letter is, and which of them to send back."""

import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass

from azure.servicebus import ServiceBusReceivedMessage
from pydantic import ValidationError

from backend import amqp
from backend.encoded import encoded_of
from backend.messages import NoOrder, body_of, printable
from backend.process import KEY_REUSED, describe
from contract import OrderMessage

WIDTH = 64  # characters of a reason or an order's id that are shown


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`order_id` is None if the body names none; `fault` says why the message is no order, None if it is one."""

    sequence_number: int
    reason: str
    description: str
    order_id: str | None
    fault: str | None


def read_letter(message: ServiceBusReceivedMessage) -> DeadLetter:
    """Read a dead letter as the operator sees it. Nothing that its sender put into it makes this fail."""
    said, data = _readable(encoded_of(message))
    try:
        fault = fault_of(body_of(message))
    except NoOrder as error:
        fault = str(error)
    return DeadLetter(
        sequence_number=message.sequence_number or 0,
        reason=said.get("DeadLetterReason", ""),
        description=said.get("DeadLetterErrorDescription", ""),
        order_id=_order_id(data),
        fault=fault,
    )


def fault_of(body: bytes) -> str | None:
    """What is wrong with an order message's body; None if nothing is."""
    try:
        OrderMessage.model_validate_json(body)
    except ValidationError as error:
        return describe(error)
    return None


def reason_to_keep(letter: DeadLetter, sequences: Collection[int], reasons: Collection[str]) -> str | None:
    """Why not to send this one back; None if it shall be.

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


def table(letters: Iterable[DeadLetter]) -> str:
    """One line for each letter, in columns."""
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
    """The texts among the application properties and the content of the data sections, as far as they can be read."""
    said: dict[str, str] = {}
    data = b""
    with suppress(amqp.Malformed):
        for code, value in amqp.sections(encoded):
            if code == amqp.APPLICATION_PROPERTIES:
                texts = ((amqp.text(key), amqp.text(entry)) for key, entry in amqp.entries(value))
                said = {name: text for name, text in texts if name is not None and text is not None}
            elif code == amqp.DATA:
                data += amqp.binary(value) or b""
    return said, data


def _order_id(body: bytes) -> str | None:
    """The body's order id, of an invalid order too, if it is one that can be shown."""
    try:
        found = json.loads(body)["orderId"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return printable(found) if isinstance(found, str) else None
