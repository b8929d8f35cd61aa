"""One client's connection: open and close, heartbeats, the end of tokens, and its sessions (part 2.4)."""

import asyncio
import uuid
from collections.abc import Callable
from typing import cast

from localcloud.servicebus import errors
from localcloud.servicebus.amqp.composites import Composite, read, write
from localcloud.servicebus.amqp.decoder import DecodeError, decode
from localcloud.servicebus.amqp.frames import (
    AMQP_FRAME,
    HEARTBEAT,
    MAX_FRAME_SIZE,
    Frame,
    FrameReader,
    FramingError,
    frame,
)
from localcloud.servicebus.amqp.performatives import (
    Begin,
    Close,
    Detach,
    End,
    Open,
)
from localcloud.servicebus.attaching import Peer
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.handshake import Handshake, Progress
from localcloud.servicebus.limits import CHANNEL_MAX
from localcloud.servicebus.session import Session, SessionError
from localcloud.servicebus.timeouts import Timeouts

_MIN_FRAME_SIZE = 512
_MIN_IDLE_TIME_OUT = 100  # milliseconds: no client needs more heartbeats than that
_OUTPUT = 256 * 1024  # bytes that may wait for the end of a turn, or for the peer to read

Turn = Callable[["Connection", Callable[[], None]], None]


