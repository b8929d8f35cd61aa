"""The Service Bus of the local cloud: AMQP 1.0 over TLS, its entities in one SQLite file.

Work is done in turns: what arrives at once is one turn, and what is due is another. At the end of a turn the queues
hand out what is there, one transaction commits it all, and then the answers are sent. So a crash takes back nothing
that was sent, and many messages that arrive together cost one commit.

A turn that fails is taken back: the connections whose answers are no longer true end, and the next turn begins from
what is committed. If the database can't be written (the disk is full), it is tried again after a pause, which grows.
Until then requests to store anything are refused with an error that SDKs try again, and nothing is handed out.
"""

import asyncio
import contextlib
import logging
import sqlite3
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from localcloud.authorization.guard import Guard
from localcloud.authorization.messaging import DeclaredQueue, DeclaredTopic
from localcloud.database import is_outage
from localcloud.faults import Faults
from localcloud.network.listener import Listener, listen
from localcloud.pauses import Pauses
from localcloud.servicebus import errors
from localcloud.servicebus.address import Address
from localcloud.servicebus.attaching import Peer
from localcloud.servicebus.connection import Connection
from localcloud.servicebus.credentials import Credentials
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.faulty import SERVICE, Disturbance
from localcloud.servicebus.limits import Holdings
from localcloud.servicebus.namespace import Namespace
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.state import State
from localcloud.servicebus.timeouts import Timeouts

_LINGER = 1.0  # seconds that a client has to answer the end of its connection
_TIMEOUTS = Timeouts()

_log = logging.getLogger(__name__)


class Broker:
    """`namespace` is its fully qualified name. Of `most_connections` at once, each further one is closed unread.

    Raises `ValueError` if a subscription's rule can't be read, `sqlite3.Error` if the database cannot be opened.
    """

    def __init__(
        self,
        guard: Guard,
        queues: Mapping[str, DeclaredQueue],
        topics: Mapping[str, DeclaredTopic],
        database: Path,
        namespace: str,
        clock: Callable[[], float] = time.time,
        timeouts: Timeouts = _TIMEOUTS,
        most_connections: int = 512,
        faults: Faults | None = None,
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._timeouts = timeouts
        self._most_connections = most_connections
        self._disturbance = Disturbance(faults or Faults([SERVICE]))
        self._state = State(database)
        self._namespace = Namespace(namespace, queues, topics, self._state, clock)
        self._connections: set[Connection] = set()
        self._listener: Listener | None = None
        self._pauses = Pauses(0.1, 5.0, 30.0)
        self._resumes: float | None = None  # the Unix time before which nothing is tried that is due
        self._is_closed = False
        self._is_stale = False  # the queues are to be loaded again
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None  # the Unix time that the timer is set to

    async def start(self, host: str, port: int, tls: ssl.SSLContext) -> int:
        """Listens; returns the port, which the system chooses if 0 was asked for. Raises `OSError`."""
        listening = listen(host, port)
        self._turn(None, _nothing)  # what became due while the broker was stopped
        self._listener = Listener(
            "Service Bus", listening, self.connect, tls, self._most_connections, self._timeouts.handshake
        )
        self._listener.start()
        return int(listening.getsockname()[1])

    async def close(self) -> None:
        """Closes every connection and the database."""
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            await self._listener.close()
        connections = list(self._connections)
        for connection in connections:
            connection.end(AmqpError(errors.CONNECTION_FORCED, "The broker is stopping."))
            connection.flush()
        if connections:
            await asyncio.wait([connection.lost for connection in connections], timeout=_LINGER)
        for connection in list(self._connections):
            connection.abort()
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._state.close()

    @property
    def namespace(self) -> str:
        return self._namespace.name

    def queue(self, address: Address) -> Queue | None:
        """The queue or sub-queue at this address, with what time has done to it."""
        self._turn(None, _nothing)
        return self._namespace.find(address)

    def entities(self) -> list[Queue]:
        """Every queue, topic and subscription, and every dead-letter sub-queue, with what time has done to them."""
        self._turn(None, _nothing)
        return list(self._namespace)

    def connect(self) -> asyncio.Protocol:
        """Make the connection of a client, for the transport that carries it."""
        credentials = Credentials(self._guard, self._namespace, self._clock, self._disturbance)
        peer = Peer(self._namespace, credentials, Holdings(credentials))
        connection = Connection(peer, self._turn, self._clock, self._timeouts, self._connections)
        return self._disturbance.wire(connection)

    def _turn(self, connection: Connection | None, work: Callable[[], None]) -> None:
        """One turn, begun by this connection or by time. What is due comes first, as a turn of its own."""
        if self._is_closed:
            return
        due = self._next_deadline
        if due is not None and due <= self._clock():
            self._try(None, self._tick)
        if connection is not None:
            self._try(connection, work)
        for each in list(self._connections):
            each.flush()
        self._set_timer()

    def _try(self, connection: Connection | None, work: Callable[[], None]) -> None:
        try:
            if self._is_stale:
                for queue in self._namespace:
                    queue.load()
                self._is_stale = False
            work()
            for queue in self._namespace:
                queue.dispatch()
            self._state.commit()
        except Exception as error:
            self._take_back(connection, error)

    def _tick(self) -> None:
        if self._state.suspended:
            self._state.resume()
        self._resumes = None
        now = self._clock()
        for queue in self._namespace:
            deadline = queue.next_deadline
            if deadline is not None and deadline <= now:
                queue.tick(now)

    def _take_back(self, connection: Connection | None, error: Exception) -> None:
        """Ends the connections whose answers are no longer true. What is due is tried again after a pause."""
        with contextlib.suppress(sqlite3.Error):
            self._state.rollback()
        self._is_stale = True
        reason = AmqpError(errors.INTERNAL_ERROR, "The broker failed, and nothing of this was done.")
        if is_outage(error):
            _log.warning("Service Bus can store nothing at the moment: %s", error)
            self._state.suspended = True
            reason = errors.server_busy()
        else:
            _log.error("a turn failed, and is taken back", exc_info=error)
        if connection is None or self._state.suspended:
            self._resumes = self._clock() + self._pauses.next()
        for each in list(self._connections):
            if each is connection or each.has_output:
                each.fail(reason)

    @property
    def _next_deadline(self) -> float | None:
        """When a turn is due that no connection begins."""
        if self._resumes is not None:
            return self._resumes
        if self._is_stale:
            return self._clock()
        deadlines = (queue.next_deadline for queue in self._namespace)
        return min((each for each in deadlines if each is not None), default=None)

    def _set_timer(self) -> None:
        """One timer, at the next deadline."""
        deadline = self._next_deadline
        if deadline == self._deadline:
            return
        self._deadline = deadline
        if self._timer is not None:
            self._timer.cancel()
        if deadline is not None:
            delay = max(0.0, deadline - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        self._deadline = None
        self._turn(None, _nothing)


def _nothing() -> None:
    pass
