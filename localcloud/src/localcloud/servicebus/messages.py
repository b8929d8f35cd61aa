"""The messages of one entity, and what becomes of each that is locked no more.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-auto-forwarding
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from localcloud.servicebus import errors
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.types import Symbol, Value
from localcloud.servicebus.available import Available
from localcloud.servicebus.locks import Locks
from localcloud.servicebus.properties import Properties
from localcloud.servicebus.quotas import FORWARDING_HOPS
from localcloud.servicebus.state import Counts, MessageState, State, Stored

_DEAD_LETTER_SOURCE = Symbol("x-opt-deadletter-source")


class Destination(Protocol):
    """An entity that messages are forwarded to."""

    def take(self, stored: Stored) -> None:
        """Takes a message that another entity forwards; raises `AmqpError` if it can't."""


class Messages:
    """Messages in the order of their sequence numbers: available, locked, deferred or scheduled.

    An active message leaves if its life or its deliveries are used up, or if the entity forwards.

    A message that is dead-lettered gets the next sequence number of the sub-queue; the number that it had stays on it
    as `x-opt-enqueue-sequence-number`, the entity's name as `x-opt-deadletter-source`, its delivery count as it was.
    """

    def __init__(
        self,
        name: str,
        properties: Properties,
        state: State,
        clock: Callable[[], float],
        dead_letters: "Messages | None",
    ) -> None:
        self.name = name
        self.properties = properties
        self.dead_letters = dead_letters
        self.destination: Destination | None = None
        self._state = state
        self._clock = clock
        self._key = name.lower()
        self.load()

    def load(self) -> None:
        """Begins from what the database holds, and only reads it; every lock is forgotten."""
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

    def _find(self, sequence: int, state: MessageState) -> Stored:
        stored = self._state.get(self._key, sequence)
        if stored is None or stored.state != state or self._locks.holds(sequence) or self._is_expired(stored):
            raise errors.message_not_found(sequence)
        return stored

    def _uncount(self, sequence: int) -> None:
        """Takes one off the deliveries that were begun."""
        stored = self._state.get(self._key, sequence)
        if stored is not None:
            self._state.set_deliveries(self._key, sequence, stored.deliveries - 1)

    def _return(self, sequence: int) -> None:
        """Makes a message available whose lock has ended, unless its deliveries or its life are used up."""
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
        """Whether an active message's life is over: a deferred one is kept until its receiver asks for it."""
        is_over = stored.expires is not None and stored.expires <= self._clock()
        return is_over and stored.state == MessageState.ACTIVE

    def _is_exhausted(self, deliveries: int) -> bool:
        most = self.properties.max_delivery_count
        return most is not None and deliveries >= most


_TOO_MANY_HOPS = (
    "The maximum number of allowed hops when forwarding between queues has been exceeded. This value is set to "
    f"{FORWARDING_HOPS}."
)


def _reason(reason: str, description: str) -> dict[str, Value]:
    return {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
