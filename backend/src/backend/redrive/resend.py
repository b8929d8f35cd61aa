"""Send copies of dead letters to the queue, and complete the letters."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError

from backend.amqp.encoded_messages import encoded_of
from backend.amqp.encoding import Malformed
from backend.queue.receiver import receive
from backend.redrive.copy import copy_of
from workload.failure import explain

BATCH = 50  # messages that one call receives
WAIT = 5.0  # seconds without a further dead letter: all others are locked by another receiver

Send = Callable[[bytes], Awaitable[None]]
"""Sends an encoded message to the queue."""


async def resend(
    receiver: ServiceBusReceiver, send: Send, wanted: Collection[int], body: bytes | None = None
) -> AsyncIterator[tuple[int, str | None]]:
    """Send a copy of each wanted dead letter, then complete the letter.

    Yields the sequence number of each, and the reason if it was kept. A run that is killed in between leaves the
    letter: the order then arrives twice, which makes no difference. The other letters that must be received on the
    way stay locked, so that each is received once, and are abandoned at the end, as those that were kept.
    """
    left = set(wanted)
    held: dict[int | None, ServiceBusReceivedMessage] = {}
    try:
        while left and (messages := await receive(receiver, BATCH, WAIT)):
            held.update({message.sequence_number: message for message in messages})
            for message in messages:
                number = message.sequence_number
                if number in left:
                    left.discard(number)
                    fault = await _send(send, message, body)
                    if fault is None:
                        await receiver.complete_message(held.pop(number))
                    yield number, fault
    finally:
        await asyncio.gather(*(receiver.abandon_message(message) for message in held.values()), return_exceptions=True)


async def _send(send: Send, message: ServiceBusReceivedMessage, body: bytes | None) -> str | None:
    """Send a copy of the message. Return why not if this message can't be sent. Raises if no message can."""
    try:
        await send(copy_of(encoded_of(message), message.sequence_number or 0, body))
    except Malformed as error:
        return f"it can't be sent back as it was: {error}"
    except ServiceBusError as error:
        if isinstance(error, MessageSizeExceededError) or type(error) is ServiceBusError:  # the broker refuses this one
            return f"it was not sent: {explain(error)}"
        raise
    return None
