"""What the queues and subscriptions of Service Bus hold, read without a change to any message."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from localcloud.servicebus.amqp.decoder import DecodeError
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.types import Symbol, Timestamp, Value
from localcloud.servicebus.queue import Queue

_MOST = 50  # dead letters that are shown of one queue
_SEQUENCE, _ENQUEUED = Symbol("x-opt-sequence-number"), Symbol("x-opt-enqueued-time")


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """The messages of a queue or a subscription by their state, and how many receivers wait for one."""

    name: str
    active: int
    scheduled: int
    deferred: int
    dead: int
    receivers: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter without its body and properties, which may hold anything. `enqueued` is a Unix time."""

    sequence: int
    message_id: str
    enqueued: float
    reason: str
    description: str


def counts_of(queues: Iterable[Queue]) -> list[QueueCounts]:
    """Of every entity that holds messages, but for the dead-letter sub-queues, which are counted with theirs."""
    return [_counts(queue, queue.dead_letters) for queue in queues if queue.holds_messages and queue.dead_letters]


def dead_letters_of(queues: Iterable[Queue], name: str) -> list[DeadLetter]:
    """The oldest dead letters of the queue of this name."""
    of = next((queue.dead_letters for queue in queues if queue.name == name), None)
    return [] if of is None else list(_dead_letters(of))


def _counts(queue: Queue, dead: Queue) -> QueueCounts:
    own = queue.counts
    return QueueCounts(queue.name, own.active, own.scheduled, own.deferred, dead.counts.active, len(queue.consumers))


def _dead_letters(queue: Queue) -> Iterator[DeadLetter]:
    for encoded in queue.peek(0, _MOST):
        message = Message.parse(encoded)
        properties = _properties(message)
        sequence, enqueued = message.annotation(_SEQUENCE), message.annotation(_ENQUEUED)
        yield DeadLetter(
            sequence if isinstance(sequence, int) else 0,
            str(message.message_id or ""),
            enqueued / 1000 if isinstance(enqueued, Timestamp) else 0.0,
            str(properties.get("DeadLetterReason", "")),
            str(properties.get("DeadLetterErrorDescription", "")),
        )


def _properties(message: Message) -> dict[Value, Value]:
    try:
        return message.application_property_values()
    except DecodeError:  # they are nested too deeply
        return {}
