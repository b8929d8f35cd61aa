"""One delivery of a message: its order is handled, and the message is settled.

*If a dependency fails*, no message is to blame, and it costs none a delivery. The message is kept, its lock is renewed,
and the steps are repeated with growing pauses. After `patience` the message is abandoned once. The worker takes the
next one only if the dependency has passed a check.

*If the message itself fails*, it is held for a pause that grows with its deliveries, and then abandoned. So five
deliveries take a minute, not milliseconds. After the last, the queue dead-letters it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from typing import Any

import structlog
from azure.servicebus import ServiceBusReceivedMessage

from backend.dependencies.backoff import backoff
from backend.dependencies.dependency import Unavailable
from backend.dependencies.health import Health
from backend.orders.handler import Receipted, Rejected
from backend.queue.body import REDRIVEN_FROM, NotAnOrder, body_of
from backend.queue.stopping import Stopping
from backend.queue.tracing import sender_trace
from backend.queue.turns import TurnTakingReceiver
from workload.failure import explain

PATIENCE = 300.0  # seconds that a message is kept while a dependency fails
SETTLE_TIMEOUT = 8.0  # seconds

HandleOrder = Callable[[bytes, bool], Awaitable[Receipted | Rejected]]
WaitFor = Callable[[str], Coroutine[Any, Any, None]]

_log = structlog.get_logger(__name__)


class Delivery:
    """Handle the order of each message and settle the message.

    `wait_for` returns as soon as the dependency of that name passes a check. `stopping` ends every wait.
    """

    def __init__(
        self,
        handle_order: HandleOrder,
        wait_for: WaitFor,
        health: Health,
        stopping: Stopping,
        patience: float = PATIENCE,
    ) -> None:
        self._handle_order = handle_order
        self._wait_for = wait_for
        self._health = health
        self._stopping = stopping
        self._patience = patience

    async def handle(self, receiver: TurnTakingReceiver, message: ServiceBusReceivedMessage) -> None:
        """Settle the message, or abandon it if anything goes wrong. All that is read of the message is read here."""
        with ExitStack() as context:
            try:
                context.enter_context(sender_trace(message))
                await self._settle(receiver, message, await self._outcome(message))
            except Unavailable as error:
                await self._abandon(receiver, message, str(error.failure))
                await self._stopping.unless(self._wait_for(error.dependency))
            except Exception as error:
                pause = 2.0 ** min(1 + (message.delivery_count or 0), 5)
                _log.exception("message.failed", pause=pause)
                await self._stopping.unless(asyncio.sleep(pause))
                await self._abandon(receiver, message, str(explain(error)))
            finally:
                self._health.mark_available(message.sequence_number)

    async def _outcome(self, message: ServiceBusReceivedMessage) -> Receipted | Rejected:
        """Handle the order. Raises `Unavailable` if a dependency fails for longer than `patience`, or during a stop."""
        try:
            body = body_of(message)
        except NotAnOrder as error:
            return Rejected(error.reason, str(error))
        deadline = time.monotonic() + self._patience
        pauses = backoff()
        delivered_before = bool(message.delivery_count) or REDRIVEN_FROM in (message.application_properties or {})
        while True:
            try:
                return await self._handle_order(body, delivered_before)
            except Unavailable as error:
                delivered_before = True  # the step that failed may have been carried out
                reason, asked = str(error.failure), error.failure.retry_after
                pause = next(pauses) if asked is None else asked
                _log.warning("message.waiting", dependency=error.dependency, reason=reason, pause=pause)
                self._health.mark_missing(message.sequence_number, error.dependency, reason)
                if time.monotonic() + pause > deadline:
                    raise
                await self._stopping.unless(asyncio.sleep(pause))
                if self._stopping:
                    raise

    async def _settle(
        self, receiver: TurnTakingReceiver, message: ServiceBusReceivedMessage, outcome: Receipted | Rejected
    ) -> None:
        match outcome:
            case Receipted(document):
                if await _settled(receiver.complete_message(message)):
                    _log.info("order.receipted", order_id=document.id, receipt=document.receipt)
            case Rejected(reason, description):
                if await _settled(receiver.dead_letter_message(message, reason, description)):
                    _log.warning("message.dead_lettered", reason=reason, description=description)

    async def _abandon(self, receiver: TurnTakingReceiver, message: ServiceBusReceivedMessage, reason: str) -> None:
        if await _settled(receiver.abandon_message(message)):
            _log.warning("message.abandoned", reason=reason, delivery=1 + (message.delivery_count or 0))


async def _settled(settling: Awaitable[None]) -> bool:
    """Tell whether the broker took the settlement. If not, the lock or the link is gone: it delivers again."""
    try:
        async with asyncio.timeout(SETTLE_TIMEOUT):
            await settling
    except Exception as error:  # while a connection goes down, the SDK raises more than its own errors
        _log.warning("message.not_settled", reason=str(explain(error)))
        return False
    return True
