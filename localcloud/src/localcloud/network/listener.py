"""Accepts connections: so many at once, with so much time for their TLS handshake, and no more."""

import asyncio
import contextlib
import logging
import socket
import ssl
import traceback
import weakref
from collections.abc import Callable
from typing import cast

from localcloud.pauses import Pauses

_SHUTDOWN = 1.0  # seconds that a client has to answer the end of its TLS connection

_log = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; raises `OSError` if the port is taken."""
    # The protocol is named, or asyncio would not know TCP on accepted connections, and leave Nagle's algorithm on: an
    # answer's body then waits 40 ms for the acknowledgement of its head.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(512)
    except OSError:
        listening.close()
        raise
    return listening


class Listener:
    """Hands each connection on `listening` to a protocol of its own. Beyond `most` at once, one is closed unread.

    `what` names the service in the notice of that. A TLS handshake has `handshake` seconds.
    """

    def __init__(
        self,
        what: str,
        listening: socket.socket,
        protocol: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext | None,
        most: int,
        handshake: float = 5.0,
    ) -> None:
        self._what = what
        self._socket = listening
        self._protocol = protocol
        self._tls = tls
        self._most = most
        self._handshake = handshake
        self._open: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self._beginning: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._socket.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(), name=self._what)

    async def close(self) -> None:
        """Accepts nothing more, and drops what is in its handshake. Open connections are their protocols' to close."""
        tasks = [task for task in (self._accepting, *self._beginning) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        loop, pauses = asyncio.get_running_loop(), Pauses(0.1, 5.0, 30.0)
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except OSError as error:  # no file descriptors are left, say
                _log.warning("%s can accept no connection: %s", self._what, error)
                await asyncio.sleep(pauses.next())
                continue
            if self._count() >= self._most:
                _log.warning("%s has %d connections, and closes each further one", self._what, self._most)
                connection.close()
                continue
            self._beginning.add(asyncio.create_task(self._begin(connection)))

    async def _begin(self, connection: socket.socket) -> None:
        """The handshake, which may fail: its connection is gone then, and nobody needs to know."""
        with_tls = {"ssl_handshake_timeout": self._handshake, "ssl_shutdown_timeout": _SHUTDOWN} if self._tls else {}
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol, connection, ssl=self._tls, **with_tls
            )
        except OSError as error:
            # asyncio's frames refer to the error, and to the connection's buffers: they are freed now, and not whenever
            # the collector runs.
            traceback.clear_frames(error.__traceback__)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                connection.close()
            raise
        else:
            self._open.add(transport)
        finally:
            self._beginning.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _count(self) -> int:
        return len(self._beginning) + sum(not transport.is_closing() for transport in self._open)
