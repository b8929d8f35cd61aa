"""Messages of every kind that a sender may put into the queue of orders, and what is to become of each."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests import amqp_messages as m

_ALL = m.DECODABLE | m.UNDECODABLE | m.BOMBS
ANY = {kind: value for kind, value in _ALL.items() if kind not in m.REFUSED_BY_A_BROKER}
AS_PROPERTY = {kind: value for kind, value in _ALL.items() if kind not in m.REFUSED_AS_PROPERTY}
TRACE_PARENT = m.string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


@dataclass(frozen=True)
class Case:
    """`reason` is what the message is dead-lettered for, None if it is an order that is receipted."""

    name: str
    message: bytes
    reason: str | None = None
    message_format: int = 0

    @property
    def order_id(self) -> str:
        return order_id(self.name)


def order_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def cases() -> Iterator[Case]:
    """Yield the cases; the order in each has an id of its own."""
    yield from with_properties()
    yield from with_other_sections()
    yield from with_bodies()


def body(name: str) -> bytes:
    return m.data(m.order(order_id=order_id(name)))


def with_properties() -> Iterator[Case]:
    """An order with application properties of every type, or with properties of some."""
    for kind, value in AS_PROPERTY.items():
        reason = None if kind in m.DECODABLE else "Undecodable"
        name = f"traceparent and others of type {kind}"
        others = ("traceparent", "Diagnostic-Id", "DeadLetterReason", "callDuration")
        yield Case(name, m.message(body(name), [(key, value) for key in others]), reason)
        name = f"tracestate of type {kind}"
        yield Case(name, m.message(body(name), [("traceparent", TRACE_PARENT), ("tracestate", value)]), reason)
    for kind in ("null", "ulong", "uuid", "binary", "empty string"):
        name = f"message-id of type {kind}"
        yield Case(name, m.message(body(name), properties=[m.DECODABLE[kind]]))
    name = "property char"
    yield Case(name, m.message(body(name), properties=[m.UNDECODABLE["char"]]), "Undecodable")
    name = "more properties than there are"
    yield Case(name, m.message(body(name), properties=[m.NULL] * 14), "Undecodable")


def with_other_sections() -> Iterator[Case]:
    """An order among annotations, a footer, a header and so on."""
    for kind in ("map", "timestamp", "decimal64", "char"):
        reason = None if kind in m.DECODABLE else "Undecodable"
        entry = (m.symbol("x-opt-mine"), ANY[kind])
        name = f"footer of type {kind}"
        yield Case(name, m.message(body(name), after=m.section(m.FOOTER, m.map_of(entry))), reason)
        name = f"delivery annotation of type {kind}"
        annotations = m.section(m.DELIVERY_ANNOTATIONS, m.map_of(entry))
        yield Case(name, m.message(body(name), before=annotations), reason)
        name = f"annotation of type {kind}"
        yield Case(name, m.message(body(name), annotations=[("x-opt-mine", ANY[kind])]), reason)
    name = "header with a time to live"
    header = m.section(m.HEADER, m.list_of(m.NULL, m.NULL, m.uint(600_000)))
    yield Case(name, m.message(body(name), before=header))
    for number in (1, 0x12345678, 0xFFFFFFFF):
        name = f"message-format {number:#x}"
        yield Case(name, m.message(body(name)), message_format=number)


def with_bodies() -> Iterator[Case]:
    """Orders in other bodies than one data section, and bodies that are no orders."""
    name = "data in two sections"
    order = m.order(order_id=order_id(name))
    yield Case(name, m.message(m.data(order[:40]) + m.data(order[40:])))
    name = "data among thousands of empty sections"
    yield Case(name, m.message(m.data(b"") * 20_000 + body(name)))
    name = "data behind a descriptor of eight bytes"
    yield Case(name, b"\x00\x80" + bytes(7) + bytes([m.DATA]) + m.binary(m.order(order_id=order_id(name))))
    for kind, value in ANY.items():
        reason = "InvalidOrder" if kind in m.DECODABLE else "Undecodable"
        yield Case(f"value of type {kind}", m.message(m.value(value)), reason)
    order = m.order()
    for name, encoded in {
        "the order as a value": m.message(m.value(m.string(order))),
        "the order as a sequence": m.message(m.sequence(m.string(order))),
        "sequences": m.message(m.sequence() + m.sequence(m.NULL)),
        "no body": m.message(properties=[m.string("id")]),
        "nothing": b"",
        "empty data": m.message(m.data(b"")),
        "data that is no UTF-8": m.message(m.data(b"\xff" + order)),
        "data that is no JSON": m.message(m.data(order[:-1])),
        "data of the largest size": m.message(m.data(order.ljust(250 * 1024, b"x"))),
        "data nested without end": m.message(m.data(b"[" * 200_000)),
        "data with a field that a terminal acts on": m.message(m.data(order[:-1] + b', "\\u001b[2J": 1}')),
    }.items():
        yield Case(name, encoded, "InvalidOrder")
