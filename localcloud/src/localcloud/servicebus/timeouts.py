"""How long a connection may do nothing: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. `idle` is what clients are told, as Azure tells them; `handshake` is TLS's.

    `open` and `token` are counted from the connection's beginning: until it is opened, and until a token is accepted.
    """

    idle: float = 120.0
    handshake: float = 5.0
    open: float = 10.0
    token: float = 60.0
