"""Service Bus' own errors, as AMQP carries them.

Conditions and texts: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot
"""

import uuid
from datetime import UTC, datetime

from localcloud.servicebus.amqp.performatives import Error
from localcloud.servicebus.amqp.types import Symbol

ARGUMENT_ERROR = "com.microsoft:argument-error"
ARGUMENT_OUT_OF_RANGE = "com.microsoft:argument-out-of-range"
DECODE_ERROR = "amqp:decode-error"
ENTITY_ALREADY_EXISTS = "com.microsoft:entity-already-exists"
FRAMING_ERROR = "amqp:connection:framing-error"
INTERNAL_ERROR = "amqp:internal-error"
INVALID_FIELD = "amqp:invalid-field"
NOT_ALLOWED = "amqp:not-allowed"
NOT_FOUND = "amqp:not-found"
NOT_IMPLEMENTED = "amqp:not-implemented"
UNAUTHORIZED = "amqp:unauthorized-access"
CONNECTION_FORCED = "amqp:connection:forced"
LINK_DETACH_FORCED = "amqp:link:detach-forced"
MESSAGE_SIZE_EXCEEDED = "amqp:link:message-size-exceeded"
UNATTACHED_HANDLE = "amqp:session:unattached-handle"
HANDLE_IN_USE = "amqp:session:handle-in-use"
MESSAGE_LOCK_LOST = "com.microsoft:message-lock-lost"
MESSAGE_NOT_FOUND = "com.microsoft:message-not-found"
SESSION_CANNOT_BE_LOCKED = "com.microsoft:session-cannot-be-locked"
SESSION_LOCK_LOST = "com.microsoft:session-lock-lost"
TIMEOUT = "com.microsoft:timeout"
RESOURCE_LIMIT_EXCEEDED = "amqp:resource-limit-exceeded"
SERVER_BUSY = "com.microsoft:server-busy"

# The status that a `$management` reply carries for a condition.
_STATUS = {
    UNAUTHORIZED: 401,
    NOT_FOUND: 404,
    MESSAGE_NOT_FOUND: 404,
    MESSAGE_LOCK_LOST: 410,
    SESSION_LOCK_LOST: 410,
    SESSION_CANNOT_BE_LOCKED: 410,
    TIMEOUT: 408,
    ENTITY_ALREADY_EXISTS: 409,
    NOT_IMPLEMENTED: 501,
    INTERNAL_ERROR: 500,
    SERVER_BUSY: 503,
}


class AmqpError(Exception):
    """An error that the peer is told: its condition, and a description for people."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description

    @property
    def error(self) -> Error:
        """As a detach, an end, a close or a rejected outcome carries it. The empty map is meant: see `Error`."""
        return Error(Symbol(self.condition), self.description, {})

    @property
    def status(self) -> int:
        """As a reply of `$management` carries it."""
        return _STATUS.get(self.condition, 400)


def traced(description: str, system: str) -> str:
    """The description with what Service Bus puts behind each: ids to ask its support about, and the time."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{description} TrackingId:{uuid.uuid4()}, SystemTracker:{system}, Timestamp:{now}"


def entity_not_found(namespace: str, entity: str) -> AmqpError:
    description = (
        f"The messaging entity 'sb://{namespace}/{entity}' could not be found. "
        "To know more visit https://aka.ms/sbResourceMgrExceptions. "
    )
    return AmqpError(NOT_FOUND, traced(description, f"{namespace}:{entity}"))


def unauthorized(namespace: str, entity: str, claim: str) -> AmqpError:
    """`claim` is `Send` or `Listen`, as Service Bus has always named them."""
    return AmqpError(UNAUTHORIZED, traced(_claim_required(namespace, entity, claim), "NoSystemTracker"))


def token_expired(namespace: str, link: str, claim: str) -> AmqpError:
    """The error that detaches a link whose token was not renewed in time."""
    details = _claim_required(namespace, "", claim)
    description = f"The link '{link}' is force detached. Code: RenewToken. Details: {details}."
    return AmqpError(LINK_DETACH_FORCED, traced(description, "gateway"))


def lock_lost() -> AmqpError:
    description = (
        "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue."
    )
    return AmqpError(MESSAGE_LOCK_LOST, description)


def session_lock_lost() -> AmqpError:
    description = "The session lock has expired on the MessageSession. Accept a new MessageSession."
    return AmqpError(SESSION_LOCK_LOST, description)


def session_cannot_be_locked(session_id: str) -> AmqpError:
    description = f"The requested session '{session_id}' cannot be accepted. It may be locked by another receiver."
    return AmqpError(SESSION_CANNOT_BE_LOCKED, description)


def no_session_in_time(allowed: float) -> AmqpError:
    """`allowed` is in seconds."""
    description = (
        f"The operation did not complete within the allocated time {allowed:g} seconds: no session is available."
    )
    return AmqpError(TIMEOUT, description)


def session_id_missing() -> AmqpError:
    description = (
        "The SessionId was not set on a message, and it cannot be sent to the entity. Entities that have session "
        "support enabled can only receive messages that have the SessionId set to a valid value."
    )
    return AmqpError(NOT_ALLOWED, description)


def message_too_large(delivery_id: int, size: int, limit: int) -> AmqpError:
    description = (
        f"The received message (delivery-id:{delivery_id}, size:{size} bytes) "
        f"exceeds the limit ({limit} bytes) currently allowed on the link."
    )
    return AmqpError(MESSAGE_SIZE_EXCEEDED, description)


def message_not_found(sequence_number: int) -> AmqpError:
    return AmqpError(MESSAGE_NOT_FOUND, f"There is no message with the sequence number {sequence_number}.")


def inactive(allowed: float) -> AmqpError:
    """`allowed` is in seconds."""
    milliseconds = round(allowed * 1000)
    description = f"The connection was inactive for more than the allowed {milliseconds} milliseconds and is closed."
    return AmqpError(CONNECTION_FORCED, description)


def server_busy() -> AmqpError:
    """The error that every SDK tries again after a pause."""
    return AmqpError(SERVER_BUSY, "The service can store nothing at the moment. Please wait 10 seconds and try again.")


def too_many_receivers(limit: int) -> AmqpError:
    return AmqpError(
        SERVER_BUSY, f"The entity has {limit} receivers at once, which is the most. Please try again later."
    )


def no_transactions() -> AmqpError:
    return AmqpError(NOT_IMPLEMENTED, "Transactions are not implemented: send and settle without one.")


def too_many_handles(limit: int) -> AmqpError:
    return AmqpError(
        RESOURCE_LIMIT_EXCEEDED, f"Cannot allocate more handles. The maximum number of handles is {limit}."
    )


def too_much_waiting(limit: int) -> AmqpError:
    return AmqpError(
        RESOURCE_LIMIT_EXCEEDED, f"The client has not taken the {limit} bytes of answers that it may leave waiting."
    )


def _claim_required(namespace: str, entity: str, claim: str) -> str:
    return (
        f"Unauthorized access. '{claim}' claim(s) are required to perform this operation. "
        f"Resource: 'sb://{namespace}/{entity}'."
    )
