"""What Service Bus takes of names, messages and rules. Sizes are in bytes if nothing else is said.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas, the Standard tier's column.
The page gives no error for most of them: a message beyond one is rejected here with
`com.microsoft:argument-out-of-range`, and one with a value of a wrong type with `com.microsoft:argument-error`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from localcloud.servicebus import errors
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.structure import is_compound
from localcloud.servicebus.amqp.types import Value
from localcloud.servicebus.errors import AmqpError

MESSAGE_SIZE = 256 * 1024  # of one message or one batch
HEADER_SIZE = 64 * 1024  # of all that is not body or footer
PROPERTY_SIZE = 32 * 1024  # of one application property's value
RECEIVERS = 5000  # of one entity at once
PEEKED_MESSAGES = 250  # in one answer
SESSION_STATE_SIZE = (
    256 * 1024
)  # https://learn.microsoft.com/azure/service-bus-messaging/message-sessions#message-session-state
SUBSCRIPTIONS = 2000  # of one topic
SQL_FILTERS = 2000  # of one topic
CORRELATION_FILTERS = 100_000  # of one topic
SQL_LENGTH = 1024  # characters of a filter or of an action
ACTION_STATEMENTS = 32  # of one action
RULE_NAME_LENGTH = 50  # characters
FORWARDING_HOPS = 4  # https://learn.microsoft.com/azure/service-bus-messaging/service-bus-auto-forwarding#autoforwarding-considerations

# Characters of what identifies a message and the messages that it belongs with.
# https://learn.microsoft.com/dotnet/api/azure.messaging.servicebus.servicebusmessage
FIELD_LENGTHS: Mapping[str, int] = MappingProxyType({"message-id": 128, "group-id": 128, "reply-to-group-id": 128})
ANNOTATION_LENGTHS: Mapping[str, int] = MappingProxyType({"x-opt-partition-key": 128, "x-opt-via-partition-key": 128})
_TEXTS = ("to", "subject", "reply-to", "group-id", "reply-to-group-id")  # an id may be of other types too
_IDS = ("message-id", "correlation-id")


def require_within_quotas(message: Message) -> None:
    """Raises `AmqpError` for a message that Service Bus does not take."""
    for name in _TEXTS:
        if message.has_field(name) and not isinstance(message.field(name), str):
            raise _of_wrong_type(name, "a string")
    for name in _IDS:
        if message.has_field(name) and message.identifier(name) is None:
            raise _of_wrong_type(name, "a string, a uuid, an unsigned long or binary")
    for name, most in FIELD_LENGTHS.items():
        _require_length(name, message.field(name), most)
    for name, most in ANNOTATION_LENGTHS.items():
        value = message.annotation(name)
        if not isinstance(value, str | None):
            raise _of_wrong_type(name, "a string")
        _require_length(name, value, most)
    _require_properties(message)


def _require_properties(message: Message) -> None:
    """Application properties have strings as keys and simple values (specification, part 3, section 3.2.5)."""
    if message.header_size > HEADER_SIZE:
        raise _out_of_range(f"The message's properties have {message.header_size} bytes", f"{HEADER_SIZE} bytes")
    for key, value in message.application_property_entries():
        if type(key) is not str:
            raise _of_wrong_type("an application property's name", "a string")
        if is_compound(value):
            raise _of_wrong_type(f"the application property '{key[:128]}'", "a simple value, no list, map or array")
        if len(value) > PROPERTY_SIZE:
            raise _out_of_range(f"The application property '{key[:128]}' has {len(value)} bytes", f"{PROPERTY_SIZE}")


def _require_length(name: str, value: Value, most: int) -> None:
    if isinstance(value, str | bytes) and len(value) > most:
        raise _out_of_range(f"The message's {name} has {len(value)} characters", f"{most}")


def _out_of_range(found: str, allowed: str) -> AmqpError:
    return AmqpError(errors.ARGUMENT_OUT_OF_RANGE, f"{found}. At most {allowed} are allowed.")


def _of_wrong_type(name: str, expected: str) -> AmqpError:
    return AmqpError(errors.ARGUMENT_ERROR, f"The value of {name} is of a wrong type: it is {expected}.")
