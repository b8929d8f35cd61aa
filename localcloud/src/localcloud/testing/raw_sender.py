"""Puts messages into a queue as the bytes that they are, which no SDK does."""

import struct

from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.performatives import Accepted, Disposition, Transfer
from localcloud.testing.amqp_connection import AmqpConnection
from localcloud.testing.in_process import RunningCloud

_HANDLE = 1
_PART = 60_000  # bytes in a frame, of which the broker takes 65,536


class RawSender:
    """A link to a queue, on a connection of its own that shows this access token."""

    def __init__(self, port: int, namespace: str, ca_bundle: str, token: str, queue: str) -> None:
        """`port` is the broker's on this machine; the others are as a pod's settings name them."""
        self._connection = AmqpConnection(port, namespace, ca_bundle)
        self._connection.open()
        self._connection.begin()
        self._connection.show_token(token, f"sb://{namespace}/")
        self._connection.attach(_HANDLE, queue, receive=False)
        self._sent = 0

    @classmethod
    def to(cls, cloud: RunningCloud, queue: str, token: str) -> "RawSender":
        """A link to a queue of this cloud."""
        return cls(cloud.cloud.amqp_port, cloud.namespace, cloud.ca_bundle, token, queue)

    def put(self, message: bytes, message_format: int = 0) -> None:
        """Send an encoded message; raises `AssertionError` if the broker does not accept it."""
        outcome = self.offer(message, message_format)
        if not isinstance(outcome, Accepted):
            raise AssertionError(f"the broker did not accept the message: {outcome}")

    def offer(self, message: bytes, message_format: int = 0) -> object:
        """Send an encoded message; returns the broker's outcome, for example `Rejected`."""
        self._sent += 1
        tag = struct.pack(">I", self._sent)
        parts = [message[start : start + _PART] for start in range(0, len(message), _PART)] or [b""]
        for number, part in enumerate(parts, 1):
            more = number < len(parts)
            self._connection.send(Transfer(_HANDLE, self._sent, tag, message_format, False, more), part)
        return read(self._connection.expect(Disposition).state)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> "RawSender":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
