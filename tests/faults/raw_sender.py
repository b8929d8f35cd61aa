"""Puts messages into a queue as the bytes that they are, which no SDK does."""

import socket
import ssl
import struct

from harness.amqp_wire import Wire, request
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.frames import FrameReader
from localcloud.servicebus.amqp.performatives import Accepted, Disposition, Transfer

HANDLE = 1
PART = 60_000  # bytes in a frame, of which the broker takes 65,536


class RawSender:
    """A link to the queue over a connection that has shown a token for it."""

    def __init__(self, wire: Wire, queue: str) -> None:
        self._wire = wire
        self._wire.attach(HANDLE, queue, receive=False)
        self._sent = 0

    def put(self, message: bytes, message_format: int = 0) -> None:
        """Sends an encoded message; fails if the broker does not accept it."""
        outcome = self.offer(message, message_format)
        assert isinstance(outcome, Accepted), outcome

    def offer(self, message: bytes, message_format: int = 0) -> object:
        """Sends an encoded message; returns the broker's outcome."""
        self._sent += 1
        tag = struct.pack(">I", self._sent)
        parts = [message[start : start + PART] for start in range(0, len(message), PART)] or [b""]
        for number, part in enumerate(parts, 1):
            more = number < len(parts)
            self._wire.send(Transfer(HANDLE, self._sent, tag, message_format, False, more), part)
        return read(self._wire.expect(Disposition).state)


class CloudWire(Wire):
    """A connection to a whole cloud's broker, on this port, that has shown an access token to it."""

    def __init__(self, port: int, namespace: str, ca_bundle: str, token: str) -> None:
        tls = ssl.create_default_context(cafile=ca_bundle)
        plain = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._socket = tls.wrap_socket(plain, server_hostname=namespace)
        self._reader = FrameReader()
        self.last_payload = b""
        self.open()
        self.begin()
        self.attach(100, "$cbs", receive=False)
        self.attach(101, "$cbs", receive=True, reply_to="cbs-reply")
        self.credit(101, 10)
        properties = {"operation": "put-token", "type": "jwt", "name": f"sb://{namespace}/"}
        self.send(Transfer(100, 0, b"t", 0, True), request(properties, token, "cbs-reply"))
        self.expect(Transfer)
