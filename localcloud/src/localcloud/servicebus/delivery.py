"""A message on its way from a queue to a receiver."""

import uuid
from dataclasses import dataclass
from typing import Protocol

from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.types import Int, Symbol, Timestamp, Value
from localcloud.servicebus.locks import Lock
from localcloud.servicebus.state import Stored


class Consumer(Protocol):
    """A receiver that waits for messages of the queue."""

    @property
    def session_id(self) -> str | None:
        """The session whose messages it gets, in an entity that requires sessions."""

    @property
    def wants_message(self) -> bool: ...

    def may_receive(self) -> bool:
        """Whether its caller may receive now. If not, it leaves the queue's consumers."""

    def deliver(self) -> None: ...

    def finish_drain(self) -> None:
        """Called when there is no message to hand out."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it goes to a receiver, and the token of its lock if it has one."""

    message: bytes
    lock_token: uuid.UUID | None


def outgoing(stored: Stored, lock: Lock | None = None) -> bytes:
    """The message as a receiver gets it: with the broker's annotations and its delivery count.

    A lock's token stands in the delivery annotations too, since not every answer that holds a message has a delivery
    tag. https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#message-annotations
    https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response#message-renew-lock
    """
    annotations: dict[Symbol, Value] = {
        Symbol("x-opt-enqueued-time"): Timestamp.at(stored.enqueued),
        Symbol("x-opt-sequence-number"): stored.sequence,
        Symbol("x-opt-enqueue-sequence-number"): stored.first_sequence,
        Symbol("x-opt-message-state"): Int(stored.state),
    }
    message = Message.parse(stored.body).counted(stored.deliveries)
    if lock is not None:
        annotations[Symbol("x-opt-locked-until")] = Timestamp.at(lock.until)
        message = message.with_delivery_annotations({Symbol("x-opt-lock-token"): lock.token})
    return message.annotated(annotations).encode()
