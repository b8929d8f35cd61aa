"""A message as filters and actions see it: application properties, and system properties by Service Bus's names.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messages-payloads
"""

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from localcloud.servicebus.amqp.decoder import DecodeError
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.types import Symbol, Value
from localcloud.servicebus.filters.values import FilterError

# System properties, by their names in lower case: the fields of an AMQP message's properties, and annotations.
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "contenttype": "content-type",
        "correlationid": "correlation-id",
        "label": "subject",
        "messageid": "message-id",
        "replyto": "reply-to",
        "replytosessionid": "reply-to-group-id",
        "sessionid": "group-id",
        "to": "to",
    }
)
_ANNOTATIONS = MappingProxyType(
    {
        "partitionkey": "x-opt-partition-key",
        "viapartitionkey": "x-opt-via-partition-key",
        "scheduledenqueuetimeutc": "x-opt-scheduled-enqueue-time",
    }
)


class Subject:
    """A message under evaluation. `sequence` and `enqueued` (a Unix time) are what its topic gave it.

    What an action changes is changed in `message`, of which each evaluation has one of its own.
    """

    def __init__(self, message: Message, sequence: int, enqueued: float) -> None:
        self.message = message
        self._sequence = sequence
        self._enqueued = enqueued
        self._properties: dict[Value, Value] | None = None

    @property
    def properties(self) -> dict[Value, Value]:
        """The application properties; raises `FilterError` if they can't be decoded."""
        if self._properties is None:
            try:
                self._properties = self.message.application_property_values()
            except DecodeError as error:
                raise FilterError(str(error)) from error
        return self._properties

    def has(self, name: str) -> bool:
        """Whether there is such an application property."""
        return self._key(name) in self.properties

    def property(self, name: str) -> Any:
        """An application property, unknown if there is none. Case does not count in its name."""
        return self.properties.get(self._key(name))

    def system_property(self, name: str) -> Any:
        """A system property, unknown if the message has none. Raises `FilterError` if Service Bus knows none such."""
        known = name.lower()
        if known in FIELDS:
            value = self.message.field(FIELDS[known])
            return str(value) if isinstance(value, uuid.UUID | Symbol) else value
        if known in _ANNOTATIONS:
            return self.message.annotation(_ANNOTATIONS[known])
        match known:
            case "sequencenumber" | "enqueuedsequencenumber":
                return self._sequence
            case "enqueuedtimeutc":
                return round(self._enqueued * 1000)
            case "timetolive":
                return self.message.time_to_live
            case "deliverycount":
                return 0
            case "size":
                return len(self.message.encode())
        raise FilterError(f"There is no system property '{name[:128]}'.")

    def set(self, name: str, value: Any) -> None:
        """Sets an application property; a number keeps the type that the property has, if it fits."""
        key = self._key(name)
        before = self.properties.get(key)
        if isinstance(before, int | float) and not isinstance(before, bool) and type(value) in (int, float):
            value = type(before)(value) if _fits(before, value) else value
        try:
            self.message = self.message.with_properties({key: value})
        except (TypeError, ValueError) as error:
            raise FilterError(str(error)) from error
        self._properties = None

    def remove(self, name: str) -> None:
        self.message = self.message.without_property(self._key(name))
        self._properties = None

    def set_system_property(self, name: str, value: Any) -> None:
        """Raises `FilterError` for one that can't be set, or not to this value."""
        field = FIELDS.get(name.lower())
        if field is None or not isinstance(value, str | None):
            raise FilterError(f"The system property '{name[:128]}' can't be set to that value.")
        self.message = self.message.with_field(field, value)

    def _key(self, name: str) -> str:
        if name in self.properties:
            return name
        same = (str(key) for key in self.properties if str(key).lower() == name.lower())
        return next(same, name)


def _fits(before: int | float, value: int | float) -> bool:
    """Whether a value can have the AMQP type of another: no fraction is cut off, and no number is out of its range."""
    if isinstance(before, float):
        return True
    bits = {"Byte": 7, "Short": 15, "Int": 31, "UByte": 8, "UShort": 16, "UInt": 32, "ULong": 64}
    name = type(before).__name__
    low = 0 if name.startswith("U") else -(2 ** bits.get(name, 63))
    return value == int(value) and low <= value < 2 ** bits.get(name, 63)
