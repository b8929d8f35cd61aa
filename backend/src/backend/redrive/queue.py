"""The two things that redrive does to the queue: look, and send back."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Protocol

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage

from backend.redrive.letters import DeadLetter, copy_of, read_letter

BATCH = 50
WAIT = 5.0  # seconds without a further dead letter: there is none that is not locked by somebody else


class Receiver(Protocol):
    """What redrive uses of `azure.servicebus.aio.ServiceBusReceiver`, opened on the dead-letter queue."""

    async def peek_messages(
        self, max_message_count: int = 1, *, sequence_number: int = 0
    ) -> list[ServiceBusReceivedMessage]: ...
    async def receive_messages(
        self, max_message_count: int | None = 1, max_wait_time: float | None = None
    ) -> list[ServiceBusReceivedMessage]: ...
    async def complete_message(self, message: ServiceBusReceivedMessage) -> None: ...
    async def abandon_message(self, message: ServiceBusReceivedMessage) -> None: ...


class Sender(Protocol):
    """What redrive uses of `azure.servicebus.aio.ServiceBusSender`."""

    async def send_messages(self, message: ServiceBusMessage) -> None: ...


async def dead_letters(receiver: Receiver) -> list[DeadLetter]:
    """All dead letters, oldest first. Peeks only: nothing is locked."""
    letters: list[DeadLetter] = []
    start = 1
    while messages := await receiver.peek_messages(max_message_count=BATCH, sequence_number=start):
        letters += map(read_letter, messages)
        start = letters[-1].sequence_number + 1
    return letters


async def resend(
    receiver: Receiver, sender: Sender, wanted: Collection[int], body: bytes | None = None
) -> AsyncIterator[int]:
    """Sends a copy of each wanted dead letter, then completes it; yields the sequence number of each as it is done.

    Sends first: killed in between, it leaves the letter, and the order arrives twice, which is the same as once.
    What else it must receive on the way stays locked until the end, so that each is seen once, and is then given back;
    so is what could not be sent.
    """
    left = set(wanted)
    held: dict[int | None, ServiceBusReceivedMessage] = {}
    try:
        while left and (messages := await receiver.receive_messages(max_message_count=BATCH, max_wait_time=WAIT)):
            held.update({message.sequence_number: message for message in messages})
            for message in messages:
                if message.sequence_number in left:
                    await sender.send_messages(copy_of(message, body))
                    await receiver.complete_message(held.pop(message.sequence_number))
                    left.discard(message.sequence_number)
                    yield message.sequence_number
    finally:
        await asyncio.gather(*(receiver.abandon_message(message) for message in held.values()), return_exceptions=True)
