"""Receive from the queue, and notice a receiver that is dead.

A receiver of the SDK may shut down without an error. From then on `receive_messages` returns an empty list at once,
each time it is called. What the broker sends meanwhile stays locked until the lock runs out.

The broker itself may be gone without a word, with its machine or the network. The SDK asks for no heartbeats, so to it
that is a queue in which nothing arrives, for as long as the operating system keeps the connection.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from backend.queue.delivery import PATIENCE
from backend.queue.locks import LockRenewer
from backend.queue.turns import TurnTakingReceiver

ANSWER = 3.0  # seconds in which a broker answers, if it is there
_EARLY = 0.9  # of the wait: the SDK measures it with another clock


@asynccontextmanager
async def open_receiver(
    client: ServiceBusClient, queue: str, hold: float = PATIENCE + 60, sub_queue: ServiceBusSubQueue | None = None
) -> AsyncIterator[ServiceBusReceiver]:
    """Open a receiver of the queue, or of its sub-queue. It renews the lock of each message for `hold` seconds.

    It locks messages until they are settled (`PEEK_LOCK`) and prefetches none, both by default.
    """
    renewer = LockRenewer(hold)
    receiver = client.get_queue_receiver(queue, sub_queue=sub_queue, auto_lock_renewer=renewer)
    async with receiver, renewer:
        yield receiver


async def receive(
    receiver: ServiceBusReceiver | TurnTakingReceiver, count: int, wait: float
) -> list[ServiceBusReceivedMessage]:
    """Receive at most `count` messages, or none if none comes within `wait` seconds.

    Raises `ConnectionError` if the receiver returns none before that: it is dead.
    """
    began = time.monotonic()
    messages = await receiver.receive_messages(max_message_count=count, max_wait_time=wait)
    if not messages and time.monotonic() - began < _EARLY * wait:
        raise ConnectionError("the receiver has shut down: it returned nothing before its wait had passed")
    return messages


async def prove_alive(receiver: TurnTakingReceiver) -> None:
    """Ask the broker, over the receiver's own connection, for something that it answers at once.

    Raises `ConnectionError` if it does not answer.
    """
    try:
        async with asyncio.timeout(ANSWER):
            await receiver.peek_messages(max_message_count=1)
    except TimeoutError:
        raise ConnectionError(f"the broker has not answered for {ANSWER:g} s") from None
