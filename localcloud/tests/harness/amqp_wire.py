"""The client of `localcloud.testing`, connected to the broker of these tests."""

from typing import Any

from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.encoder import encode
from localcloud.servicebus.amqp.performatives import Detach, Error
from localcloud.servicebus.amqp.types import Described, ULong
from localcloud.testing.amqp_connection import AmqpConnection, reply_properties, request

from harness.servicebus import NAMESPACE, RunningBroker, token

__all__ = ["Wire", "message", "reply_properties", "request"]


class Wire(AmqpConnection):
    """One connection."""

    def __init__(self, broker: RunningBroker, timeout: float = 5) -> None:
        super().__init__(broker.port, NAMESPACE, broker.ca_bundle, timeout)

    def put_token(
        self, workload: str = "both", name: str = f"sb://{NAMESPACE}/", attach: bool = True, **of_token: Any
    ) -> dict[Any, Any]:
        """Shows a token on links of its own (handles 100 and 101); returns the reply's application properties."""
        return self.show_token(token(workload, **of_token), name, attach)

    def refused(self, handle: int, address: str, **options: Any) -> Error:
        """The error with which the broker refuses a link."""
        assert self.attach(handle, address, **options).source is None
        error = read(self.expect(Detach).error)
        assert isinstance(error, Error)
        return error

    def ready(self, workload: str = "both", **options: Any) -> None:
        """Opened, begun and authenticated for every queue."""
        self.open(**options)
        self.begin()
        assert self.put_token(workload, f"amqps://{NAMESPACE}//")["status-code"] == 202


def message(body: bytes = b"body") -> bytes:
    return encode(Described(ULong(0x75), body))
