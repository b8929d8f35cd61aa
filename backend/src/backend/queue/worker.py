"""The receive loop: it takes messages from the queue and has each delivered (see `delivery`).

*No prefetch.* A prefetched message's lock runs and can't be renewed. So the loop asks for no more messages than it has
hands free. Each locked message is worked on, and its lock is renewed from the start.

*Few round trips.* Once a message has come, more may wait, so the loop asks for as many as it has hands free. It asks
briefly, since the SDK keeps the first until all have come or the time is up. If none has come, it asks for a single
one, which the SDK hands over at once. Settlements that wait for their turn on the connection are made together
(see `turns`).

*Outages.* While a dependency is missing, nothing more is asked for. The broker may still send what it was asked for
before. That is received, since its locks would run out otherwise. So an outage, however long, costs each message in
flight at most one delivery, and the others none.

*Lost receivers.* A receiver that fails or is dead, or whose broker no longer answers, is replaced. It stays open until
the messages that it received are settled, so that they lose no delivery.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress

import structlog
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from backend.dependencies.backoff import backoff
from backend.dependencies.dependency import SERVICE_BUS
from backend.dependencies.health import Health
from backend.queue.delivery import PATIENCE, Delivery, HandleOrder, WaitFor
from backend.queue.receiver import ANSWER, prove_alive, receive
from backend.queue.stopping import Stopping
from backend.queue.turns import TurnTakingReceiver
from workload.failure import explain

OPEN_TIMEOUT = 5.0  # seconds for connecting and opening the link, the SDK's own repeats included
WAIT = 1.0  # seconds that one receive call waits for a message: how soon a stop is noticed
MORE = 0.1  # seconds that it waits for further ones: longer than a round trip
QUIET = 4.0  # seconds without a message, after which the broker is asked whether it is there
FINISH_TIMEOUT = 20.0  # seconds for messages in flight at a stop: terminationGracePeriodSeconds is 30

Deliveries = set[asyncio.Task[None]]

_log = structlog.get_logger(__name__)


class Worker:
    """Work on at most `concurrency` messages at once.

    `open_receiver` opens a receiver within `open_timeout` seconds. One receive call waits for `wait` seconds. After
    `quiet` seconds without a message the broker is asked for an answer. `handle_order`, `wait_for` and `patience` are
    those of `Delivery`.
    """

    def __init__(
        self,
        open_receiver: Callable[[], AbstractAsyncContextManager[ServiceBusReceiver]],
        handle_order: HandleOrder,
        wait_for: WaitFor,
        health: Health,
        concurrency: int,
        patience: float = PATIENCE,
        open_timeout: float = OPEN_TIMEOUT,
        wait: float = WAIT,
        quiet: float = QUIET,
    ) -> None:
        self._stopping = Stopping()
        self._delivery = Delivery(handle_order, wait_for, health, self._stopping, patience)
        self._open_receiver = open_receiver
        self._open_timeout = open_timeout
        self._wait = wait
        self._quiet = quiet
        self._health = health
        self._concurrency = concurrency
        self._in_flight: Deliveries = set()
        self._pauses = backoff()
        health.mark_missing(self, SERVICE_BUS, "not connected yet")

    def stop(self) -> None:
        """Become unready at once, and let `run` return as soon as the messages in flight are settled."""
        _log.info("worker.stopping")
        self._health.mark_missing(self, SERVICE_BUS, "stopping: nothing is received any more")
        self._stopping.begin()

    async def run(self) -> None:
        """Receive until `stop` is called. Connect again whenever the connection is lost."""
        async with asyncio.TaskGroup() as closing:
            while not self._stopping:
                self._health.turn()
                links = AsyncExitStack()
                received: Deliveries = set()
                fault = None
                try:
                    receiver = await self._open(links)
                    if receiver and not self._stopping:
                        _log.info("dependency.connected", dependency=SERVICE_BUS)
                        self._health.mark_available(self)
                        await self._receive(receiver, received)
                except Exception as error:  # while a connection goes down, the SDK raises more than its own errors
                    fault = str(explain(error))
                closing.create_task(self._close(links, received))
                if fault and not self._stopping:
                    _log.warning("dependency.failed", dependency=SERVICE_BUS, reason=fault)
                    self._health.mark_missing(self, SERVICE_BUS, fault)
                    await self._stopping.unless(asyncio.sleep(next(self._pauses)))

    async def _open(self, links: AsyncExitStack) -> TurnTakingReceiver | None:
        """Open a receiver that `links` will close, or return None if the worker stops. Raises `TimeoutError`.

        A broker may accept a connection and never answer. How long the SDK then waits depends on its retries.
        """
        try:
            async with asyncio.timeout(self._open_timeout):
                receiver = await self._stopping.unless(links.enter_async_context(self._open_receiver()))
                return TurnTakingReceiver(receiver, ANSWER) if receiver else None
        except TimeoutError:
            raise TimeoutError(f"not connected within {self._open_timeout:g} s") from None

    async def _receive(self, receiver: TurnTakingReceiver, received: Deliveries) -> None:
        heard = time.monotonic()
        one, more = (1, self._wait), (self._concurrency, min(MORE, self._wait))
        count, wait = one
        due = 0  # messages that the broker was asked for and has not sent
        while not self._stopping:
            self._health.turn()
            hands = self._concurrency - len(self._in_flight)
            count = min(count, hands, due if self._health.missing else count)
            if count < 1:
                await self._change()
                count, wait = more
                continue
            if time.monotonic() - heard >= self._quiet:
                await prove_alive(receiver)
                heard = time.monotonic()
            messages = await receive(receiver, count, wait)
            due = count - len(messages)
            self._pauses = backoff()
            for message in messages:
                heard = time.monotonic()
                self._begin(receiver, message, received)
            count, wait = more if messages else one

    def _begin(self, receiver: TurnTakingReceiver, message: ServiceBusReceivedMessage, received: Deliveries) -> None:
        task = asyncio.create_task(self._delivery.handle(receiver, message))
        for tasks in (self._in_flight, received):
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._health.changed.set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("delivery.failed", exc_info=error)

    async def _change(self) -> None:
        """Wait until a hand is free or a dependency is back, at most as long as a receive call."""
        self._health.changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._wait):
                await self._health.changed.wait()

    async def _close(self, links: AsyncExitStack, received: Deliveries) -> None:
        """Close a receiver as soon as the messages that it received are settled.

        If the worker stops, it waits for 20 seconds. A message that takes longer is delivered again after its lock.
        """
        if tasks := list(received):
            await self._stopping.unless(asyncio.wait(tasks))
            _, late = await asyncio.wait(tasks, timeout=FINISH_TIMEOUT)
            for task in late:
                task.cancel()
        try:
            await links.aclose()
        except Exception as error:
            _log.warning("receiver.not_closed", reason=str(explain(error)))
