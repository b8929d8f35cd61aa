"""The locks of the messages that are held, each renewed when it is about to run out.

The SDK's `AutoLockRenewer` runs a task for each message, which wakes each second and outlives the message by up to a
second. Most orders are done within milliseconds and need no renewal, so one task looks after all of them here.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import AutoLockRenewer, ServiceBusReceiver

from workload.failure import explain

_MARGIN = 10.0  # seconds that are left of a lock when it is renewed, or half of a lock that is shorter than 20
_INTERVAL = 1.0  # seconds

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A message that is renewed until `until` (`time.monotonic`), each time when `margin` seconds are left."""

    receiver: ServiceBusReceiver
    message: ServiceBusReceivedMessage
    until: float
    margin: float

    @property
    def is_due(self) -> bool:
        return _left(self.message) <= self.margin


class LockRenewer(AutoLockRenewer):
    """Renew the lock of each message that its receivers receive, until it is settled, for `hold` seconds at most.

    A renewal that fails is repeated until the lock has run out.
    """

    def __init__(self, hold: float) -> None:
        super().__init__()
        self._hold = hold
        self._held: list[Held] = []
        self._task: asyncio.Task[None] | None = None

    def register(self, receiver: Any, renewable: Any, *_: Any, **__: Any) -> None:
        """Look after a message. The SDK's receiver calls this for each message before it hands it over."""
        margin = min(_MARGIN, _left(renewable) / 2)
        self._held.append(Held(receiver, renewable, time.monotonic() + self._hold, margin))
        if self._task is None:
            self._task = asyncio.create_task(self._look_after())

    async def close(self) -> None:
        """Renew nothing any more."""
        if self._task:
            self._task.cancel()

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL)
            now = time.monotonic()
            self._held = [held for held in self._held if now < held.until and self._renewable(held.message)]
            await asyncio.gather(*(_renew(held) for held in self._held if held.is_due))


def _left(message: ServiceBusReceivedMessage) -> float:
    """Return how many seconds are left of the message's lock."""
    until = message.locked_until_utc
    return (until - datetime.now(UTC)).total_seconds() if until else 0.0


async def _renew(held: Held) -> None:
    try:
        await held.receiver.renew_message_lock(held.message)
    except Exception as error:  # while a connection goes down, the SDK raises more than its own errors
        _log.warning("lock.not_renewed", sequence_number=held.message.sequence_number, reason=str(explain(error)))
