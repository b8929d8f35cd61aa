"""Faults on demand: which service of Azure fails at the moment, and how.

Only the operator begins and ends them, through the control socket (`operator.control`). What a fault does to a request
over HTTPS is in `network.faulty_https`, to a connection of AMQP in `servicebus.faulty`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a service fails."""

    DOWN = "down"  # connections are refused, and those that are open are reset
    SILENT = "silent"  # connections are accepted and never answered, as if a firewall dropped the packets
    RESETTING = "resetting"  # a request is carried out, and its connection is reset before the answer
    SLOW = "slow"  # each answer comes `seconds` late
    THROTTLING = "throttling"  # too many requests: try again after `seconds`
    FAILING = "failing"  # the service's own 500 or 503


@dataclass(slots=True)
class Fault:
    """One service's fault. `met` counts the requests or connections that it has hit."""

    kind: Kind
    seconds: float = 1.0
    met: int = 0


class Faults:
    """At most one fault for each service."""

    def __init__(self, services: Iterable[str]) -> None:
        self.services = tuple(services)
        self._present: dict[str, Fault] = {}
        self._listeners: list[Callable[[str], None]] = []

    def begin(self, service: str, fault: Fault) -> None:
        """Begin the fault, in place of another of the service. Raises `KeyError` if there is no such service."""
        if service not in self.services:
            raise KeyError(service)
        self._present[service] = fault
        for listener in self._listeners:
            listener(service)

    def end(self, service: str) -> None:
        """End the service's fault. Requests that it has hit stay unanswered."""
        self._present.pop(service, None)

    def of(self, service: str) -> Fault | None:
        """Return the service's fault, or `None`."""
        return self._present.get(service)

    def present(self) -> dict[str, Fault]:
        """Return every fault, by service."""
        return dict(self._present)

    def listen(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the service's name each time a fault begins."""
        self._listeners.append(listener)
