"""The forward proxy on loopback through which pods reach Azure's names, and nothing else.

CONNECT (RFC 9110, section 9.3.6) for a name of the local cloud leads to its TLS listener. Any other name is refused
and reported, so nothing leaves the machine.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from http import HTTPStatus

from localcloud.network.listener import Listener, listen

_HEAD_LIMIT = 16 * 1024
_HEAD_TIMEOUT = 10.0  # seconds
_MOST_CONNECTIONS = 1024
_INSTANCE_METADATA = re.compile(r"http://169\.254\.169\.254(?::80)?(/.*)")
_ENDED = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


class ForwardProxy:
    """Lead the host names in `names`, on port 443, to `target_port` on `target_host`.

    `refused` is called with any other host and port. `is_down` says whether the service of a name takes no connections.
    `metadata` answers requests to the instance metadata service, which is plain HTTP: target to status and JSON.
    """

    def __init__(
        self,
        names: frozenset[str],
        target_host: str,
        target_port: int,
        refused: Callable[[str], None],
        is_down: Callable[[str], bool],
        metadata: Callable[[str], tuple[int, str]],
    ) -> None:
        self._names = names
        self._is_down = is_down
        self._metadata = metadata
        self._target = (target_host, target_port)
        self._refused = refused
        self._listener: Listener | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port. Raises `OSError` if it is taken."""
        listening = listen(host, port)
        self._listener = Listener("The proxy", listening, self._connection, None, _MOST_CONNECTIONS)
        self._listener.start()
        return int(listening.getsockname()[1])

    async def close(self) -> None:
        """Reset every connection."""
        if self._listener is not None:
            await self._listener.close()
        for writer in self._open:
            writer.transport.abort()

    def _connection(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(_HEAD_LIMIT), self._accept)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with self._tracked(writer), contextlib.suppress(*_ENDED):
            await self._serve(reader, writer)

    @contextlib.contextmanager
    def _tracked(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._open.add(writer)
        try:
            yield
        finally:
            self._open.discard(writer)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_TIMEOUT):
            head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        where = rest.partition(" ")[0]
        if asked := _INSTANCE_METADATA.fullmatch(where):
            status, body = self._metadata(asked[1])
            await _answer(writer, status, body, "application/json")
            return
        if method != "CONNECT":
            await _answer(writer, 405, f"This proxy takes CONNECT alone, not {method}.")
            return
        name, _, port = where.rpartition(":")
        if name.lower() not in self._names or port != "443":
            self._refused(where)
            await _answer(
                writer, 403, f"{where} is not part of the local cloud, and nothing else is reached from here."
            )
            return
        if self._is_down(name.lower()):
            writer.transport.abort()
            return
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        with self._tracked(up_writer):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for end in (writer, up_writer):
                _no_delay(end)
            await asyncio.gather(_pump(reader, up_writer, writer), _pump(up_reader, writer, up_writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: asyncio.StreamWriter) -> None:
    """Copy bytes one way, then the end of the stream. `source` writes to the side that the bytes come from."""
    while data := await reader.read(65536):
        _acknowledge(source)
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def _answer(writer: asyncio.StreamWriter, status: int, text: str, kind: str = "text/plain") -> None:
    body = text.encode()
    first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    head = f"{first}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close"
    writer.write(head.encode() + b"\r\n\r\n" + body)
    await writer.drain()


def _acknowledge(writer: asyncio.StreamWriter) -> None:
    """Acknowledge what has come at once, if the system can. urllib3 leaves Nagle's algorithm on towards a proxy, so a
    request's body waits for the acknowledgement of its head, which otherwise takes 40 ms."""
    if hasattr(socket, "TCP_QUICKACK") and not writer.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _no_delay(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
