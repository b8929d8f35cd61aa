"""Receiving from a queue, and how to notice that a receiver is dead.

A receiver of the SDK may shut down without an error. From then on `receive_messages` returns an empty list at once, as
often as it is asked, and what the broker sends meanwhile stays locked until the lock runs out.

The other end may be gone without a word: its machine, or the way to it. To the SDK, which asks for no heartbeats, that
is a queue in which nothing arrives, for as long as the system keeps the connection.
"""

import asyncio
import time
from typing import Protocol

from azure.servicebus import ServiceBusReceivedMessage

ANSWER = 3.0  # seconds in which a broker answers, if it is there
_EARLY = 0.9  # of the wait: the SDK measures it with another clock


class Receiver(Protocol):
    """How `azure.servicebus.aio.ServiceBusReceiver` receives."""

    async def receive_messages(
        self, max_message_count: int | None = 1, max_wait_time: float | None = None
    ) -> list[ServiceBusReceivedMessage]: ...
    async def peek_messages(self, max_message_count: int = 1) -> list[ServiceBusReceivedMessage]: ...


async def receive(receiver: Receiver, count: int, wait: float) -> list[ServiceBusReceivedMessage]:
    """Receive at most `count` messages; none, if none came within `wait` seconds.

    Raises `ConnectionError` if the receiver says earlier that there are none: it is dead.
    """
    began = time.monotonic()
    messages = await receiver.receive_messages(max_message_count=count, max_wait_time=wait)
    if not messages and time.monotonic() - began < _EARLY * wait:
        raise ConnectionError("the receiver has shut down: it returned nothing before its wait had passed")
    return messages


async def prove_alive(receiver: Receiver) -> None:
    """Ask the broker for something that it answers at once, over the receiver's own connection.

    Raises `ConnectionError` if it does not.
    """
    try:
        async with asyncio.timeout(ANSWER):
            await receiver.peek_messages(max_message_count=1)
    except TimeoutError:
        raise ConnectionError(f"the broker has not answered for {ANSWER:g} s") from None
