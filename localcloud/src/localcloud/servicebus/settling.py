"""What a receiver's outcome does to its message, and the outcome that it is told in return.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#settling-messages
"""

import uuid

from localcloud.servicebus import errors
from localcloud.servicebus.amqp.composites import Composite, read
from localcloud.servicebus.amqp.performatives import Accepted, Error, Modified, Rejected, Released, TransactionalState
from localcloud.servicebus.amqp.types import Value
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.queue import Queue


def settle(queue: Queue, token: uuid.UUID, outcome: Composite | None) -> Composite:
    """Applies the outcome. It is told in return if it could be applied, otherwise a rejection that says why not."""
    try:
        match outcome:
            case Accepted():
                queue.complete(token)
                return Accepted()
            case Released() | None:
                queue.release(token)
                return Released()
            case Modified(undeliverable_here=True):
                queue.defer(token, outcome.message_annotations or {})
                return Modified(outcome.delivery_failed, True)
            case Modified():
                queue.abandon(token, outcome.message_annotations or {})
                return Modified(outcome.delivery_failed, outcome.undeliverable_here)
            case Rejected():
                queue.dead_letter(token, _reason(outcome))
                return Rejected()
            case TransactionalState():
                raise errors.no_transactions()
            case _:
                raise AmqpError(errors.INVALID_FIELD, "That is not the outcome of a delivery.")
    except AmqpError as error:
        return Rejected(error.error)


def _reason(outcome: Rejected) -> dict[Value, Value]:
    """A rejection's info becomes application properties: the reason, its description and everything else."""
    error = read(outcome.error) if outcome.error is not None else None
    if not isinstance(error, Error):
        return {}
    return {key: value for key, value in (error.info or {}).items() if value is not None}
