"""The composite types that travel in frames: performatives, termini, outcomes and errors (parts 2, 3 and 5).

A composite is a described list whose fields stand in a fixed order, those missing at its end being null. Each is a
dataclass here; the annotation of a field is the type that it has on the wire, and is checked when it arrives.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from localcloud.servicebus.amqp.decoder import DecodeError
from localcloud.servicebus.amqp.encoder import encode, encode_composite
from localcloud.servicebus.amqp.types import Array, Described, Symbol, UByte, UInt, ULong, UShort, Value

ubyte = Annotated[int, UByte]
ushort = Annotated[int, UShort]
uint = Annotated[int, UInt]
ulong = Annotated[int, ULong]
symbol = Annotated[str, Symbol]


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
    """The composite that a decoded value describes; raises `DecodeError` where it is none, or its fields are wrong."""
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


# Errors and outcomes


@composite(0x1D, "error")
@dataclass(slots=True)
class Error(Composite):
    """All three fields are always sent: the Python SDK reads them by their index."""

    condition: symbol
    description: str | None = None
    info: dict[Value, Value] | None = None


@composite(0x24, "accepted")
@dataclass(slots=True)
class Accepted(Composite):
    pass


@composite(0x25, "rejected")
@dataclass(slots=True)
class Rejected(Composite):
    error: Any = None  # an `Error`, described


@composite(0x26, "released")
@dataclass(slots=True)
class Released(Composite):
    pass


@composite(0x27, "modified")
@dataclass(slots=True)
class Modified(Composite):
    delivery_failed: bool | None = None
    undeliverable_here: bool | None = None
    message_annotations: dict[Value, Value] | None = None


# Termini


@composite(0x28, "source")
@dataclass(slots=True)
class Source(Composite):
    address: Any = None
    durable: uint | None = None
    expiry_policy: symbol | None = None
    timeout: uint | None = None
    dynamic: bool | None = None
    dynamic_node_properties: dict[Value, Value] | None = None
    distribution_mode: symbol | None = None
    filter: dict[Value, Value] | None = None
    default_outcome: Any = None
    outcomes: Any = None
    capabilities: Any = None


@composite(0x29, "target")
@dataclass(slots=True)
class Target(Composite):
    address: Any = None
    durable: uint | None = None
    expiry_policy: symbol | None = None
    timeout: uint | None = None
    dynamic: bool | None = None
    dynamic_node_properties: dict[Value, Value] | None = None
    capabilities: Any = None


# Performatives


@composite(0x10, "open")
@dataclass(slots=True)
class Open(Composite):
    """`idle_time_out` is in milliseconds."""

    container_id: str
    hostname: str | None = None
    max_frame_size: uint | None = None
    channel_max: ushort | None = None
    idle_time_out: uint | None = None
    outgoing_locales: Any = None
    incoming_locales: Any = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Value, Value] | None = None


@composite(0x11, "begin")
@dataclass(slots=True)
class Begin(Composite):
    remote_channel: ushort | None
    next_outgoing_id: uint
    incoming_window: uint
    outgoing_window: uint
    handle_max: uint | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Value, Value] | None = None


@composite(0x12, "attach")
@dataclass(slots=True)
class Attach(Composite):
    """`role` is false for the sending end of the link, true for the receiving end."""

    name: str
    handle: uint
    role: bool
    snd_settle_mode: ubyte | None = None
    rcv_settle_mode: ubyte | None = None
    source: Any = None
    target: Any = None
    unsettled: dict[Value, Value] | None = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: uint | None = None
    max_message_size: ulong | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Value, Value] | None = None


@composite(0x13, "flow")
@dataclass(slots=True)
class Flow(Composite):
    next_incoming_id: uint | None
    incoming_window: uint
    next_outgoing_id: uint
    outgoing_window: uint
    handle: uint | None = None
    delivery_count: uint | None = None
    link_credit: uint | None = None
    available: uint | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: dict[Value, Value] | None = None


@composite(0x14, "transfer")
@dataclass(slots=True)
class Transfer(Composite):
    handle: uint
    delivery_id: uint | None = None
    delivery_tag: bytes | None = None
    message_format: uint | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: ubyte | None = None
    state: Any = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


@composite(0x15, "disposition")
@dataclass(slots=True)
class Disposition(Composite):
    role: bool
    first: uint
    last: uint | None = None
    settled: bool | None = None
    state: Any = None
    batchable: bool | None = None


@composite(0x16, "detach")
@dataclass(slots=True)
class Detach(Composite):
    handle: uint
    closed: bool | None = None
    error: Any = None


@composite(0x17, "end")
@dataclass(slots=True)
class End(Composite):
    error: Any = None


@composite(0x18, "close")
@dataclass(slots=True)
class Close(Composite):
    error: Any = None


# Security layer


@composite(0x40, "sasl-mechanisms")
@dataclass(slots=True)
class SaslMechanisms(Composite):
    sasl_server_mechanisms: Array


@composite(0x41, "sasl-init")
@dataclass(slots=True)
class SaslInit(Composite):
    mechanism: symbol
    initial_response: bytes | None = None
    hostname: str | None = None


@composite(0x44, "sasl-outcome")
@dataclass(slots=True)
class SaslOutcome(Composite):
    code: ubyte
    additional_data: bytes | None = None
