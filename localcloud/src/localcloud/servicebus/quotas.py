"""What Service Bus takes of names, messages and rules. Sizes are in bytes if nothing else is said.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas, the Standard tier's column.
The page gives no error for most of them: a message beyond one is rejected here with
`com.microsoft:argument-out-of-range`, and one with a value of a wrong type with `com.microsoft:argument-error`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from localcloud.servicebus import errors
from localcloud.servicebus.amqp.decoder import NULL
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.structure import is_compound, simple
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
# The format codes that a field's value may have; a field that is not here may hold anything.
_STRINGS = frozenset((0xA1, 0xA3, 0xB1, 0xB3))
_IDS = _STRINGS | {0x44, 0x53, 0x80, 0x98, 0xA0, 0xB0}  # unsigned longs, uuids and binary too
_CODES: Mapping[str, frozenset[int]] = MappingProxyType(
    dict.fromkeys(("to", "subject", "reply-to", "group-id", "reply-to-group-id"), _STRINGS)
    | dict.fromkeys(("message-id", "correlation-id"), _IDS)
)


def require_within_quotas(message: Message) -> None:
    """Raises `AmqpError` for a message that Service Bus does not take."""
    if message.header_size > HEADER_SIZE:
        raise _out_of_range(f"The message's properties have {message.header_size} bytes", f"{HEADER_SIZE} bytes")
    for name, encoded in message.encoded_fields().items():
        codes = _CODES.get(name)
        if codes is not None and encoded[0] not in codes:
            expected = "a string" if codes is _STRINGS else "a string, a uuid, an unsigned long or binary"
            raise _of_wrong_type(name, expected)
        _require_length(name, encoded, FIELD_LENGTHS.get(name))
    for key, encoded in message.annotation_entries():
        if key in ANNOTATION_LENGTHS and encoded[0] != NULL:
            if encoded[0] not in _STRINGS:
                raise _of_wrong_type(str(key), "a string")
            _require_length(str(key), encoded, ANNOTATION_LENGTHS[str(key)])
    for key, encoded in message.application_property_entries():
        _require_property(key, encoded)


def _require_property(key: Value, encoded: bytes) -> None:
    """An application property has a string as its key and a simple value (specification, part 3, section 3.2.5)."""
    if type(key) is not str:
        raise _of_wrong_type("an application property's name", "a string")
    if is_compound(encoded):
        raise _of_wrong_type(f"the application property '{key[:128]}'", "a simple value, no list, map or array")
    if len(encoded) > PROPERTY_SIZE:
        raise _out_of_range(f"The application property '{key[:128]}' has {len(encoded)} bytes", f"{PROPERTY_SIZE}")


def _require_length(name: str, encoded: bytes, most: int | None) -> None:
    if most is not None and len(encoded) > most:
        value = simple(encoded)
        if isinstance(value, str | bytes) and len(value) > most:
            raise _out_of_range(f"The message's {name} has {len(value)} characters", f"{most}")


def _out_of_range(found: str, allowed: str) -> AmqpError:
    return AmqpError(errors.ARGUMENT_OUT_OF_RANGE, f"{found}. At most {allowed} are allowed.")


def _of_wrong_type(name: str, expected: str) -> AmqpError:
    return AmqpError(errors.ARGUMENT_ERROR, f"The value of {name} is of a wrong type: it is {expected}.")
