"""Queues: what comes in, what goes out, how a delivery ends, and what time does.

https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement
https://learn.microsoft.com/azure/service-bus-messaging/duplicate-detection
"""

import uuid
from collections import deque
from collections.abc import Callable, Mapping

from localcloud.servicebus import errors
from localcloud.servicebus.address import Address
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.types import Symbol, Timestamp, Value
from localcloud.servicebus.delivery import Consumer, Delivery, outgoing
from localcloud.servicebus.locked_messages import LockedMessages
from localcloud.servicebus.locks import Lock
from localcloud.servicebus.properties import Properties
from localcloud.servicebus.quotas import PEEKED_MESSAGES, require_within_quotas
from localcloud.servicebus.state import MessageState, State, Stored

_SCHEDULED_TIME = Symbol("x-opt-scheduled-enqueue-time")


class Queue(LockedMessages):
    """A queue, or what senders or receivers treat as one. What changes it raises `AmqpError` if nothing can be stored.

    If it requires sessions, a receiver gets the messages of the session that it holds, and of no other.
    """

    can_send = True  # whether a sender may be attached
    holds_messages = True  # whether there is something to receive or to peek at
    dead_letters: "Queue | None"
    destination: "Queue | None"

    def __init__(
        self,
        name: str,
        scope: str,
        properties: Properties,
        state: State,
        clock: Callable[[], float],
        dead_letters: "Queue | None" = None,
    ) -> None:
        super().__init__(name, properties, state, clock, dead_letters)
        self.address = Address(name, is_management=False)
        self.scope = scope  # in the access model; a sub-queue has its queue's
        self.consumers: deque[Consumer] = deque()

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
        """Makes the message available again. The delivery is not counted, since its receiver did not look at it."""
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

    def _is_duplicate(self, message_id: Value, now: float) -> bool:
        window = self.properties.duplicate_window
        if window is None or message_id is None:
            return False
        self._state.forget_duplicates(now)
        if self._state.is_duplicate(self._key, str(message_id), now):
            return True
        self._state.remember(self._key, str(message_id), now + window)
        return False

    def _settle(self, token: uuid.UUID, properties: Mapping[str, Value]) -> Lock:
        """Takes the lock, having changed the message's application properties if the receiver asks for it."""
        lock = self._held(token)
        stored = self._state.get(self._key, lock.sequence) if properties else None
        if stored is not None:
            try:
                message = Message.parse(stored.body).with_properties(properties)
            except TypeError as error:
                raise errors.AmqpError(errors.INVALID_FIELD, str(error)) from error
            require_within_quotas(message)
            self._state.set_body(self._key, lock.sequence, message.encode())
        return self._locks.take(token)
