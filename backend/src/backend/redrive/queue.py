"""The two things that redrive does to the queue: look, and send back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Protocol

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError
from workload.failure import explain

from backend.amqp import Malformed
from backend.encoded import encoded_of
from backend.receiver import Receiver, receive
from backend.redrive.copy import copy_of
from backend.redrive.letters import DeadLetter, read_letter

BATCH = 50
WAIT = 5.0  # seconds without a further dead letter: there is none that is not locked by somebody else

Send = Callable[[bytes], Awaitable[None]]  # an encoded message, to the queue


class DeadLetterReceiver(Receiver, Protocol):
    """What redrive uses of `azure.servicebus.aio.ServiceBusReceiver`, opened on the dead-letter queue."""

    async def peek_messages(
        self, max_message_count: int = 1, *, sequence_number: int = 0
    ) -> list[ServiceBusReceivedMessage]: ...
    async def complete_message(self, message: ServiceBusReceivedMessage) -> None: ...
    async def abandon_message(self, message: ServiceBusReceivedMessage) -> None: ...


async def dead_letters(receiver: DeadLetterReceiver) -> list[DeadLetter]:
    """All dead letters, oldest first. Peeks only: nothing is locked."""
    letters: list[DeadLetter] = []
    start = 1
    while messages := await receiver.peek_messages(max_message_count=BATCH, sequence_number=start):
        letters += map(read_letter, messages)
        start = max(start, letters[-1].sequence_number) + 1
    return letters


async def resend(
    receiver: DeadLetterReceiver, send: Send, wanted: Collection[int], body: bytes | None = None
) -> AsyncIterator[tuple[int, str | None]]:
    """Send a copy of each wanted dead letter, then complete it.

    Yields the sequence number of each, with the reason if it had to be kept. Sends first: killed in between, it leaves
    the letter, and the order arrives twice, which is the same as once. What else it must receive on the way stays
    locked until the end, so that each is seen once, and is then given back; so is what was kept.
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
    """Send a copy of the message. Returns why, if this message can't be sent; raises if none can."""
    try:
        await send(copy_of(encoded_of(message), message.sequence_number or 0, body))
    except Malformed as error:
        return f"it can't be sent back as it was: {error}"
    except ServiceBusError as error:
        if isinstance(error, MessageSizeExceededError) or type(error) is ServiceBusError:  # the broker's word on it
            return f"it was not sent: {explain(error)}"
        raise
    return None
