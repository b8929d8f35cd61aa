"""Which dead letters are sent back."""

from collections.abc import Collection

from backend.orders.handler import KEY_REUSED
from backend.redrive.dead_letters import DeadLetter, order_fault, order_id_of

NOT_CHOSEN = "not asked for"


def reason_to_keep(letter: DeadLetter, sequences: Collection[int], reasons: Collection[str]) -> str | None:
    """Return why this one is kept, or None if it is sent back.

    A letter that is named by its sequence number is sent, valid or not. If none is named, the valid orders with one of
    the reasons are sent. If no reason is given either, all valid orders are sent, but no reused idempotency key: it
    would be rejected again.
    """
    if sequences:
        return None if letter.sequence_number in sequences else NOT_CHOSEN
    if reasons and letter.reason not in reasons:
        return NOT_CHOSEN
    if not reasons and letter.reason == KEY_REUSED:
        return "its key belongs to another order"
    return f"still invalid: {letter.fault}" if letter.fault else None


def repair_fault(letter: DeadLetter, body: bytes) -> str | None:
    """Return why this body can't replace the letter's, or None. It must be an order message, for the same order."""
    fault = order_fault(body)
    if fault is None and letter.order_id not in (None, order_id_of(body)):
        return f"orderId: this dead letter is of order {letter.order_id}"
    return fault
