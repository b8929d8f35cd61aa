"""An AMQP client that sends what a test wants sent, frame by frame, and reads what the broker answers."""

import socket
import ssl
from typing import Any, TypeVar

from localcloud.servicebus.amqp.composites import Composite, read, write
from localcloud.servicebus.amqp.decoder import decode
from localcloud.servicebus.amqp.encoder import encode
from localcloud.servicebus.amqp.frames import AMQP_HEADER, SASL_FRAME, SASL_HEADER, FrameReader, frame
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Flow,
    Open,
    SaslInit,
    Source,
    Target,
    Transfer,
)
from localcloud.servicebus.amqp.types import Described, ULong

C = TypeVar("C", bound=Composite)

_CBS_SENDER, _CBS_RECEIVER = 100, 101  # handles


class AmqpConnection:
    """One TLS connection to the broker of the namespace. `last_payload` is what came behind the last transfer.

    Each wait for the broker has `timeout` seconds, then raises `TimeoutError`.
    """

    def __init__(self, port: int, namespace: str, ca_bundle: str, timeout: float = 5) -> None:
        tls = ssl.create_default_context(cafile=ca_bundle)
        plain = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._socket = tls.wrap_socket(plain, server_hostname=namespace)
        self._reader = FrameReader()
        self.last_payload = b""

    def send(self, performative: Composite, payload: bytes = b"", channel: int = 0) -> None:
        self.raw(frame(channel, write(performative) + payload))

    def raw(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def header(self) -> bytes:
        while (header := self._reader.header()) is None:
            self._feed()
        return header

    def frame(self) -> Composite | None:
        """The next performative, or `None` for a heartbeat. Raises `EOFError` if the broker has closed."""
        while (received := self._reader.frame()) is None:
            self._feed()
        if not received.body:
            return None
        value, end = decode(received.body)
        self.last_payload = received.body[end:]
        return read(value)

    def expect(self, kind: type[C]) -> C:
        """The next performative of this kind. Others before it are dropped; a close raises `AssertionError`."""
        while True:
            received = self.frame()
            if isinstance(received, kind):
                return received
            if isinstance(received, Close) and kind is not Close:
                raise AssertionError(f"closed: {received}")

    def everything(self) -> list[Composite | None]:
        """All that comes until the broker closes."""
        received = []
        try:
            while True:
                received.append(self.frame())
        except (EOFError, ConnectionError):
            return received

    def handshake(self) -> None:
        """Exchange SASL's and AMQP's headers, up to the open."""
        self._exchange_headers(SASL_HEADER)
        self.frame()
        self.raw(frame(0, write(SaslInit("ANONYMOUS")), SASL_FRAME))
        self.frame()
        self._exchange_headers(AMQP_HEADER)

    def _exchange_headers(self, header: bytes) -> None:
        self.raw(header)
        if (answer := self.header()) != header:
            raise AssertionError(f"the broker answers {header!r} with {answer!r}")

    def open(self, **options: Any) -> Open:
        self.handshake()
        self.send(Open("test", **options))
        return self.expect(Open)

    def begin(self, channel: int = 0, incoming_window: int = 1000) -> Begin:
        self.send(Begin(None, 0, incoming_window, 1000), channel=channel)
        return self.expect(Begin)

    def attach(
        self, handle: int, address: str, *, receive: bool, reply_to: str = "here", channel: int = 0, **options: Any
    ) -> Attach:
        source, target = (Source(address), Target(reply_to)) if receive else (Source(reply_to), Target(address))
        name = f"link-{channel}-{handle}"
        self.send(Attach(name, handle, receive, source=source, target=target, **options), channel=channel)
        return self.expect(Attach)

    def credit(self, handle: int, credit: int, count: int = 0, channel: int = 0, **options: Any) -> None:
        self.send(Flow(0, 1000, 0, 1000, handle, count, credit, **options), channel=channel)

    def show_token(self, token: str, name: str, attach: bool = True) -> dict[Any, Any]:
        """Send an access token for the entity of this name; returns the application properties of the answer.

        `attach` makes the links to `$cbs` first, which a connection needs once.
        """
        if attach:
            self.attach(_CBS_SENDER, "$cbs", receive=False)
            self.attach(_CBS_RECEIVER, "$cbs", receive=True, reply_to="cbs-reply")
            self.credit(_CBS_RECEIVER, 10)
        properties = {"operation": "put-token", "type": "jwt", "name": name}
        self.send(Transfer(_CBS_SENDER, 0, b"t", 0, True), request(properties, token, "cbs-reply"))
        self.expect(Transfer)
        return reply_properties(self.last_payload)

    def close(self) -> None:
        self._socket.close()

    def _feed(self) -> None:
        octets = self._socket.recv(65536)
        if not octets:
            raise EOFError
        self._reader.feed(octets)


def request(properties: dict[str, Any], body: Any, reply_to: str, message_id: str = "request") -> bytes:
    """A request as `$cbs` and `$management` take them."""
    sections = ((0x73, [message_id, None, None, None, reply_to]), (0x74, properties), (0x77, body))
    return b"".join(encode(Described(ULong(code), value)) for code, value in sections)


def reply_properties(payload: bytes) -> dict[Any, Any]:
    return Message.parse(payload).application_property_values()
