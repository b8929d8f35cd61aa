"""A queue or its dead-letter sub-queue: what becomes of a message between its sender and its receiver.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues
https://learn.microsoft.com/azure/service-bus-messaging/duplicate-detection
"""

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from localcloud.servicebus import errors
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.types import Symbol, Timestamp, Value
from localcloud.servicebus.available import Available
from localcloud.servicebus.delivery import Consumer, Delivery, outgoing
from localcloud.servicebus.locks import Lock, Locks
from localcloud.servicebus.properties import Properties
from localcloud.servicebus.quotas import FORWARDING_HOPS, PEEKED_MESSAGES, SESSION_STATE_SIZE, require_within_quotas
from localcloud.servicebus.sessions import SessionLock, Sessions
from localcloud.servicebus.state import Counts, MessageState, State, Stored

_SCHEDULED_TIME = Symbol("x-opt-scheduled-enqueue-time")
_DEAD_LETTER_SOURCE = Symbol("x-opt-deadletter-source")


class Queue:
    """Messages in the order of their sequence numbers. Settling raises `AmqpError` if the lock was lost.

    What would change the queue raises it too while nothing can be stored.

    If the queue requires sessions, a receiver gets the messages of the session that it holds, and of no other.

    A message that is dead-lettered gets the next sequence number of the sub-queue; the number that it had stays on it
    as `x-opt-enqueue-sequence-number`, the queue's name as `x-opt-deadletter-source`, its delivery count as it was.
    """

    can_send = True  # whether a sender may be attached
    holds_messages = True  # whether there is something to receive or to peek at

    def __init__(
        self,
        name: str,
        scope: str,
        properties: Properties,
        state: State,
        clock: Callable[[], float],
        dead_letters: "Queue | None" = None,
    ) -> None:
        self.name = name
        self.scope = scope  # in the access model; a sub-queue has its queue's
        self.properties = properties
        self.dead_letters = dead_letters
        self._state = state
        self._clock = clock
        self.consumers: deque[Consumer] = deque()
        self.sessions: Sessions | None = None  # of a queue that requires them
        self.destination: Queue | None = None  # where its messages are forwarded to
        self._key = name.lower()
        self.load()

    def load(self) -> None:
        """Begins from what the database holds, and only reads it; every lock is forgotten."""
        before = self.sessions
        self.sessions = Sessions(self.properties.lock_duration) if self.properties.requires_session else None
        if self.sessions is not None and before is not None:
            self.sessions.waiting = before.waiting
            for lock in before.all():
                _lose(lock)
        self._locks = Locks(self.properties.lock_duration)
        self._available = Available()
        # Messages that the next tick passes on, or buries since their last delivery was under way.
        self._overdue: list[int] = []
        self._next_time: float | None = self._clock()
        for sequence, deliveries, session in self._state.active(self._key):
            if self.passes_on or self._is_exhausted(deliveries):
                self._overdue.append(sequence)
            else:
                self._available.add(sequence, session)

    @property
    def passes_on(self) -> bool:
        """Whether messages leave for another entity as soon as they are active."""
        return self.destination is not None

    @property
    def can_receive(self) -> bool:
        """Whether a receiver may be attached."""
        return self.holds_messages and not self.passes_on

    # What comes in

    def enqueue_all(self, messages: list[Message]) -> list[int | None]:
        """The sequence numbers of the messages; raises `AmqpError`, and takes none, if one is not accepted."""
        for message in messages:
            require_within_quotas(message)
            if self.sessions is not None and not message.session_id:
                raise errors.session_id_missing()
        return [self.enqueue(message) for message in messages]

    def enqueue(self, message: Message, source: Stored | None = None) -> int | None:
        """The sequence number of the message; nothing if its id was seen within the window, so that it is dropped.

        `source` is what it was where it comes from, if that is another entity.
        """
        self._state.require_writable()
        now = self._clock()
        if self._is_duplicate(message.message_id, now):
            return None
        scheduled = message.annotation(_SCHEDULED_TIME)
        due = scheduled / 1000 if isinstance(scheduled, Timestamp) and scheduled / 1000 > now else None
        times = message.time_to_live, self.properties.default_time_to_live
        lives = min((time for time in times if time is not None), default=None)
        enqueued = now if due is None else due
        ends = None if lives is None else enqueued + lives, None if source is None else source.expires
        expires = min((each for each in ends if each is not None), default=None)
        sequence = self._state.next_sequence(self._key)
        state = MessageState.ACTIVE if due is None else MessageState.SCHEDULED
        session = message.session_id if self.sessions is not None else None
        first, hops = (sequence, 0) if source is None else (source.first_sequence, source.hops)
        body = message.identified().encode()
        self._add(Stored(sequence, state, enqueued, expires, due, 0, first, body, session, hops))
        return sequence

    def take(self, stored: Stored) -> None:
        """Takes a message that another entity forwards; raises `AmqpError` if it can't."""
        message = Message.parse(stored.body)
        if self.sessions is not None and not message.session_id:
            raise errors.session_id_missing()
        self.enqueue(message, stored)

    def cancel(self, sequences: list[int]) -> None:
        """Deletes scheduled messages; raises `AmqpError`, and deletes none, if one is not there."""
        self._state.require_writable()
        for sequence in sequences:
            self._find(sequence, MessageState.SCHEDULED)
        for sequence in sequences:
            self._state.delete(self._key, sequence)

    # What goes out

    def dispatch(self) -> None:
        """Hands out what is available, one message to each consumer in turn. Their access is asked for once."""
        if not self._state.suspended:
            self._offer_sessions()
        checked: set[Consumer] = set()
        passed = 0  # consumers in a row that want no message
        while self._available and passed < len(self.consumers) and not self._state.suspended:
            consumer = self.consumers[0]
            self.consumers.rotate(-1)
            if consumer.session_id not in self._available or not consumer.wants_message:
                passed += 1
                continue
            if consumer not in checked and not consumer.may_receive():
                continue  # it has left the consumers, so the next one is asked in its place
            passed = 0
            checked.add(consumer)
            consumer.deliver()
        for consumer in self.consumers:
            consumer.finish_drain()

    def receive(self, lock: bool, session_id: str | None = None) -> Delivery | None:
        """The first message that is available, in this session: locked, or deleted as it is handed out."""
        while (sequence := self._available.take(session_id)) is not None:
            stored = self._state.get(self._key, sequence)
            if stored is None or stored.state != MessageState.ACTIVE:
                continue
            if self._is_expired(stored):
                self._expire(stored)
                continue
            return self._deliver(stored, lock)
        return None

    def receive_deferred(self, sequences: list[int], lock: bool, session_id: str | None = None) -> list[Delivery]:
        """These deferred messages; raises `AmqpError`, and hands out none, if one is not there."""
        self._state.require_writable()
        found = [self._find(sequence, MessageState.DEFERRED) for sequence in dict.fromkeys(sequences)]
        for stored in found:
            if stored.session != session_id:
                raise errors.message_not_found(stored.sequence)
        return [self._deliver(stored, lock) for stored in found]

    def peek(self, sequence: int, limit: int, session_id: str | None = None) -> list[bytes]:
        """Messages in any state from this sequence number on, neither locked nor changed; of one session if given."""
        stored = self._state.peek(self._key, sequence, max(0, min(limit, PEEKED_MESSAGES)), session_id)
        return [outgoing(message) for message in stored if not self._is_expired(message)]

    # How a delivery ends

    def complete(self, token: uuid.UUID) -> None:
        self._state.require_writable()
        self._state.delete(self._key, self._take(token).sequence)

    def abandon(self, token: uuid.UUID, properties: Mapping[str, Value]) -> None:
        """Makes the message available again, this delivery counted."""
        self._state.require_writable()
        lock = self._settle(token, properties)
        self._return(lock.sequence)

    def release(self, token: uuid.UUID) -> None:
        """Makes the message available again as if it had not been delivered: its receiver never looked at it."""
        self._state.require_writable()
        lock = self._take(token)
        self._uncount(lock.sequence)
        self._return(lock.sequence)

    def defer(self, token: uuid.UUID, properties: Mapping[str, Value]) -> None:
        """Sets the message aside: it is received by its sequence number only."""
        self._state.require_writable()
        lock = self._settle(token, properties)
        self._state.set_state(self._key, lock.sequence, MessageState.DEFERRED)

    def dead_letter(self, token: uuid.UUID, properties: Mapping[str, Value]) -> None:
        """Moves the message to the dead-letter sub-queue. The reason and its description are among the properties."""
        self._state.require_writable()
        if self.dead_letters is None:
            raise errors.AmqpError(errors.NOT_ALLOWED, "A dead letter cannot be dead-lettered again.")
        lock = self._settle(token, properties)
        stored = self._state.get(self._key, lock.sequence)
        if stored is not None:
            self._bury(stored, {})

    # Sessions

    def accept_session(self, session_id: str, holder: object) -> SessionLock:
        """Locks a session, which may have no messages yet; raises `AmqpError` if another receiver has it."""
        self._state.require_writable()
        return self._require_sessions().lock(session_id, holder, self._clock())

    def accept_next_session(self, holder: object) -> SessionLock | None:
        """Locks the session of the oldest message that is available, if there is one."""
        sessions = self._require_sessions()
        while (found := self._available.first(sessions.is_free)) is not None:
            session_id, sequence = found
            stored = self._state.get(self._key, sequence)
            if stored is not None and stored.state == MessageState.ACTIVE and not self._is_expired(stored):
                return sessions.lock(session_id, holder, self._clock())
            self._available.take(session_id)
            if stored is not None and stored.state == MessageState.ACTIVE:
                self._expire(stored)
        return None

    def release_session(self, lock: SessionLock) -> None:
        """Ends a session's lock because its receiver is gone. Deliveries without an outcome are not counted.

        https://learn.microsoft.com/azure/service-bus-messaging/message-sessions#impact-of-delivery-count
        """
        if self._require_sessions().end(lock):
            for each in self._locks.of_session(lock.session_id):
                self._uncount(each.sequence)
                self._return(each.sequence)

    def session(self, session_id: str, holder: object) -> SessionLock:
        """The lock that this holder has on the session; raises `AmqpError` if it has none."""
        return self._require_sessions().held(session_id, holder)

    def renew_session(self, lock: SessionLock) -> float:
        """Renews the lock; returns the Unix time until which it holds."""
        return self._require_sessions().renew(lock, self._clock())

    def session_state(self, lock: SessionLock) -> bytes | None:
        return self._state.session_state(self._key, lock.session_id)

    def set_session_state(self, lock: SessionLock, state: bytes | None) -> None:
        """Without a state, the one that the session has is forgotten. Raises `AmqpError` if it is too large."""
        self._state.require_writable()
        if state is not None and len(state) > SESSION_STATE_SIZE:
            description = f"A session's state has {SESSION_STATE_SIZE} bytes at most."
            raise errors.AmqpError(errors.MESSAGE_SIZE_EXCEEDED, description)
        self._state.set_session_state(self._key, lock.session_id, state, self._clock())

    def session_ids(self, updated_since: float | None) -> list[str]:
        """Of the sessions whose state was set after this Unix time; without one, of those with active messages."""
        self._require_sessions()
        if updated_since is None:
            return self._state.sessions_with_messages(self._key)
        return self._state.sessions_updated(self._key, updated_since)

    def _offer_sessions(self) -> None:
        while self.sessions is not None and self.sessions.waiting:
            if self._available.first(self.sessions.is_free) is None:
                return
            waiting = self.sessions.waiting.popleft()
            if waiting.may_receive():
                waiting.accept()

    def _require_sessions(self) -> Sessions:
        if self.sessions is None:
            raise errors.AmqpError(errors.NOT_ALLOWED, f"'{self.name}' does not require sessions.")
        return self.sessions

    # Locks

    def is_locked(self, token: uuid.UUID) -> bool:
        """Whether the lock of this token holds still."""
        return token in self._locks

    def renew(self, tokens: list[uuid.UUID]) -> float:
        """Renews these locks; returns the Unix time until which they hold."""
        if self.sessions is not None:
            description = "The lock of a message in a session is the session's: renew that one."
            raise errors.AmqpError(errors.NOT_ALLOWED, description)
        return self._locks.renew(tokens, self._clock())

    # What time does

    def tick(self, now: float) -> None:
        """Ends what is over: locks, lives of messages, waits of scheduled ones."""
        for sequence in self._overdue:
            self._return(sequence)
        self._overdue.clear()
        for lock in self._locks.ended(now):
            self._return(lock.sequence)
        if self.sessions is not None:
            self._end_sessions(self.sessions, now)
        if self._next_time is None or now < self._next_time:
            return
        for stored in self._state.expired(self._key, now):
            if not self._locks.holds(stored.sequence):  # the lock's holder may still settle it
                self._expire(stored)
        for stored in self._state.due(self._key, now):
            self._state.set_state(self._key, stored.sequence, MessageState.ACTIVE)
            self._return(stored.sequence)
        self._next_time = self._state.next_time(self._key, now)

    @property
    def next_deadline(self) -> float | None:
        """When `tick` is needed next."""
        of_sessions = None if self.sessions is None else self.sessions.next_end
        times = self._locks.next_end, self._next_time, of_sessions
        return min((time for time in times if time is not None), default=None)

    @property
    def counts(self) -> Counts:
        return self._state.counts(self._key)

    def _add(self, stored: Stored) -> None:
        if self.passes_on and stored.state == MessageState.ACTIVE:
            self._pass_on(stored)
            return
        self._state.insert(self._key, stored)
        if stored.state == MessageState.ACTIVE:
            self._available.add(stored.sequence, stored.session)
        for time in (stored.expires, stored.due):
            if time is not None and (self._next_time is None or time < self._next_time):
                self._next_time = time

    def _is_duplicate(self, message_id: Value, now: float) -> bool:
        window = self.properties.duplicate_window
        if window is None or message_id is None:
            return False
        self._state.forget_duplicates(now)
        if self._state.is_duplicate(self._key, str(message_id), now):
            return True
        self._state.remember(self._key, str(message_id), now + window)
        return False

    def _find(self, sequence: int, state: MessageState) -> Stored:
        stored = self._state.get(self._key, sequence)
        if stored is None or stored.state != state or self._locks.holds(sequence) or self._is_expired(stored):
            raise errors.message_not_found(sequence)
        return stored

    def _deliver(self, stored: Stored, lock: bool) -> Delivery:
        if not lock:
            self._state.delete(self._key, stored.sequence)
            return Delivery(outgoing(stored), None)
        if self.sessions is not None and stored.session is not None:
            until = self.sessions.until(stored.session)
            held = self._locks.add_of_session(stored.sequence, stored.session, until)
        else:
            held = self._locks.add(stored.sequence, self._clock())
        self._state.set_deliveries(self._key, stored.sequence, stored.deliveries + 1)
        return Delivery(outgoing(stored, held), held.token)

    def _settle(self, token: uuid.UUID, properties: Mapping[str, Value]) -> Lock:
        """Takes the lock, having changed the message's application properties if the receiver asks for it."""
        lock = self._held(token)
        stored = self._state.get(self._key, lock.sequence) if properties else None
        if stored is not None:
            try:
                body = Message.parse(stored.body).with_properties(properties).encode()
            except TypeError as error:
                raise errors.AmqpError(errors.INVALID_FIELD, str(error)) from error
            self._state.set_body(self._key, lock.sequence, body)
        return self._locks.take(token)

    def _held(self, token: uuid.UUID) -> Lock:
        """The lock of this token; raises `AmqpError`. In a session, what was lost is the session's lock."""
        if token not in self._locks and self.sessions is not None:
            raise errors.session_lock_lost()
        return self._locks.get(token)

    def _take(self, token: uuid.UUID) -> Lock:
        return self._locks.take(self._held(token).token)

    def _uncount(self, sequence: int) -> None:
        """Takes back that a delivery was begun."""
        stored = self._state.get(self._key, sequence)
        if stored is not None:
            self._state.set_deliveries(self._key, sequence, stored.deliveries - 1)

    def _end_sessions(self, sessions: Sessions, now: float) -> None:
        """Ends the locks whose time is over: their receivers are told, and the deliveries are counted."""
        for lock in sessions.ended(now):
            sessions.end(lock)
            for each in self._locks.of_session(lock.session_id):
                self._return(each.sequence)
            _lose(lock)
        for waiting in sessions.overdue(now):
            waiting.time_out()

    def _return(self, sequence: int) -> None:
        """Makes a message available that is locked no more, unless its deliveries or its life are used up."""
        stored = self._state.get(self._key, sequence)
        if stored is None:
            return
        if self._is_expired(stored):
            self._expire(stored)
        elif not self.passes_on and stored.state == MessageState.ACTIVE and self._is_exhausted(stored.deliveries):
            description = f"Message could not be consumed after {stored.deliveries} delivery attempts."
            self._bury(stored, _reason("MaxDeliveryCountExceeded", description))
        elif stored.state == MessageState.ACTIVE and self.passes_on:
            self._state.delete(self._key, sequence)
            self._pass_on(stored)
        elif stored.state == MessageState.ACTIVE:
            self._available.add(sequence, stored.session)

    def _expire(self, stored: Stored) -> None:
        if self.properties.dead_letters_expired:
            self._bury(stored, _reason("TTLExpiredException", "The message expired and was dead lettered."))
        else:
            self._state.delete(self._key, stored.sequence)

    def _bury(self, stored: Stored, properties: Mapping[str, Value]) -> None:
        self._state.delete(self._key, stored.sequence)
        if self.dead_letters is not None:
            message = Message.parse(stored.body).with_properties(properties)
            self.dead_letters._adopt(stored, message.annotated({_DEAD_LETTER_SOURCE: self.name}))

    def _adopt(self, stored: Stored, message: Message) -> None:
        sequence = self._state.next_sequence(self._key)
        self._add(
            Stored(
                sequence,
                MessageState.ACTIVE,
                stored.enqueued,
                None,
                None,
                stored.deliveries,
                stored.first_sequence,
                message.encode(),
                hops=stored.hops,
            )
        )

    def _pass_on(self, stored: Stored) -> None:
        """Forwards a message, which is kept here no more. One that can't be forwarded is dead-lettered.

        https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues#dead-lettering-in-auto-forward-scenarios
        """
        if self.destination is None:
            return
        if stored.hops >= FORWARDING_HOPS:
            self._strand(stored, _reason("MaxTransferHopCountExceeded", _TOO_MANY_HOPS))
            return
        try:
            self.destination.take(replace(stored, hops=stored.hops + 1))
        except errors.AmqpError as error:
            self._strand(stored, _reason(error.condition, error.description))

    def _strand(self, stored: Stored, reason: Mapping[str, Value]) -> None:
        """Keeps a message that can't be forwarded: among the dead letters, or here if these are the dead letters."""
        if self.dead_letters is not None:
            self._bury(stored, reason)
            return
        stranded = stored.of(Message.parse(stored.body).with_properties(reason))
        self._state.delete(self._key, stored.sequence)
        self._state.insert(self._key, stranded)
        self._available.add(stranded.sequence, stranded.session)

    def _is_expired(self, stored: Stored) -> bool:
        return stored.expires is not None and stored.expires <= self._clock()

    def _is_exhausted(self, deliveries: int) -> bool:
        most = self.properties.max_delivery_count
        return most is not None and deliveries >= most


_TOO_MANY_HOPS = (
    "The maximum number of allowed hops when forwarding between queues has been exceeded. This value is set to "
    f"{FORWARDING_HOPS}."
)


def _lose(lock: SessionLock) -> None:
    if lock.receiver is not None:
        lock.receiver.lose_session()


def _reason(reason: str, description: str) -> dict[str, Value]:
    return {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
