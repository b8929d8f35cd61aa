"""The two ends of a link that a broker has: one takes transfers in, the other sends them out (parts 2.6 and 2.7)."""

import uuid
from collections import deque
from collections.abc import Callable
from typing import Protocol

from localcloud.servicebus import errors
from localcloud.servicebus.actions import RECEIVE
from localcloud.servicebus.amqp.composites import Composite, read
from localcloud.servicebus.amqp.decoder import DecodeError
from localcloud.servicebus.amqp.performatives import Accepted, Attach, Flow, Rejected, TransactionalState, Transfer
from localcloud.servicebus.credentials import Credentials
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.incoming import IncomingDelivery
from localcloud.servicebus.limits import Holdings
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.quotas import MESSAGE_SIZE
from localcloud.servicebus.sessions import SessionLock

_CREDIT = 1000
_UINT = 0xFFFFFFFF
SETTLED = 1  # the snd-settle-mode of a sender that settles what it sends

Accept = Callable[[bytes, int], None]  # takes a message and its format; raises `AmqpError` or `DecodeError`


class LinkSession(Protocol):
    """What a link asks of its session."""

    def flow(self, link: "Link", credit: int, drain: bool = False) -> None: ...

    def transfer(self, link: "OutgoingLink", message: bytes, tag: bytes, token: uuid.UUID | None = None) -> None: ...

    def settle(self, delivery_id: int, outcome: Composite) -> None: ...

    def detach(self, link: "Link", error: AmqpError) -> None: ...

    def answer(self, attach: Attach, link: "Link") -> None:
        """Attaches the link, as the peer asked."""

    def refuse(self, attach: Attach, error: AmqpError) -> None: ...

    @property
    def is_ready(self) -> bool: ...


class Link:
    """`handle` is the number that the peer chose; this end uses the same. `detaching`: the peer's answer is awaited."""

    def __init__(self, session: LinkSession, handle: int, name: str) -> None:
        self.session = session
        self.handle = handle
        self.name = name
        self.delivery_count = 0
        self.credit = 0
        self.detaching = False

    def on_flow(self, flow: Flow) -> None:
        """The peer's view of the link."""

    def close(self) -> None:
        """The link is no more."""


class IncomingLink(Link):
    """Puts transfers together into messages, hands them on, and tells the peer the outcome of each."""

    def __init__(self, session: LinkSession, handle: int, name: str, accept: Accept, holdings: Holdings) -> None:
        super().__init__(session, handle, name)
        self._accept = accept
        self._holdings = holdings
        self._delivery: IncomingDelivery | None = None

    def grant(self) -> None:
        """Lets the peer send."""
        self.credit = _CREDIT
        self.session.flow(self, self.credit)

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        delivery = self._delivery or IncomingDelivery(transfer.delivery_id, transfer.message_format or 0)
        delivery.settled = delivery.settled or bool(transfer.settled)
        delivery.state = transfer.state if transfer.state is not None else delivery.state
        if transfer.more and not transfer.aborted:
            self._delivery = delivery
            delivery.add(payload, self._holdings)
            return
        self._delivery = None
        self.delivery_count = self.delivery_count + 1 & _UINT
        self.credit -= 1
        message = delivery.take(payload, self._holdings)
        if not transfer.aborted:
            outcome = self._outcome(delivery, message)
            if not delivery.settled and delivery.number is not None:
                self.session.settle(delivery.number, outcome)
        if self.credit <= _CREDIT // 2:
            self.grant()

    def close(self) -> None:
        if self._delivery is not None:
            self._delivery.take(b"", self._holdings)
            self._delivery = None

    def _outcome(self, delivery: IncomingDelivery, message: bytes) -> Composite:
        try:
            if delivery.size > MESSAGE_SIZE:
                raise errors.message_too_large(delivery.number or 0, delivery.size, MESSAGE_SIZE)
            if delivery.state is not None and isinstance(read(delivery.state), TransactionalState):
                raise errors.no_transactions()
            if len(message) < delivery.size:
                raise errors.server_busy()
            self._accept(message, delivery.format)
        except AmqpError as error:
            return Rejected(error.error)
        except DecodeError as error:
            return Rejected(AmqpError(errors.DECODE_ERROR, str(error)).error)
        return Accepted()


class OutgoingLink(Link):
    """Sends as much as the peer gave credit for."""

    def __init__(self, session: LinkSession, handle: int, name: str, settled: bool) -> None:
        super().__init__(session, handle, name)
        self.settled = settled
        self.drain = False

    def on_flow(self, flow: Flow) -> None:
        seen = self.delivery_count if flow.delivery_count is None else flow.delivery_count
        credit = (seen + (flow.link_credit or 0) - self.delivery_count) & _UINT
        self.credit = credit if credit <= _UINT // 2 else 0
        self.drain = bool(flow.drain)

    def send(self, message: bytes, tag: bytes, token: uuid.UUID | None = None) -> None:
        """`token` is the lock that the peer's outcome will settle, if there is one."""
        self.credit -= 1
        self.delivery_count = self.delivery_count + 1 & _UINT
        self.session.transfer(self, message, tag, token)

    def finish_drain(self) -> None:
        """Uses up the credit for which there is nothing to send, if the peer asked for that."""
        if self.drain:
            self.drain = False
            self.delivery_count = self.delivery_count + self.credit & _UINT
            self.credit = 0
            self.session.flow(self, 0, drain=True)


