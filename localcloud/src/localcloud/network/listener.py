"""Accept connections up to a limit, each with a time limit for its TLS handshake."""

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

_SHUTDOWN = 1.0  # seconds for a client to answer the end of its TLS connection

_log = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket. Raises `OSError` if the port is taken."""
    # asyncio turns Nagle's algorithm off only if the socket names its protocol. With the algorithm on, an answer's body
    # waits 40 ms for the acknowledgement of its head.
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
    """Hand each connection on `listening` to a protocol of its own.

    If `most` connections are open, each further one is closed unread and logged. `what` is the service's name in the
    log. A TLS handshake has `handshake` seconds.
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
        """Stop accepting, and drop connections that are in their handshake. Their protocols close the open ones."""
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
            except OSError as error:  # for example, no file descriptors are left
                _log.warning("%s can accept no connection: %s", self._what, error)
                await asyncio.sleep(pauses.next())
                continue
            if self._count() >= self._most:
                _log.warning("%s has %d connections, and closes each further one", self._what, self._most)
                connection.close()
                continue
            self._beginning.add(asyncio.create_task(self._begin(connection)))

    async def _begin(self, connection: socket.socket) -> None:
        """Do the TLS handshake. If it fails, the connection is closed and nothing is logged."""
        with_tls = {"ssl_handshake_timeout": self._handshake, "ssl_shutdown_timeout": _SHUTDOWN} if self._tls else {}
        try:
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol, connection, ssl=self._tls, **with_tls
            )
        except OSError as error:
            # asyncio's frames refer to the error and to the connection's buffers. Cleared, the buffers are freed now;
            # otherwise the garbage collector frees them later.
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
