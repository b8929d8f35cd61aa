"""What a request of a management node asks, and the fields of its body."""

import uuid
from dataclasses import dataclass
from typing import TypeVar

from localcloud.servicebus import errors
from localcloud.servicebus.amqp.types import Value
from localcloud.servicebus.credentials import Credentials
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.sessions import SessionLock

Body = dict[Value, Value]
T = TypeVar("T")

NO_CONTENT: Body = {}  # nothing was found: the reply's status is 204


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which queue a request asks, on whose connection, with which body."""

    queue: Queue
    credentials: Credentials
    body: Body

    @property
    def session_id(self) -> str | None:
        """The session that the request is about, if it names one."""
        return None if self.body.get("session-id") is None else field(str, self.body, "session-id")

    @property
    def session(self) -> SessionLock:
        """The session that the request is about; raises `AmqpError` if no receiver on this connection holds it."""
        return self.queue.session(field(str, self.body, "session-id"), self.credentials)

    def require_session(self) -> None:
        """Raises `AmqpError` if the queue requires sessions and this connection does not hold the one named."""
        if self.queue.sessions is not None:
            self.session  # noqa: B018 - it raises


def field(kind: type[T], body: Body, name: str) -> T:
    """A value of the body; raises `AmqpError` if there is none of this type."""
    value: object = body.get(name)
    if isinstance(value, kind) and _fits(value):
        return value
    raise AmqpError(errors.INVALID_FIELD, f"The request lacks {name}, or it is of the wrong type.")


def list_of(kind: type[T], body: Body, name: str) -> list[T]:
    """The values of a list or an array, one at least; raises `AmqpError`."""
    values = field(list, body, name)
    if not values or not all(isinstance(value, kind) and _fits(value) for value in values):
        raise AmqpError(errors.INVALID_FIELD, f"{name} holds nothing, or values of the wrong type.")
    return values


def _fits(value: object) -> bool:
    """Whether a number is one that a sequence number could be: AMQP has larger ones."""
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def lock_tokens(body: Body) -> list[uuid.UUID]:
    """The lock tokens of a request."""
    return list_of(uuid.UUID, body, "lock-tokens")