class ReplyLink(OutgoingLink):
    """Carries the replies of `$cbs` or of an entity's `$management`. `target` is its address at the peer's end."""

    def __init__(
        self, session: LinkSession, handle: int, name: str, node: str, target: str, holdings: Holdings
    ) -> None:
        super().__init__(session, handle, name, settled=True)
        self.node = node
        self.target = target
        self._holdings = holdings
        self._waiting: deque[bytes] = deque()

    def reply(self, message: bytes) -> None:
        self._waiting.append(message)
        self._holdings.waiting += len(message)
        self._pump()

    def close(self) -> None:
        self._holdings.waiting -= sum(map(len, self._waiting))
        self._waiting.clear()

    def on_flow(self, flow: Flow) -> None:
        super().on_flow(flow)
        self._pump()
        self.finish_drain()

    def _pump(self) -> None:
        while self._waiting and self.credit > 0:
            message = self._waiting.popleft()
            self._holdings.waiting -= len(message)
            self.send(message, uuid.uuid4().bytes)


class ConsumerLink(OutgoingLink):
    """Delivers a queue's messages: locked, or deleted as they are sent if the peer wants them settled.

    With the lock of a session it delivers those of this session.
    """

    def __init__(
        self,
        session: LinkSession,
        handle: int,
        name: str,
        settled: bool,
        queue: Queue,
        credentials: Credentials,
        lock: SessionLock | None = None,
    ) -> None:
        super().__init__(session, handle, name, settled)
        self.queue = queue
        self.lock = lock
        self._credentials = credentials
        if lock is not None:
            lock.receiver = self
        queue.consumers.append(self)

    @property
    def session_id(self) -> str | None:
        return None if self.lock is None else self.lock.session_id

    @property
    def wants_message(self) -> bool:
        return self.credit > 0 and not self.detaching and self.session.is_ready

    def may_receive(self) -> bool:
        """Whether the caller may receive at this moment; the link is detached if not."""
        try:
            self._credentials.require(RECEIVE, self.queue)
        except AmqpError as error:
            self.session.detach(self, error)
            return False
        return True

    def deliver(self) -> None:
        delivery = self.queue.receive(not self.settled, self.session_id)
        if delivery is not None:
            tag = delivery.lock_token or uuid.uuid4()
            self.send(delivery.message, tag.bytes_le, delivery.lock_token)  # the bytes as .NET writes a Guid

    def lose_session(self) -> None:
        self.session.detach(self, errors.session_lock_lost())

    def close(self) -> None:
        """Locks stay with the messages that were delivered, until they are settled elsewhere or end.

        A session's lock ends with the link, and those of its messages with it.
        """
        if self in self.queue.consumers:
            self.queue.consumers.remove(self)
        if self.lock is not None:
            self.lock.receiver = None
            self.queue.release_session(self.lock)


class WaitingLink(Link):
    """Waits for the next session that is available, and attaches the link that delivers it.

    Until then the peer's attach has no answer. `deadline` is the Unix time at which it is refused.
    """

    def __init__(
        self,
        session: LinkSession,
        attach: Attach,
        queue: Queue,
        credentials: Credentials,
        deadline: float,
        timeout: float,
    ) -> None:
        super().__init__(session, attach.handle, attach.name)
        self.deadline = deadline
        self.attach = attach
        self._queue = queue
        self._credentials = credentials
        self._timeout = timeout
        self._flow: Flow | None = None
        if queue.sessions is not None:
            queue.sessions.waiting.append(self)

    def on_flow(self, flow: Flow) -> None:
        self._flow = flow  # a peer need not wait for the answer before it gives credit

    def may_receive(self) -> bool:
        """Whether the caller may receive at this moment; the link is refused if not."""
        try:
            self._credentials.require(RECEIVE, self._queue)
        except AmqpError as error:
            self.session.refuse(self.attach, error)
            return False
        return True

    def accept(self) -> None:
        lock = self._queue.accept_next_session(self._credentials)
        if lock is None:
            if self._queue.sessions is not None:
                self._queue.sessions.waiting.appendleft(self)
            return
        settled = self.attach.snd_settle_mode == SETTLED
        link = ConsumerLink(self.session, self.handle, self.name, settled, self._queue, self._credentials, lock)
        self.session.answer(self.attach, link)
        if self._flow is not None:
            link.on_flow(self._flow)

    def time_out(self) -> None:
        self.session.refuse(self.attach, errors.no_session_in_time(self._timeout))

    def close(self) -> None:
        if self._queue.sessions is not None and self in self._queue.sessions.waiting:
            self._queue.sessions.waiting.remove(self)
