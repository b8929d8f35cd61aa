"""Faults on demand: which service of Azure does not do its work at the moment, and how it fails.

The operator begins and ends them through the control socket, and nobody else can: see `control`. What they do to a
request over HTTPS is in `faulty_https`, to a connection of AMQP in `servicebus.faulty`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a service fails."""

    DOWN = "down"  # connections are refused, and those that are open are reset
    SILENT = "silent"  # connections are taken and never answered, like a peer that vanished behind a firewall
    RESETTING = "resetting"  # a request is done, and its connection is reset before the answer
    SLOW = "slow"  # each answer comes `seconds` late
    THROTTLING = "throttling"  # too many requests: try again after `seconds`
    FAILING = "failing"  # the service's own 500 or 503


@dataclass(slots=True)
class Fault:
    """One service's fault. `met` counts the requests, or the connections, that it was met by."""

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
        """From now on; raises `KeyError` where there is no such service."""
        if service not in self.services:
            raise KeyError(service)
        self._present[service] = fault
        for listener in self._listeners:
            listener(service)

    def end(self, service: str) -> None:
        """The service does its work again; what was broken off or swallowed meanwhile stays so."""
        self._present.pop(service, None)

    def of(self, service: str) -> Fault | None:
        """The service's fault, if it has one."""
        return self._present.get(service)

    def present(self) -> dict[str, Fault]:
        """All of them, by service."""
        return dict(self._present)

    def listen(self, listener: Callable[[str], None]) -> None:
        """`listener` is told the service whenever a fault begins."""
        self._listeners.append(listener)
