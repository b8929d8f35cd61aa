"""What a fault does to AMQP: to a connection's bytes, below everything else, and to what is asked over its links."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import cast

from localcloud.faults import Fault, Faults, Kind
from localcloud.servicebus import errors
from localcloud.servicebus.errors import AmqpError

SERVICE = "servicebus"


class Disturbance:
    """The Service Bus's present fault, as its connections meet it."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._wires: set[Wire] = set()
        faults.listen(self._on_begin)

    def wire(self, connection: asyncio.Protocol) -> asyncio.Protocol:
        """The connection behind a wire that a fault can cut."""
        return Wire(connection, self)

    def check(self) -> None:
        """Raises `AmqpError` if the service refuses every request.

        https://learn.microsoft.com/azure/service-bus-messaging/service-bus-throttling
        """
        fault = self.fault
        if fault is None or fault.kind not in (Kind.THROTTLING, Kind.FAILING):
            return
        fault.met += 1
        if fault.kind is Kind.FAILING:
            raise AmqpError(errors.INTERNAL_ERROR, "The service was unable to process the request; please retry.")
        description = (
            "The request was terminated because the entity is being throttled. Error code : 50009. "
            f"Please wait {fault.seconds:g} seconds and try again."
        )
        raise AmqpError(errors.SERVER_BUSY, description)

    @property
    def fault(self) -> Fault | None:
        return self._faults.of(SERVICE)

    def opened(self, wire: "Wire") -> None:
        self._wires.add(wire)

    def closed(self, wire: "Wire") -> None:
        self._wires.discard(wire)

    def _on_begin(self, service: str) -> None:
        fault = self.fault
        if service == SERVICE and fault is not None:
            for wire in list(self._wires):
                wire.meet(fault)


class Wire(asyncio.Protocol):
    """Stands between the system's transport and the connection, which takes it for its transport."""

    def __init__(self, connection: asyncio.Protocol, disturbance: Disturbance) -> None:
        self._connection = connection
        self._disturbance = disturbance
        self._dead = False  # a peer that has fallen silent does not come back on the same connection
        self._late: deque[Callable[[], None]] = deque()  # what is still to be done to the transport, in order

    def meet(self, fault: Fault) -> None:
        """A fault has begun, or the connection is made while there is one."""
        if fault.kind is Kind.DOWN:
            fault.met += 1
            self._transport.abort()
        elif fault.kind is Kind.SILENT:
            fault.met += 1
            self._dead = True

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._disturbance.opened(self)
        self._connection.connection_made(cast(asyncio.Transport, self))
        if (fault := self._disturbance.fault) is not None:
            self.meet(fault)

    def data_received(self, data: bytes) -> None:
        if not self._dead:
            self._connection.data_received(data)

    def eof_received(self) -> bool | None:
        return self._connection.eof_received()

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._dead = True
        self._disturbance.closed(self)
        self._connection.connection_lost(exc)
        self._connection = asyncio.Protocol()  # each would keep the other in memory until the collector runs

    # asyncio.Transport, as far as the connection uses it

    def write(self, data: bytes) -> None:
        fault = self._disturbance.fault
        if self._dead:
            return
        if fault is not None and fault.kind is Kind.RESETTING:
            fault.met += 1
            self._dead = True
            self._transport.abort()
        elif fault is not None and fault.kind is Kind.SLOW:
            fault.met += 1
            self._later(fault.seconds, partial(self._transport.write, data))
        elif self._late:
            self._later(0.0, partial(self._transport.write, data))
        else:
            self._transport.write(data)

    def close(self) -> None:
        if self._late:
            self._later(0.0, self._transport.close)
        elif not self._dead:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        """Acts later, in the order of the calls."""
        self._late.append(act)
        asyncio.get_running_loop().call_later(seconds, self._act)

    def _act(self) -> None:
        act = self._late.popleft()
        if not self._dead:
            act()
