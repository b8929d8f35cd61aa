"""AMQP over WebSockets: the same bytes in binary messages, on the port of HTTPS.

https://docs.oasis-open.org/amqp-bindmap/amqp-wsb/v1.0/amqp-wsb-v1.0.html
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#amqp-web-sockets
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import cast

from starlette.websockets import WebSocket, WebSocketDisconnect

PATH = "/$servicebus/websocket"
SUBPROTOCOL = "AMQPWSB10"
_HIGH = 64 * 1024  # bytes that wait to be sent before the connection is asked to pause


class Transport:
    """A WebSocket as the transport of an AMQP connection: what it writes waits until the socket has taken it."""

    def __init__(self, connection: asyncio.Protocol) -> None:
        self._connection = connection
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._high = _HIGH
        self._paused = False  # the connection was asked to write no more
        self._closing = False
        self._wanted = asyncio.Event()  # there is something to send, or the end is asked for
        self._readable = asyncio.Event()
        self._readable.set()
        self.aborted = asyncio.Event()

    # asyncio.Transport, as far as the connection uses it

    def write(self, data: bytes) -> None:
        if self._closing:
            return
        self._waiting.append(data)
        self._size += len(data)
        self._wanted.set()
        if self._size > self._high and not self._paused:
            self._paused = True
            self._connection.pause_writing()

    def close(self) -> None:
        """Ends the connection when what waits is sent."""
        self._closing = True
        self._wanted.set()

    def abort(self) -> None:
        self.close()
        self.aborted.set()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:  # noqa: ARG002
        self._high = _HIGH if high is None else high

    def pause_reading(self) -> None:
        self._readable.clear()

    def resume_reading(self) -> None:
        self._readable.set()

    # What the WebSocket does

    async def send_to(self, socket: WebSocket) -> None:
        """Sends what is written, until the connection is closed."""
        while self._waiting or not self._closing:
            if not self._waiting:
                self._wanted.clear()
                await self._wanted.wait()
                continue
            data = self._waiting.popleft()
            await socket.send_bytes(data)
            self._size -= len(data)
            if self._paused and self._size <= self._high // 2:
                self._paused = False
                self._connection.resume_writing()

    async def receive_from(self, socket: WebSocket) -> None:
        """Hands on what comes, until the peer closes. A message that is not binary ends the connection."""
        while True:
            await self._readable.wait()
            data = (await socket.receive()).get("bytes")
            if not isinstance(data, bytes):
                return
            self._connection.data_received(data)


async def serve(socket: WebSocket, connect: Callable[[], asyncio.Protocol]) -> None:
    """Carries one AMQP connection. A WebSocket without AMQP's subprotocol is refused with status 403."""
    if SUBPROTOCOL not in socket.scope["subprotocols"]:
        await socket.close()
        return
    await socket.accept(SUBPROTOCOL)
    connection = connect()
    transport = Transport(connection)
    connection.connection_made(cast(asyncio.Transport, transport))
    tasks = [
        asyncio.ensure_future(work)
        for work in (transport.send_to(socket), transport.receive_from(socket), transport.aborted.wait())
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        connection.connection_lost(None)
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the peer has closed it
        await socket.close()
    for end in ends:
        if isinstance(end, Exception) and not isinstance(end, RuntimeError | WebSocketDisconnect | OSError):
            raise end