class Connection(asyncio.Protocol):
    """Reads what has arrived within one turn of the broker, which then sends what is to be said.

    A peer that does not read what it is sent is not read either, until it does.
    """

    def __init__(
        self,
        peer: Peer,
        turn: Turn,
        clock: Callable[[], float],
        timeouts: Timeouts,
        connections: set["Connection"],
    ) -> None:
        self._peer = peer
        self._turn = turn
        self._clock = clock
        self._timeouts = timeouts
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._handshake: Handshake | None = Handshake(self._reader)
        self._sessions: dict[int, Session] = {}
        self._outgoing: list[bytes] = []
        self._outgoing_size = 0
        self._opened = False
        self._closing = False
        self._paused = False
        self._max_frame_size = MAX_FRAME_SIZE
        self._heartbeat: float | None = None  # seconds between frames that the peer wants at least
        self._began = self._received = self._sent = self._loop.time()
        self._timed_expiry: float | None = None
        self.lost: asyncio.Future[None] = self._loop.create_future()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(_OUTPUT)
        self._connections.add(self)
        self._timer = self._loop.call_later(self._timeouts.open, self._on_timer)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._received = self._loop.time()
        self._reader.feed(data)
        self._turn(self, self._on_data)
        if self._peer.credentials.expires != self._timed_expiry:
            self._set_timer()

    def pause_writing(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        if not self._closing:
            self._transport.resume_reading()
        self._take_more()

    def connection_lost(self, _: Exception | None) -> None:
        self._closing = True
        self._timer.cancel()
        self._connections.discard(self)
        self._clear()
        self._turn(self, self._end_sessions)
        self.lost.set_result(None)

    # What the broker asks

    def flush(self) -> None:
        """Sends what was written since the last time."""
        if self._outgoing:
            self._transport.write(b"".join(self._outgoing))
            if self._outgoing_size >= _OUTPUT:
                self._loop.call_soon(self._take_more)
            self._clear()
            self._sent = self._loop.time()
        if self._closing:
            self._transport.close()

    @property
    def has_output(self) -> bool:
        return bool(self._outgoing)

    def fail(self, error: AmqpError) -> None:
        """Closes the connection with this error instead of sending what was written, which is no longer true."""
        self._clear()
        self.end(error)

    def end(self, error: AmqpError) -> None:
        """Closes the connection with this error, at the next flush."""
        if self._closing:
            return
        if self._opened:  # before it, there is nothing that an error could be said in
            self._write(frame(0, write(Close(error.error))))
        self._closing = True
        self._end_sessions()

    def abort(self) -> None:
        self._transport.abort()

    # Reading

    def _on_data(self) -> None:
        """Reads what has arrived. An error in it ends this connection and no other."""
        self._check_token()
        try:
            while not self._closing and self._is_writable() and self._read():
                pass
        except FramingError as error:
            self.end(AmqpError(errors.FRAMING_ERROR, str(error)))
        except DecodeError as error:
            self.end(AmqpError(errors.DECODE_ERROR, str(error)))
        except AmqpError as error:
            self.end(error)

    def _read(self) -> bool:
        """Reads what comes next; false if it is not all here yet."""
        if self._handshake is not None:
            return self._read_handshake(self._handshake)
        received = self._reader.frame()
        if received is None:
            return False
        if received.kind != AMQP_FRAME:
            raise FramingError("an AMQP frame was expected")
        if received.body:
            self._on_frame(received)
        return True

    def _read_handshake(self, handshake: Handshake) -> bool:
        progress = handshake.advance(self._write)
        self._closing = progress is Progress.REFUSED
        if progress is Progress.DONE:
            self._handshake = None
        return progress is Progress.DONE

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
        container, idle = uuid.uuid4().hex, round(self._timeouts.idle * 1000)
        self._write(frame(0, write(Open(container, None, MAX_FRAME_SIZE, CHANNEL_MAX, idle))))
        size = received.max_frame_size
        if size is not None and size < _MIN_FRAME_SIZE:
            raise AmqpError(errors.INVALID_FIELD, f"A max-frame-size is {_MIN_FRAME_SIZE} at least.")
        self._max_frame_size = min(size or MAX_FRAME_SIZE, MAX_FRAME_SIZE)
        if received.idle_time_out:
            if received.idle_time_out < _MIN_IDLE_TIME_OUT:
                raise AmqpError(errors.NOT_ALLOWED, f"An idle time-out is {_MIN_IDLE_TIME_OUT} ms at least.")
            self._heartbeat = received.idle_time_out / 1000 / 2
        self._set_timer()

    def _on_begin(self, channel: int, begin: Begin) -> None:
        if channel > CHANNEL_MAX or channel in self._sessions:
            raise AmqpError(errors.NOT_ALLOWED, f"The channel {channel} cannot begin a session.")
        self._peer.holdings.add_session()
        self._sessions[channel] = Session(
            channel, begin, self._peer, self._max_frame_size, self._write, self._is_writable
        )

    def _on_session_frame(self, channel: int, performative: Composite, payload: bytes) -> None:
        session = self._sessions.get(channel)
        if session is None:
            if isinstance(performative, Detach):
                return  # the Python SDK ends a session first and detaches its links after
            raise AmqpError(errors.NOT_ALLOWED, f"There is no session on the channel {channel}.")
        if isinstance(performative, End):
            del self._sessions[channel]
            self._peer.holdings.sessions -= 1
            session.close()
            if not session.ending:
                self._write(frame(channel, write(End())))
        elif not session.ending:  # else the peer has not read yet that its session ended
            try:
                session.on_frame(performative, payload)
            except SessionError as error:
                session.ending = True
                session.close()
                self._write(frame(channel, write(End(error.error))))

    # Time

    def _set_timer(self) -> None:
        """Wakes the connection at its next deadline: a heartbeat due, a silence too long, a token missing or ended."""
        now = self._loop.time()
        waits = [self._received + 2 * self._timeouts.idle - now]
        if not self._opened:
            waits.append(self._began + self._timeouts.open - now)
        if self._heartbeat is not None:
            waits.append(self._sent + self._heartbeat - now)
        self._timed_expiry = self._peer.credentials.expires
        if self._timed_expiry is None:
            waits.append(self._began + self._timeouts.token - now)
        else:
            waits.append(self._timed_expiry - self._clock())
        self._timer.cancel()
        self._timer = self._loop.call_later(max(0.0, min(waits)), self._on_timer)

    def _on_timer(self) -> None:
        if self._closing:
            return
        self._turn(self, self._on_deadlines)
        if not self._closing:
            self._set_timer()

    def _on_deadlines(self) -> None:
        self._check_token()
        now = self._loop.time()
        # A peer is allowed twice the time that it was told, as the specification advises (part 2.4.5).
        if now - self._received >= 2 * self._timeouts.idle:
            self.end(errors.inactive(self._timeouts.idle))
        elif not self._opened and now - self._began >= self._timeouts.open:
            self.end(errors.inactive(self._timeouts.open))
        elif self._peer.credentials.expires is None and now - self._began >= self._timeouts.token:
            self.end(errors.inactive(self._timeouts.token))
        elif self._heartbeat is not None and now - self._sent >= self._heartbeat:
            self._write(HEARTBEAT)

    def _check_token(self) -> None:
        """Closes the connection if one of its tokens has expired without having been renewed."""
        expires = self._peer.credentials.expires
        if self._closing or expires is None or self._clock() < expires:
            return
        for session in self._sessions.values():
            session.detach_all(self._token_expired)
        self.end(AmqpError(errors.CONNECTION_FORCED, "The token of this connection has expired."))

    def _token_expired(self, link: str, peer_receives: bool) -> AmqpError:
        return errors.token_expired(self._peer.namespace.name, link, "Listen" if peer_receives else "Send")

    def _end_sessions(self) -> None:
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _is_writable(self) -> bool:
        return not self._paused and self._outgoing_size < _OUTPUT

    def _take_more(self) -> None:
        """Goes on with what could not be answered, or handed out, as long as there was no room for it."""
        if self._is_writable() and not self._closing:
            self._turn(self, self._on_data)

    def _write(self, data: bytes) -> None:
        self._outgoing.append(data)
        self._outgoing_size += len(data)

    def _clear(self) -> None:
        self._outgoing.clear()
        self._outgoing_size = 0
