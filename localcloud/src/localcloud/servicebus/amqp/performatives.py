"""What travels in frames: performatives, termini, outcomes and errors (parts 2, 3 and 5 of the specification)."""

from dataclasses import dataclass
from typing import Annotated, Any

from localcloud.servicebus.amqp.composites import Composite, composite
from localcloud.servicebus.amqp.types import Array, Symbol, UByte, UInt, ULong, UShort, Value

ubyte = Annotated[int, UByte]
ushort = Annotated[int, UShort]
uint = Annotated[int, UInt]
ulong = Annotated[int, ULong]
symbol = Annotated[str, Symbol]


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


# Transactions (part 4)


@composite(0x30, "coordinator")
@dataclass(slots=True)
class Coordinator(Composite):
    capabilities: Any = None


@composite(0x34, "transactional-state")
@dataclass(slots=True)
class TransactionalState(Composite):
    txn_id: bytes
    outcome: Any = None


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
