"""Protocol headers and frames (specification, part 2, sections 2.2 and 2.3).

A frame is its size (4 bytes), the offset of its body in words of 4 bytes (1), its type (1), its channel (2), then its
body: a performative, and behind a transfer's the payload. A frame without a body is a heartbeat.
"""

import struct
from dataclasses import dataclass

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
HEADER_SIZE = 8

AMQP_FRAME, SASL_FRAME = 0, 1
MAX_FRAME_SIZE = 65_536  # what this end takes, and sends at most; Service Bus says the same
HEARTBEAT = struct.pack(">IBBH", 8, 2, AMQP_FRAME, 0)

_header = struct.Struct(">IBBH")


class FramingError(ValueError):
    """No valid frame can be made of the bytes, so nothing that follows them can be read either."""


@dataclass(frozen=True, slots=True)
class Frame:
    kind: int
    channel: int
    body: bytes


def frame(channel: int, body: bytes, kind: int = AMQP_FRAME) -> bytes:
    """The frame around an encoded body."""
    return _header.pack(HEADER_SIZE + len(body), 2, kind, channel) + body


class FrameReader:
    """Cuts a stream into protocol headers and frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def header(self) -> bytes | None:
        """The next 8 bytes, or nothing if they are not all here yet."""
        if len(self._buffer) < HEADER_SIZE:
            return None
        header = bytes(self._buffer[:HEADER_SIZE])
        del self._buffer[:HEADER_SIZE]
        return header

    def frame(self) -> Frame | None:
        """The next frame, or nothing if it is not all here yet; raises `FramingError`."""
        if len(self._buffer) < HEADER_SIZE:
            return None
        size, words, kind, channel = _header.unpack_from(self._buffer)
        if size > MAX_FRAME_SIZE:
            raise FramingError(f"a frame of {size} bytes exceeds the {MAX_FRAME_SIZE} agreed")
        if not HEADER_SIZE <= words * 4 <= size or kind not in (AMQP_FRAME, SASL_FRAME):
            raise FramingError("not a frame")
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[words * 4 : size])
        del self._buffer[:size]
        return Frame(kind, channel, body)
