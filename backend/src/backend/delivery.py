"""One delivery of a message: has it processed, and settles it.

*A dependency fails.* That is no message's fault, so it costs no message a delivery: the message is kept, its lock
renewed, and the steps are repeated with growing pauses. Only after `patience` is it given back, once, and then its
place is free only when the dependency has answered a check.

*The message fails*, and not by a dependency's absence: it is held for a pause that grows with its deliveries, then
abandoned, so that five attempts take a minute, not milliseconds. After the last, the queue dead-letters it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from typing import Any, Protocol

import structlog
from azure.servicebus import ServiceBusReceivedMessage
from workload.failure import explain

from backend.access import pauses
from backend.dependencies import Unavailable
from backend.health import Health
from backend.messages import NoOrder, body_of
from backend.process import Receipted, Rejected
from backend.stopping import Stopping
from backend.tracing import continued

PATIENCE = 300.0  # seconds that a message is kept while a dependency fails
SETTLE_TIMEOUT = 8.0  # seconds

_log = structlog.get_logger(__name__)


class Settler(Protocol):
    """How `azure.servicebus.aio.ServiceBusReceiver` settles what it received."""

    async def complete_message(self, message: ServiceBusReceivedMessage) -> None: ...
    async def abandon_message(self, message: ServiceBusReceivedMessage) -> None: ...
    async def dead_letter_message(
        self, message: ServiceBusReceivedMessage, reason: str | None = None, error_description: str | None = None
    ) -> None: ...


class Delivery:
    """`confirm` returns once the dependency of that name answers; nothing here outlasts `stopping` for long."""

    def __init__(
        self,
        process: Callable[[bytes], Awaitable[Receipted | Rejected]],
        confirm: Callable[[str], Coroutine[Any, Any, None]],
        health: Health,
        stopping: Stopping,
        patience: float = PATIENCE,
    ) -> None:
        self._process = process
        self._confirm = confirm
        self._health = health
        self._stopping = stopping
        self._patience = patience

    async def handle(self, receiver: Settler, message: ServiceBusReceivedMessage) -> None:
        """Settle the message, or abandon it if anything goes wrong. All that is read of the message is read here."""
        with ExitStack() as context:
            try:
                context.enter_context(continued(message))
                await self._settle(receiver, message, await self._outcome(message))
            except Unavailable as error:
                await self._abandon(receiver, message, str(error.failure))
                await self._stopping.unless(self._confirm(error.dependency))
            except Exception as error:
                pause = 2.0 ** min(1 + (message.delivery_count or 0), 5)
                _log.exception("message.failed", pause=pause)
                await self._stopping.unless(asyncio.sleep(pause))
                await self._abandon(receiver, message, str(explain(error)))
            finally:
                self._health.regain(message.sequence_number)

    async def _outcome(self, message: ServiceBusReceivedMessage) -> Receipted | Rejected:
        """Raises `Unavailable` if a dependency fails for longer than we wait, or while we are stopping."""
        try:
            body = body_of(message)
        except NoOrder as error:
            return Rejected(error.reason, str(error))
        deadline = time.monotonic() + self._patience
        attempts = pauses()
        while True:
            try:
                return await self._process(body)
            except Unavailable as error:
                reason, asked = str(error.failure), error.failure.retry_after
                pause = next(attempts) if asked is None else asked
                _log.warning("message.waiting", dependency=error.dependency, reason=reason, pause=pause)
                self._health.lack(message.sequence_number, error.dependency, reason)
                if time.monotonic() + pause > deadline:
                    raise
                await self._stopping.unless(asyncio.sleep(pause))
                if self._stopping:
                    raise

    async def _settle(
        self, receiver: Settler, message: ServiceBusReceivedMessage, outcome: Receipted | Rejected
    ) -> None:
        match outcome:
            case Receipted(document):
                if await _taken(receiver.complete_message(message)):
                    _log.info("order.receipted", order_id=document.id, receipt=document.receipt)
            case Rejected(reason, description):
                if await _taken(receiver.dead_letter_message(message, reason, description)):
                    _log.warning("message.dead_lettered", reason=reason, description=description)

    async def _abandon(self, receiver: Settler, message: ServiceBusReceivedMessage, reason: str) -> None:
        if await _taken(receiver.abandon_message(message)):
            _log.warning("message.abandoned", reason=reason, delivery=1 + (message.delivery_count or 0))


async def _taken(settling: Awaitable[None]) -> bool:
    """Whether the broker took the settlement. If not, the lock or the link is gone: it is delivered again."""
    try:
        async with asyncio.timeout(SETTLE_TIMEOUT):
            await settling
    except Exception as error:  # the SDK's: while a connection goes down, it raises more than its own errors
        _log.warning("message.not_settled", reason=str(explain(error)))
        return False
    return True
