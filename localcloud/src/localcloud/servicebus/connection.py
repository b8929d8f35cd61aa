"""One client's connection: the security layer, open and close, heartbeats, and its sessions (part 2.4 and part 5.3)."""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import cast

from localcloud.servicebus import errors
from localcloud.servicebus.amqp.decoder import DecodeError, decode
from localcloud.servicebus.amqp.frames import (
    AMQP_FRAME,
    AMQP_HEADER,
    HEARTBEAT,
    MAX_FRAME_SIZE,
    SASL_FRAME,
    SASL_HEADER,
    Frame,
    FrameReader,
    FramingError,
    frame,
)
from localcloud.servicebus.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Composite,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Transfer,
    read,
    write,
)
from localcloud.servicebus.amqp.types import Array, Symbol
from localcloud.servicebus.attaching import Peer
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.session import Session, SessionError

CHANNEL_MAX = 4999
_MIN_FRAME_SIZE = 512
_MECHANISMS = ("MSSBCBS", "ANONYMOUS")  # both mean: the token comes later, by $cbs
_SASL_OK, _SASL_AUTH = 0, 1


class Connection(asyncio.Protocol):
    """Reads what has arrived within one turn of the broker, which then sends what is to be said."""

    def __init__(
        self,
        peer: Peer,
        turn: Callable[["Connection"], AbstractContextManager[None]],
        clock: Callable[[], float],
        idle_time_out: float,
        on_lost: Callable[["Connection"], None],
    ) -> None:
        self._peer = peer
        self._turn = turn
        self._clock = clock
        self._idle_time_out = idle_time_out
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._read = self._read_first_header
        self._sessions: dict[int, Session] = {}
        self._outgoing: list[bytes] = []
        self._opened = False
        self._closing = False
        self._paused = False
        self._max_frame_size = MAX_FRAME_SIZE
        self._heartbeat: float | None = None  # seconds between frames that the peer wants at least
        self._received = self._sent = self._loop.time()
        self._timed_expiry: float | None = None
        self.lost: asyncio.Future[None] = self._loop.create_future()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = self._loop.call_later(self._idle_time_out, self._on_timer)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._received = self._loop.time()
        with self._turn(self):
            self._check_token()
            self._reader.feed(data)
            self._advance()
        if self._peer.credentials.expires != self._timed_expiry:
            self._set_timer()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._closing:
            return
        with self._turn(self):
            pass  # queues hand out what this connection could not take

    def connection_lost(self, _: Exception | None) -> None:
        self._closing = True
        self._timer.cancel()
        self._end_sessions()
        self._on_lost(self)
        self.lost.set_result(None)

    # What the broker asks

    def flush(self) -> None:
        """Sends what was written since the last time."""
        if self._outgoing:
            self._transport.write(b"".join(self._outgoing))
            self._outgoing.clear()
            self._sent = self._loop.time()
        if self._closing:
            self._transport.close()

    @property
    def has_output(self) -> bool:
        return bool(self._outgoing)

    def fail(self) -> None:
        """Closes the connection instead of sending what was written, which is no longer true."""
        self._outgoing.clear()
        self._close(AmqpError(errors.INTERNAL_ERROR, "The broker failed, and nothing of this was done."))

    def abort(self) -> None:
        self._transport.abort()

    def shut_down(self) -> None:
        """Closes the connection because the broker stops."""
        self._close(AmqpError(errors.CONNECTION_FORCED, "The broker is stopping."))
        self.flush()

    # Reading

    def _advance(self) -> None:
        """Whatever the peer sent, the worst that comes of it is the end of its own connection."""
        try:
            while not self._closing and self._read():
                pass
        except FramingError as error:
            self._close(AmqpError(errors.FRAMING_ERROR, str(error)))
        except DecodeError as error:
            self._close(AmqpError(errors.DECODE_ERROR, str(error)))
        except AmqpError as error:
            self._close(error)

    def _read_first_header(self) -> bool:
        header = self._reader.header()
        if header is None:
            return False
        if header == SASL_HEADER:
            self._write(SASL_HEADER)
            symbols = Array(0xA3, [Symbol(mechanism) for mechanism in _MECHANISMS])
            self._write(frame(0, write(SaslMechanisms(symbols)), SASL_FRAME))
            self._read = self._read_sasl_init
        else:  # the security layer is not optional; naming it is how a broker says so
            self._write(SASL_HEADER)
            self._closing = True
        return True

    def _read_sasl_init(self) -> bool:
        received = self._reader.frame()
        if received is None:
            return False
        init = read(decode(received.body)[0]) if received.kind == SASL_FRAME else None
        if not isinstance(init, SaslInit):
            raise FramingError("sasl-init was expected")
        accepted = init.mechanism in _MECHANISMS
        self._write(frame(0, write(SaslOutcome(_SASL_OK if accepted else _SASL_AUTH)), SASL_FRAME))
        self._closing = not accepted
        self._read = self._read_header
        return True

    def _read_header(self) -> bool:
        header = self._reader.header()
        if header is None:
            return False
        self._write(AMQP_HEADER)
        self._closing = header != AMQP_HEADER
        self._read = self._read_frame
        return True

    def _read_frame(self) -> bool:
        received = self._reader.frame()
        if received is None:
            return False
        if received.kind != AMQP_FRAME:
            raise FramingError("an AMQP frame was expected")
        if received.body:
            self._on_frame(received)
        return True

    def _on_frame(self, received: Frame) -> None:
        value, end = decode(received.body)
        performative = read(value)
        if not self._opened:
            if not isinstance(performative, Open):
                raise FramingError("open was expected")
            self._on_open(performative)
        elif isinstance(performative, Close):
            self._write(frame(0, write(Close())))
            self._closing = True
        elif isinstance(performative, Begin):
            self._on_begin(received.channel, performative)
        else:
            self._on_session_frame(received.channel, performative, received.body[end:])

    def _on_open(self, received: Open) -> None:
        self._opened = True
        container, idle = uuid.uuid4().hex, round(self._idle_time_out * 1000)
        self._write(frame(0, write(Open(container, None, MAX_FRAME_SIZE, CHANNEL_MAX, idle))))
        size = received.max_frame_size
        if size is not None and size < _MIN_FRAME_SIZE:
            raise AmqpError(errors.INVALID_FIELD, f"A max-frame-size is {_MIN_FRAME_SIZE} at least.")
        self._max_frame_size = min(size or MAX_FRAME_SIZE, MAX_FRAME_SIZE)
        if received.idle_time_out:
            self._heartbeat = received.idle_time_out / 1000 / 2
            self._set_timer()

    def _on_begin(self, channel: int, begin: Begin) -> None:
        if channel > CHANNEL_MAX or channel in self._sessions:
            raise AmqpError(errors.NOT_ALLOWED, f"The channel {channel} cannot begin a session.")
        self._sessions[channel] = Session(
            channel, begin, self._peer, self._max_frame_size, self._write, lambda: not self._paused
        )

    def _on_session_frame(self, channel: int, performative: Composite, payload: bytes) -> None:
        session = self._sessions.get(channel)
        if session is None:
            if isinstance(performative, Detach):
                return  # the Python SDK ends a session first and detaches its links after
            raise AmqpError(errors.NOT_ALLOWED, f"There is no session on the channel {channel}.")
        if isinstance(performative, End):
            del self._sessions[channel]
            session.close()
            if not session.ending:
                self._write(frame(channel, write(End())))
        elif not session.ending:  # else the peer has not read yet that its session ended
            try:
                self._on_link_frame(session, performative, payload)
            except SessionError as error:
                session.ending = True
                session.close()
                self._write(frame(channel, write(End(error.error))))

    def _on_link_frame(self, session: Session, performative: Composite, payload: bytes) -> None:
        match performative:
            case Transfer():
                session.on_transfer(performative, payload)
            case Disposition():
                session.on_disposition(performative)
            case Flow():
                session.on_flow(performative)
            case Attach():
                session.on_attach(performative)
            case Detach():
                session.on_detach(performative)
            case _:
                raise AmqpError(errors.NOT_ALLOWED, "That performative is not for a session.")

    # Time

    def _set_timer(self) -> None:
        """Wakes the connection at its next deadline: a heartbeat due, a silence too long, a token's end."""
        waits = [self._received + 2 * self._idle_time_out - self._loop.time()]
        if self._heartbeat is not None:
            waits.append(self._sent + self._heartbeat - self._loop.time())
        self._timed_expiry = self._peer.credentials.expires
        if self._timed_expiry is not None:
            waits.append(self._timed_expiry - self._clock())
        self._timer.cancel()
        self._timer = self._loop.call_later(max(0.0, min(waits)), self._on_timer)

    def _on_timer(self) -> None:
        if self._closing:
            return
        with self._turn(self):
            self._on_deadlines()
        if not self._closing:
            self._set_timer()

    def _on_deadlines(self) -> None:
        self._check_token()
        now = self._loop.time()
        # A peer is allowed twice the time that it was told, as the specification advises (part 2.4.5).
        if now - self._received >= 2 * self._idle_time_out:
            description = f"The connection was inactive for more than the allowed {self._idle_time_out:g} seconds."
            self._close(AmqpError(errors.CONNECTION_FORCED, description))
        elif self._heartbeat is not None and now - self._sent >= self._heartbeat:
            self._write(HEARTBEAT)

    def _check_token(self) -> None:
        """Closes the connection where one of its tokens has expired without having been renewed."""
        expires = self._peer.credentials.expires
        if self._closing or expires is None or self._clock() < expires:
            return
        for session in self._sessions.values():
            session.detach_all(self._token_expired)
        self._close(AmqpError(errors.CONNECTION_FORCED, "The token of this connection has expired."))

    def _token_expired(self, link: str, peer_receives: bool) -> AmqpError:
        return errors.token_expired(self._peer.namespace.name, link, "Listen" if peer_receives else "Send")

    def _close(self, error: AmqpError) -> None:
        if self._closing:
            return
        if self._opened:  # before it, there is nothing that an error could be said in
            self._write(frame(0, write(Close(error.error))))
        self._closing = True
        self._end_sessions()

    def _end_sessions(self) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _write(self, data: bytes) -> None:
        self._outgoing.append(data)
