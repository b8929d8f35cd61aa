"""The receive loop: takes messages from the queue, and has each handled (see `delivery`).

*Prefetch and renewal.* There is no prefetch. A buffered message's lock runs but can't be renewed, so the loop asks
for one message at a time and only when it has a free hand: whatever is locked is being worked on, with its lock
renewed from the moment it is received.

*Outages.* While a dependency fails, nothing new is received. So an outage, however long, costs each message in flight
one delivery at the most, and all the others none.

*Lost receivers.* A receiver that fails, turns out to be dead, or whose broker no longer answers, is replaced. It stays
open until what it received is settled: those messages lose no delivery by it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any, Protocol

import structlog
from workload.failure import explain

from backend.access import pauses
from backend.delivery import PATIENCE, Delivery, Settler
from backend.dependencies import SERVICE_BUS
from backend.health import Health
from backend.process import Receipted, Rejected
from backend.receiver import Receiver, prove_alive, receive
from backend.stopping import Stopping

OPEN_TIMEOUT = 12.0  # seconds for connecting and opening the link, whatever the SDK repeats meanwhile
WAIT = 1.0  # seconds that one receive call waits: how soon a stop is noticed
QUIET = 4.0  # seconds without a message, after which the receiver's connection is suspected
FINISH_TIMEOUT = 20.0  # leaves time to close within Kubernetes' usual terminationGracePeriodSeconds of 30

Deliveries = set[asyncio.Task[None]]

_log = structlog.get_logger(__name__)


class SettlingReceiver(Receiver, Settler, Protocol):
    """What the worker uses of `azure.servicebus.aio.ServiceBusReceiver`."""


class Worker:
    """Works on at most `concurrency` messages at once.

    `open_receiver` connects to the queue, for which it has `open_timeout` seconds; its receivers renew the locks of
    what they received, and are asked to wait for `wait` seconds. After `quiet` seconds without a message the broker is
    asked whether it is still there. `process`, `confirm` and `patience` are those of `Delivery`.
    """

    def __init__(
        self,
        open_receiver: Callable[[], AbstractAsyncContextManager[SettlingReceiver]],
        process: Callable[[bytes], Awaitable[Receipted | Rejected]],
        confirm: Callable[[str], Coroutine[Any, Any, None]],
        health: Health,
        concurrency: int,
        patience: float = PATIENCE,
        open_timeout: float = OPEN_TIMEOUT,
        wait: float = WAIT,
        quiet: float = QUIET,
    ) -> None:
        self._stopping = Stopping()
        self._delivery = Delivery(process, confirm, health, self._stopping, patience)
        self._open_receiver = open_receiver
        self._open_timeout = open_timeout
        self._wait = wait
        self._quiet = quiet
        self._health = health
        self._concurrency = concurrency
        self._in_flight: Deliveries = set()
        self._attempts = pauses()
        health.lack(self, SERVICE_BUS, "not connected yet")

    def stop(self) -> None:
        """Unready from now on; `run` returns once what is in flight is settled."""
        self._health.lack(self, SERVICE_BUS, "stopping: nothing is received any more")
        self._stopping.begin()

    async def run(self) -> None:
        """Receives until stopped, through every loss of the connection."""
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
                        self._health.regain(self)
                        await self._receive(receiver, received)
                except Exception as error:  # the SDK's: while a connection goes down, it raises more than its own
                    fault = str(explain(error))
                closing.create_task(self._close(links, received))
                if fault and not self._stopping:
                    _log.warning("dependency.failed", dependency=SERVICE_BUS, reason=fault)
                    self._health.lack(self, SERVICE_BUS, fault)
                    await self._stopping.unless(asyncio.sleep(next(self._attempts)))

    async def _open(self, links: AsyncExitStack) -> SettlingReceiver | None:
        """An open receiver, which `links` will close; None if we are stopping. Raises `TimeoutError`.

        A broker may accept a connection and never answer; how long the SDK then waits depends on its retries.
        """
        try:
            async with asyncio.timeout(self._open_timeout):
                return await self._stopping.unless(links.enter_async_context(self._open_receiver()))
        except TimeoutError:
            raise TimeoutError(f"not connected within {self._open_timeout:g} s") from None

    async def _receive(self, receiver: SettlingReceiver, received: Deliveries) -> None:
        heard = time.monotonic()
        while not self._stopping:
            self._health.turn()
            if self._health.missing or len(self._in_flight) >= self._concurrency:
                await self._change()
                continue
            if time.monotonic() - heard >= self._quiet:
                await prove_alive(receiver)
                heard = time.monotonic()
            messages = await receive(receiver, 1, self._wait)
            self._attempts = pauses()
            for message in messages:
                heard = time.monotonic()
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
        """Waits until a hand is free or a dependency is back, at most as long as a receive call would."""
        self._health.changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._wait):
                await self._health.changed.wait()

    async def _close(self, links: AsyncExitStack, received: Deliveries) -> None:
        """Close a receiver once all that it received is settled.

        When we stop, what takes longer is left: its lock runs out, and it is delivered again.
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
