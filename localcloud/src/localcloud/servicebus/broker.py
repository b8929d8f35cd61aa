"""The Service Bus of the local cloud: AMQP 1.0 over TLS, its queues in one SQLite file.

Work is done in turns: whatever arrives or becomes due at once is one. At its end the queues hand out what is there, one
transaction commits it all, and only then anything is sent. So nothing is ever said on a wire that a crash
could take back, and many messages that arrive together cost one commit.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localcloud import access
from localcloud.faults import Faults
from localcloud.guard import Guard
from localcloud.servicebus import errors
from localcloud.servicebus.address import Address
from localcloud.servicebus.attaching import Peer
from localcloud.servicebus.connection import Connection
from localcloud.servicebus.credentials import Credentials
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.faulty import SERVICE, Disturbance
from localcloud.servicebus.namespace import Namespace
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.state import State

_BACKLOG = 128
_LINGER = 1.0  # seconds that a client has to answer the end of its connection

_log = logging.getLogger(__name__)


class Broker:
    """`namespace` is its fully qualified name. `idle_time_out` is what clients are told, in seconds, as Azure does.

    Raises `ValueError` where a queue's duration is not ISO 8601, `sqlite3.Error` where the database cannot be opened.
    """

    def __init__(
        self,
        guard: Guard,
        queues: Mapping[str, access.Queue],
        database: Path,
        namespace: str,
        clock: Callable[[], float] = time.time,
        idle_time_out: float = 120.0,
        faults: Faults | None = None,
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._idle_time_out = idle_time_out
        self._disturbance = Disturbance(faults or Faults([SERVICE]))
        self._state = State(database)
        self._namespace = Namespace(namespace, queues, self._state, clock)
        self._state.commit()
        self._connections: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None  # the Unix time that the timer is set to
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext) -> int:
        """Listens; returns the port, which the system chooses where 0 was asked for. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connect, host, port, ssl=tls, backlog=_BACKLOG, ssl_shutdown_timeout=_LINGER
        )
        with self._turn():
            pass  # what became due while the broker was stopped
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Closes every connection and the database."""
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
        connections = list(self._connections)
        for connection in connections:
            connection.end(AmqpError(errors.CONNECTION_FORCED, "The broker is stopping."))
            connection.flush()
        if connections:
            await asyncio.wait([connection.lost for connection in connections], timeout=_LINGER)
        for connection in list(self._connections):
            connection.abort()
        self._state.close()

    @property
    def namespace(self) -> str:
        return self._namespace.name

    def queue(self, address: Address) -> Queue | None:
        """The queue or sub-queue at this address, with what time has done to it."""
        with self._turn():
            return self._namespace.find(address)

    def _connect(self) -> asyncio.Protocol:
        credentials = Credentials(self._guard, self._namespace.name, self._clock, self._disturbance)
        peer = Peer(self._namespace, credentials)
        connection = Connection(peer, self._turn, self._clock, self._idle_time_out, self._connections)
        return self._disturbance.wire(connection)

    @contextmanager
    def _turn(self, connection: Connection | None = None) -> Iterator[None]:
        """One turn, begun by this connection or by time."""
        try:
            self._tick()
            yield
            for queue in self._namespace:
                queue.dispatch()
            self._state.commit()
        except Exception:
            _log.exception("a turn failed, and is taken back")
            self._take_back(connection)
        for each in list(self._connections):
            each.flush()
        self._set_timer()

    def _tick(self) -> None:
        now = self._clock()
        for queue in self._namespace:
            deadline = queue.next_deadline
            if deadline is not None and deadline <= now:
                queue.tick(now)

    def _take_back(self, connection: Connection | None) -> None:
        """Begins again from what is committed. Connections that were to be told otherwise end instead."""
        self._state.rollback()
        for queue in self._namespace:
            queue.load()
        for each in list(self._connections):
            if each is connection or each.has_output:
                each.fail()

    def _set_timer(self) -> None:
        """One timer, at the next deadline of any queue."""
        deadlines = (queue.next_deadline for queue in self._namespace)
        deadline = min((each for each in deadlines if each is not None), default=None)
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
        with self._turn():
            pass
