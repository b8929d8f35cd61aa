"""A client that says exactly what a test wants said, for what no SDK would say."""

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
    Detach,
    Error,
    Flow,
    Open,
    SaslInit,
    Source,
    Target,
    Transfer,
)
from localcloud.servicebus.amqp.types import Described, ULong

from harness.servicebus import NAMESPACE, RunningBroker, token

C = TypeVar("C", bound=Composite)


class Wire:
    """One connection. `last_payload` is what came behind the last transfer."""

    def __init__(self, broker: RunningBroker, timeout: float = 5) -> None:
        tls = ssl.create_default_context(cafile=broker.ca_bundle)
        plain = socket.create_connection(("127.0.0.1", broker.port), timeout=timeout)
        self._socket = tls.wrap_socket(plain, server_hostname=NAMESPACE)
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
        """The next performative; nothing for a heartbeat. Raises `EOFError` if the broker closed."""
        while (received := self._reader.frame()) is None:
            self._feed()
        if not received.body:
            return None
        value, end = decode(received.body)
        self.last_payload = received.body[end:]
        return read(value)

    def expect(self, kind: type[C]) -> C:
        """The next performative of this kind; those of others are passed over."""
        while True:
            received = self.frame()
            if isinstance(received, kind):
                return received
            if isinstance(received, Close) and kind is not Close:
                raise AssertionError(f"closed: {received}")

    def everything(self) -> list[Composite | None]:
        """What comes until the broker closes."""
        received = []
        try:
            while True:
                received.append(self.frame())
        except (EOFError, ConnectionError):
            return received

    def handshake(self) -> None:
        """The security layer and the protocol header, up to the open."""
        self.raw(SASL_HEADER)
        assert self.header() == SASL_HEADER
        self.frame()
        self.raw(frame(0, write(SaslInit("ANONYMOUS")), SASL_FRAME))
        self.frame()
        self.raw(AMQP_HEADER)
        assert self.header() == AMQP_HEADER

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

    def refused(self, handle: int, address: str, **options: Any) -> Error:
        """The error with which the broker refuses a link."""
        assert self.attach(handle, address, **options).source is None
        error = read(self.expect(Detach).error)
        assert isinstance(error, Error)
        return error

    def credit(self, handle: int, credit: int, count: int = 0, channel: int = 0, **options: Any) -> None:
        self.send(Flow(0, 1000, 0, 1000, handle, count, credit, **options), channel=channel)

    def put_token(
        self, workload: str = "both", name: str = f"sb://{NAMESPACE}/", attach: bool = True, **of_token: Any
    ) -> dict[Any, Any]:
        """Shows a token on links of its own (handles 100 and 101); returns the reply's application properties."""
        if attach:
            self.attach(100, "$cbs", receive=False)
            self.attach(101, "$cbs", receive=True, reply_to="cbs-reply")
            self.credit(101, 10)
        properties = {"operation": "put-token", "type": "jwt", "name": name}
        self.send(Transfer(100, 0, b"t", 0, True), request(properties, token(workload, **of_token), "cbs-reply"))
        self.expect(Transfer)
        return reply_properties(self.last_payload)

    def ready(self, workload: str = "both", **options: Any) -> None:
        """Opened, begun and authenticated for every queue."""
        self.open(**options)
        self.begin()
        assert self.put_token(workload, f"amqps://{NAMESPACE}//")["status-code"] == 202

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


def message(body: bytes = b"body") -> bytes:
    return encode(Described(ULong(0x75), body))


def reply_properties(payload: bytes) -> dict[Any, Any]:
    return Message.parse(payload).application_property_values()
