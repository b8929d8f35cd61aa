"""One session of a connection: windows, delivery ids and links (specification, parts 2.5 and 2.6)."""

import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.servicebus import errors
from localcloud.servicebus.address import text
from localcloud.servicebus.amqp.composites import Composite, read, write
from localcloud.servicebus.amqp.frames import HEADER_SIZE, frame
from localcloud.servicebus.amqp.performatives import (
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Rejected,
    Source,
    Target,
    Transfer,
)
from localcloud.servicebus.amqp.types import Value
from localcloud.servicebus.attaching import Peer, open_link, termini
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.limits import HANDLE_MAX, LONGEST_NAME, MOST_UNSETTLED
from localcloud.servicebus.links import ConsumerLink, IncomingLink, Link, OutgoingLink, ReplyLink, WaitingLink
from localcloud.servicebus.quotas import MESSAGE_SIZE
from localcloud.servicebus.receivers import answered
from localcloud.servicebus.settling import settle

_WINDOW = 5000  # transfers
_UINT = 0xFFFFFFFF
_FIRST_TRANSFER = 1
_LOCK_LOST = Rejected(errors.lock_lost().error)


class SessionError(AmqpError):
    """Ends the session."""


@dataclass(frozen=True, slots=True)
class _Unsettled:
    link: ConsumerLink
    token: uuid.UUID


