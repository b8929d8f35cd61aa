"""How a connection begins: the security layer first, then the protocol's own header (parts 2.2 and 5.3)."""

from collections.abc import Callable
from enum import Enum, auto

from localcloud.servicebus.amqp.composites import read, write
from localcloud.servicebus.amqp.decoder import decode
from localcloud.servicebus.amqp.frames import AMQP_HEADER, SASL_FRAME, SASL_HEADER, FrameReader, FramingError, frame
from localcloud.servicebus.amqp.performatives import SaslInit, SaslMechanisms, SaslOutcome
from localcloud.servicebus.amqp.types import Array, Symbol

_MECHANISMS = ("MSSBCBS", "ANONYMOUS")  # both mean: the token comes later, by $cbs
_OK, _AUTH = 0, 1
_SYMBOLS = 0xA3

Send = Callable[[bytes], None]


class Progress(Enum):
    WAITING = auto()
    DONE = auto()
    REFUSED = auto()


class Handshake:
    """Answers header by header. Key-based mechanisms are not offered, so none is accepted."""

    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader
        # Not a bound method: an object that refers to itself is freed by the collector alone, long after its end.
        self._step = Handshake._on_first_header

    def advance(self, send: Send) -> Progress:
        """Answer what has arrived. Raises `FramingError` or `DecodeError`."""
        while (step := self._step(self, send)) is None:
            pass
        return step

    def _on_first_header(self, send: Send) -> Progress | None:
        header = self._reader.header()
        if header is None:
            return Progress.WAITING
        send(SASL_HEADER)
        if header != SASL_HEADER:  # the security layer is not optional; naming it is how a broker says so
            return Progress.REFUSED
        mechanisms = Array(_SYMBOLS, [Symbol(mechanism) for mechanism in _MECHANISMS])
        send(frame(0, write(SaslMechanisms(mechanisms)), SASL_FRAME))
        self._step = Handshake._on_sasl_init
        return None

    def _on_sasl_init(self, send: Send) -> Progress | None:
        received = self._reader.frame()
        if received is None:
            return Progress.WAITING
        init = read(decode(received.body)[0]) if received.kind == SASL_FRAME else None
        if not isinstance(init, SaslInit):
            raise FramingError("sasl-init was expected")
        accepted = init.mechanism in _MECHANISMS
        send(frame(0, write(SaslOutcome(_OK if accepted else _AUTH)), SASL_FRAME))
        self._step = Handshake._on_header
        return None if accepted else Progress.REFUSED

    def _on_header(self, send: Send) -> Progress | None:
        header = self._reader.header()
        if header is None:
            return Progress.WAITING
        send(AMQP_HEADER)
        return Progress.DONE if header == AMQP_HEADER else Progress.REFUSED
