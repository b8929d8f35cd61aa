"""Composite types: described lists whose fields stand in a fixed order, those missing at the end being null (part 1.4).

Each is a dataclass; the annotation of a field is the type that it has on the wire, and is checked when it arrives.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar, get_args, get_type_hints

from localcloud.servicebus.amqp.decoder import DecodeError
from localcloud.servicebus.amqp.encoder import encode, encode_composite
from localcloud.servicebus.amqp.types import Described, Value


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kind: type | None  # None: any type
    optional: bool


class Composite:
    """A described list of fields."""

    __slots__ = ()


_SCHEMAS: dict[type, tuple[int, list[_Field]]] = {}
_CLASSES: dict[Value, type] = {}
C = TypeVar("C", bound=type)


def composite(code: int, name: str) -> Callable[[C], C]:
    """Registers a dataclass as the composite type with this descriptor, as a number and as a symbol."""

    def register(cls: C) -> C:
        hints = get_type_hints(cls, include_extras=True)
        _SCHEMAS[cls] = code, [_field(field.name, hints[field.name]) for field in fields(cls)]
        _CLASSES[code] = _CLASSES[f"amqp:{name}:list"] = cls
        return cls

    return register


def _field(name: str, hint: Any) -> _Field:
    if hint is Any:
        return _Field(name, None, True)
    optional = type(None) in get_args(hint)
    first = get_args(hint)[0] if optional else hint
    kind = get_args(first)[1] if hasattr(first, "__metadata__") else first
    return _Field(name, getattr(kind, "__origin__", kind), optional)


def write(value: Composite) -> bytes:
    """The composite's encoding."""
    descriptor, schema = _SCHEMAS[type(value)]
    encoded = [_encode_field(getattr(value, field.name), field.kind) for field in schema]
    while encoded and encoded[-1] == b"\x40":
        encoded.pop()
    return encode_composite(descriptor, encoded)


def _encode_field(value: Value, kind: type | None) -> bytes:
    if isinstance(value, Composite):
        return write(value)
    if value is None or kind is None or type(value) is kind:
        return encode(value)
    return encode(kind(value))


def read(value: Value) -> Composite:
    """The composite that a decoded value describes; raises `DecodeError` if it is none, or its fields are wrong."""
    cls = None
    if isinstance(value, Described) and isinstance(value.descriptor, int | str):
        cls = _CLASSES.get(value.descriptor)
    if cls is None or not isinstance(value.value, list):
        raise DecodeError("no such composite type")
    schema = _SCHEMAS[cls][1]
    given = value.value[: len(schema)] + [None] * (len(schema) - len(value.value))
    for field, item in zip(schema, given, strict=True):
        if item is None:
            if not field.optional:
                raise DecodeError(f"{cls.__name__} lacks {field.name}")
        elif field.kind is not None and not isinstance(item, field.kind):
            raise DecodeError(f"{cls.__name__} has a {field.name} of the wrong type")
    result: Composite = cls(*given)
    return result