class Session:
    """`channel` is the number that the peer chose; this end uses the same."""

    def __init__(
        self,
        channel: int,
        begin: Begin,
        peer: Peer,
        max_frame_size: int,
        write_frame: Callable[[bytes], None],
        is_writable: Callable[[], bool],
    ) -> None:
        self.channel = channel
        self.ending = False  # the peer's answer is awaited
        self._peer = peer
        self._max_frame_size = max_frame_size
        self._write_frame = write_frame
        self._is_writable = is_writable
        self._links: dict[int, Link] = {}
        self._unsettled: dict[int, _Unsettled] = {}
        self._next_incoming = begin.next_outgoing_id
        self._incoming_window = _WINDOW
        self._next_outgoing = _FIRST_TRANSFER
        self._outgoing_window = begin.incoming_window  # what the peer still takes
        self._next_delivery = 0
        self._waiting: deque[bytes] = deque()  # transfers for which the peer has no window yet
        self._send(Begin(channel, self._next_outgoing, _WINDOW, _WINDOW, HANDLE_MAX))

    # What the peer says

    def on_frame(self, performative: Composite, payload: bytes) -> None:
        """Raises `SessionError` to end the session, another `AmqpError` or `DecodeError` to end the connection."""
        match performative:
            case Transfer():
                self._on_transfer(performative, payload)
            case Disposition():
                self._on_disposition(performative)
            case Flow():
                self._on_flow(performative)
            case Attach():
                self._on_attach(performative)
            case Detach():
                self._on_detach(performative)
            case _:
                raise AmqpError(errors.NOT_ALLOWED, "That performative is not for a session.")

    def _on_attach(self, attach: Attach) -> None:
        if attach.handle > HANDLE_MAX:
            raise SessionError(errors.NOT_ALLOWED, f"Handles go up to {HANDLE_MAX}.")
        if attach.handle in self._links:
            raise SessionError(errors.HANDLE_IN_USE, f"The handle {attach.handle} is in use.")
        if len(attach.name) > LONGEST_NAME:
            raise SessionError(errors.INVALID_FIELD, f"A link's name has {LONGEST_NAME} characters at most.")
        self._peer.holdings.add_link()
        try:
            source, target = termini(attach)
            link = open_link(self, attach, source, target, self._peer)
        except AmqpError as error:
            self.refuse(attach, error)
            return
        if isinstance(link, WaitingLink):
            self._links[attach.handle] = link
        else:
            self.answer(attach, link)
        if isinstance(link, IncomingLink):
            link.grant()

    def _on_flow(self, flow: Flow) -> None:
        seen = _FIRST_TRANSFER if flow.next_incoming_id is None else flow.next_incoming_id
        window = (seen + flow.incoming_window - self._next_outgoing) & _UINT
        self._outgoing_window = window if window <= _UINT // 2 else 0
        self._pump()
        if flow.handle is not None:
            link = self._link(flow.handle)
            if not link.detaching:
                link.on_flow(flow)
        if flow.echo:
            self._send(self._flow())

    def _on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming = self._next_incoming + 1 & _UINT
        self._incoming_window -= 1
        if self._incoming_window <= _WINDOW // 2:
            self._incoming_window = _WINDOW
            self._send(self._flow())
        link = self._link(transfer.handle)
        if not isinstance(link, IncomingLink):
            raise SessionError(errors.NOT_ALLOWED, "A transfer came in on a link that sends.")
        if not link.detaching:
            link.on_transfer(transfer, payload)

    def _on_disposition(self, disposition: Disposition) -> None:
        if not disposition.role:
            return  # the peer's word on its own deliveries, all of which are settled here
        outcome = read(disposition.state) if disposition.state is not None else None
        last = disposition.first if disposition.last is None else disposition.last
        if outcome is None and not disposition.settled:
            return
        if last == disposition.first:
            settled = [last]
        else:  # a range may claim four billion deliveries: look at those that exist
            settled = [number for number in self._unsettled if disposition.first <= number <= last]
        for number in settled:
            unsettled = self._unsettled.pop(number, None)
            told = settle(unsettled.link.queue, unsettled.token, outcome) if unsettled else _LOCK_LOST
            if not disposition.settled:
                self._send(Disposition(False, number, number, True, told))

    def _on_detach(self, detach: Detach) -> None:
        link = self._link(detach.handle)
        if isinstance(link, WaitingLink):
            self._send(_answer(link.attach, None, None))
        del self._links[detach.handle]
        self._peer.holdings.links -= 1
        self._forget(link)
        if not link.detaching:  # else this is the answer
            self._send(Detach(detach.handle, True))

    def close(self) -> None:
        """The session is no more, and its links neither."""
        for link in self._links.values():
            self._forget(link)
        self._peer.holdings.links -= len(self._links)
        self._links.clear()
        self._peer.holdings.waiting -= sum(map(len, self._waiting))
        self._waiting.clear()

    # What links say

    @property
    def is_ready(self) -> bool:
        """Whether a message given now would go out now."""
        return (
            not self.ending
            and not self._waiting
            and self._outgoing_window > 0
            and self._may_leave_unsettled()
            and self._is_writable()
        )

    def flow(self, link: Link, credit: int, drain: bool = False) -> None:
        self._send(self._flow(link.handle, link.delivery_count, credit, drain))

    def transfer(self, link: OutgoingLink, message: bytes, tag: bytes, token: uuid.UUID | None = None) -> None:
        number = self._next_delivery
        self._next_delivery = number + 1 & _UINT
        if isinstance(link, ConsumerLink) and token is not None:
            self._unsettled[number] = _Unsettled(link, token)
        head = Transfer(link.handle, number, tag, 0, link.settled, more=True)
        room = self._max_frame_size - HEADER_SIZE - len(write(head))
        parts = [message[start : start + room] for start in range(0, len(message), room)]
        for place, part in enumerate(parts):
            head.more = place < len(parts) - 1
            self._waiting.append(frame(self.channel, write(head) + part))
            self._peer.holdings.waiting += len(self._waiting[-1])
        self._pump()

    def settle(self, delivery_id: int, outcome: Composite) -> None:
        self._send(Disposition(True, delivery_id, delivery_id, True, outcome))

    def answer(self, attach: Attach, link: Link) -> None:
        self._links[attach.handle] = link
        source, target = termini(attach)
        answered_source, properties = answered(source, link)
        self._send(_answer(attach, answered_source, Target(text(target.address)), properties))

    def detach(self, link: Link, error: AmqpError) -> None:
        """Detaches the link from this end; what the peer sends on it until it answers is dropped."""
        if isinstance(link, WaitingLink):
            self.refuse(link.attach, error)
            return
        link.detaching = True
        self._forget(link)
        self._send(Detach(link.handle, True, error.error))

    def detach_all(self, error_of: Callable[[str, bool], AmqpError]) -> None:
        """Detaches every link, each with the error for its name and direction (whether the peer receives)."""
        for link in self._links.values():
            if not link.detaching:
                self.detach(link, error_of(link.name, isinstance(link, OutgoingLink)))

    def refuse(self, attach: Attach, error: AmqpError) -> None:
        """A refused link is attached without a terminus, then detached with the reason."""
        if attach.handle in self._links:
            self._forget(self._links[attach.handle])
        link = Link(self, attach.handle, attach.name)
        self._links[attach.handle] = link
        self._send(_answer(attach, None, None))
        self.detach(link, error)

    def _may_leave_unsettled(self) -> bool:
        """Whether one more delivery may wait for its outcome. Those whose locks have ended make room."""
        if len(self._unsettled) >= MOST_UNSETTLED:
            self._unsettled = {
                number: each for number, each in self._unsettled.items() if each.link.queue.is_locked(each.token)
            }
        return len(self._unsettled) < MOST_UNSETTLED

    def _link(self, handle: int) -> Link:
        try:
            return self._links[handle]
        except KeyError:
            raise SessionError(errors.UNATTACHED_HANDLE, f"No link is attached to the handle {handle}.") from None

    def _forget(self, link: Link) -> None:
        link.close()
        if isinstance(link, ConsumerLink):
            self._unsettled = {number: each for number, each in self._unsettled.items() if each.link is not link}
        if isinstance(link, ReplyLink) and link in self._peer.reply_links:
            self._peer.reply_links.remove(link)

    def _flow(
        self, handle: int | None = None, count: int | None = None, credit: int | None = None, drain: bool | None = None
    ) -> Flow:
        return Flow(
            self._next_incoming, self._incoming_window, self._next_outgoing, _WINDOW, handle, count, credit, None, drain
        )

    def _pump(self) -> None:
        while self._waiting and self._outgoing_window > 0:
            transfer = self._waiting.popleft()
            self._peer.holdings.waiting -= len(transfer)
            self._write_frame(transfer)
            self._next_outgoing = self._next_outgoing + 1 & _UINT
            self._outgoing_window -= 1

    def _send(self, performative: Composite) -> None:
        self._write_frame(frame(self.channel, write(performative)))


def _answer(
    attach: Attach, source: Source | None, target: Target | None, properties: dict[Value, Value] | None = None
) -> Attach:
    return Attach(
        attach.name,
        attach.handle,
        not attach.role,
        attach.snd_settle_mode,
        attach.rcv_settle_mode,
        source,
        target,
        initial_delivery_count=0 if attach.role else None,
        max_message_size=MESSAGE_SIZE,
        properties=properties,
    )
