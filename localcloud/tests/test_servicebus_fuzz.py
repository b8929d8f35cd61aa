"""Well-formed AMQP that no client would say: the broker answers or refuses, and never fails, hangs or grows."""

import contextlib
import logging
import tracemalloc
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from harness.amqp_wire import Wire, reply_properties, request
from harness.servicebus import RunningBroker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from localcloud.servicebus.amqp.composites import write
from localcloud.servicebus.amqp.decoder import DecodeError, decode
from localcloud.servicebus.amqp.encoder import encode
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Detach,
    Disposition,
    End,
    Flow,
    Modified,
    Rejected,
    Released,
    Source,
    Target,
    TransactionalState,
    Transfer,
)
from localcloud.servicebus.amqp.types import (
    Array,
    Byte,
    Char,
    Described,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.management import OPERATIONS
from localcloud.servicebus.quotas import require_within_quotas

ENTITIES: dict[str, Any] = {
    "plain": {"maxDeliveryCount": 1},
    "ordered": {"requiresSession": True},
    "chained": {"forwardTo": "news"},
    "circle": {"forwardTo": "chained", "forwardDeadLetteredMessagesTo": "chained"},
    "topics": {
        "news": {
            "subscriptions": {
                "all": {},
                "sorted": {
                    "requiresSession": True,
                    "rules": {
                        "a": {"sqlFilter": {"sqlExpression": "k = 1 OR k LIKE '%a%' OR sys.Label > 'a'"}},
                        "b": {
                            "sqlFilter": {"sqlExpression": "k + 1 > 2"},
                            "action": {"sqlExpression": "SET k = k * 2; SET sys.SessionId = 's'; REMOVE l"},
                        },
                        "c": {"correlationFilter": {"sessionId": "s", "properties": {"k": 1}}},
                    },
                },
                "back": {"forwardTo": "circle"},
            }
        }
    },
}
SUITE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("fuzz"), ENTITIES)
    yield running
    running.close()


def integers(kind: type[int], low: int, high: int) -> st.SearchStrategy[int]:
    return st.one_of(st.integers(low, high), st.sampled_from([low, 0, 1, high])).map(kind)


SIMPLE = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.text("abc:$-", max_size=8).map(Symbol),
    st.uuids(),
    st.floats(),
    st.characters().map(Char),
    integers(int, -(2**63), 2**63 - 1),
    integers(Int, -(2**31), 2**31 - 1),
    integers(Short, -(2**15), 2**15 - 1),
    integers(Byte, -128, 127),
    integers(UByte, 0, 255),
    integers(UShort, 0, 2**16 - 1),
    integers(UInt, 0, 2**32 - 1),
    integers(ULong, 0, 2**64 - 1),
    integers(Timestamp, -(2**63), 2**63 - 1),
)
KEYS = st.one_of(
    st.sampled_from(["k", "l", Symbol("x-opt-scheduled-enqueue-time"), Symbol("x-opt-partition-key")]), SIMPLE
)
VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=3),
        st.builds(Described, st.one_of(SIMPLE, st.sampled_from([ULong(0x24), ULong(0x34)])), inner),
    ),
    max_leaves=6,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)
ROOTS = ["plain", "ordered", "chained", "circle", "news", "news/Subscriptions/all", "news/Subscriptions/sorted"]
NODES = [f"{root}{node}" for root in ROOTS for node in ("", "/$management", "/$DeadLetterQueue")]
ADDRESSES = st.one_of(st.sampled_from([*NODES, "$cbs", "", "/", "nowhere", "news/Subscriptions/"]), st.text(), VALUES)
HANDLES = st.integers(0, 3)
FEW, UINTS = st.integers(0, 9), st.integers(0, 2**32 - 1)
SESSION_FILTER = st.just(Symbol("com.microsoft:session-filter"))
FILTERS = st.one_of(st.none(), TABLES, st.dictionaries(SESSION_FILTER, st.one_of(st.none(), VALUES), max_size=1))
OUTCOMES = st.one_of(
    st.none(),
    st.builds(Accepted),
    st.builds(Released),
    st.builds(Rejected, VALUES),
    st.builds(Modified, st.booleans(), st.booleans(), st.one_of(st.none(), TABLES)),
    st.builds(TransactionalState, st.binary(max_size=4), VALUES),
    VALUES,
)
MESSAGES = st.builds(
    lambda sections: b"".join(encode(Described(ULong(code), value)) for code, value in sections),
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from([0x70, 0x73]), st.lists(SIMPLE, max_size=13)),
            st.tuples(st.sampled_from([0x71, 0x72, 0x74, 0x78]), TABLES),
            st.tuples(st.sampled_from([0x75, 0x76, 0x77]), VALUES),
        ),
        max_size=6,
    ).map(lambda sections: sorted(sections, key=lambda section: section[0])),
)
PERFORMATIVES = st.one_of(
    st.tuples(
        st.builds(
            lambda name, handle, role, source, target, filters, mode, properties: Attach(
                name, handle, role, mode, None, Source(source, filter=filters), Target(target), properties=properties
            ),
            st.text(max_size=4),
            HANDLES,
            st.booleans(),
            ADDRESSES,
            ADDRESSES,
            FILTERS,
            st.sampled_from([None, 0, 1, 2]),
            st.one_of(st.none(), st.just({Symbol("com.microsoft:timeout"): UInt(1)}), TABLES),
        ),
        st.just(b""),
    ),
    st.tuples(
        st.builds(
            Transfer,
            HANDLES,
            FEW,
            st.binary(max_size=4),
            st.sampled_from([None, 0, 0x80013700]),
            st.booleans(),
            st.booleans(),
            st.none(),
            OUTCOMES,
            st.none(),
            st.booleans(),
        ),
        st.one_of(MESSAGES, st.binary(max_size=40)),
    ),
    st.tuples(
        st.builds(
            Flow,
            FEW,
            FEW,
            FEW,
            FEW,
            HANDLES,
            FEW,
            UINTS,
            st.none(),
            st.booleans(),
            st.booleans(),
        ),
        st.just(b""),
    ),
    st.tuples(
        st.builds(Disposition, st.booleans(), FEW, UINTS, st.booleans(), OUTCOMES),
        st.just(b""),
    ),
    st.tuples(st.builds(Detach, HANDLES, st.booleans(), VALUES), st.just(b"")),
    st.tuples(st.builds(End, VALUES), st.just(b"")),
    st.tuples(st.builds(Begin, st.none(), FEW, FEW, FEW), st.just(b"")),
)


@SUITE
@given(st.lists(PERFORMATIVES, min_size=1, max_size=12))
def test_no_performatives_harm_the_broker(
    broker: RunningBroker, caplog: pytest.LogCaptureFixture, said: list[tuple[Any, bytes]]
) -> None:
    """On a connection with every right, in any order, with any field: the next client is served."""
    with caplog.at_level(logging.WARNING, "localcloud"):
        wire = Wire(broker)
        wire.ready()
        try:
            for performative, payload in said:
                wire.send(performative, payload)
        except OSError:
            pass  # the broker had closed by then
        wire.close()
        after = Wire(broker, timeout=5)
        after.ready()
        after.close()
    assert caplog.records == []


CONDITIONS = st.dictionaries(st.sampled_from(["label", "properties"]), VALUES)
BODIES = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "from-sequence-number": VALUES,
            "message-count": integers(Int, -(2**31), 2**31 - 1),
            "lock-tokens": st.one_of(VALUES, st.just(Array(0x98, [uuid.UUID(int=1)]))),
            "sequence-numbers": st.one_of(VALUES, st.just(Array(0x81, [1]))),
            "receiver-settle-mode": VALUES,
            "disposition-status": st.one_of(
                VALUES, st.sampled_from(["completed", "abandoned", "defered", "suspended"])
            ),
            "properties-to-modify": VALUES,
            "messages": st.one_of(VALUES, st.lists(st.builds(lambda m: {"message": m}, MESSAGES), max_size=2)),
            "session-id": st.one_of(VALUES, st.just("s")),
            "session-state": VALUES,
            "last-updated-time": integers(Timestamp, -(2**63), 2**63 - 1),
            "skip": integers(Int, -(2**31), 2**31 - 1),
            "top": integers(Int, -(2**31), 2**31 - 1),
            "rule-name": st.one_of(VALUES, st.text(max_size=3)),
            "rule-description": st.one_of(
                VALUES,
                st.fixed_dictionaries(
                    {},
                    optional={
                        "sql-filter": st.one_of(VALUES, st.builds(lambda e: {"expression": e}, st.text(max_size=9))),
                        "correlation-filter": st.one_of(
                            VALUES, st.dictionaries(st.sampled_from(["label", "properties"]), VALUES)
                        ),
                        "sql-rule-action": VALUES,
                    },
                ),
            ),
        },
    ),
)


@SUITE
@given(st.sampled_from([str(each) for each in OPERATIONS]), BODIES, st.sampled_from(ROOTS))
def test_every_request_gets_an_answer(
    broker: RunningBroker, caplog: pytest.LogCaptureFixture, operation: str, body: Any, entity: str
) -> None:
    """Whatever its body holds, the reply has a status and is never that of a fault of the broker's own."""
    with caplog.at_level(logging.WARNING, "localcloud"):
        wire = Wire(broker)
        wire.ready()
        wire.attach(0, f"{entity}/$management", receive=False)
        wire.attach(1, f"{entity}/$management", receive=True, reply_to="r")
        wire.credit(1, 1)
        wire.send(Transfer(0, 1, b"1", 0, True), request({"operation": operation}, body, "r"))
        wire.expect(Transfer)
        assert reply_properties(wire.last_payload)["statusCode"] in (200, 204, 400, 404, 409, 410)
        wire.close()
    assert caplog.records == []


@given(MESSAGES)
def test_a_message_is_within_the_quotas_or_refused(octets: bytes) -> None:
    """Two errors, and no other."""
    with contextlib.suppress(DecodeError, AmqpError):
        require_within_quotas(Message.parse(octets))


@pytest.mark.parametrize(
    "octets",
    [
        b"\xf0\x00\x00\xff\xfb\x00\x00\xff\xf6\x41" + bytes(65526),
        b"\xd0\x00\x00\xff\xfb\x00\x00\xff\xf7" + b"\x40" * 65527,
        b"\xd1\x00\x00\xff\xfb\x00\x00\xff\xf6" + b"\x43\x40" * 32763,
        b"\xd0\x00\x00\xff\xfb\x00\x00\x7f\xfb" + b"\xa1\x00" * 32763,
        b"\x45" * 65535,
        b"\x00\x53\x01" * 21845,
    ],
    ids=["an array of nothing", "a list of nulls", "a map of one key", "empty texts", "empty lists", "descriptors"],
)
def test_a_frame_costs_no_more_than_a_multiple_of_its_bytes(octets: bytes) -> None:
    """The smallest values that a frame can hold many of: decoding them takes at most 100 bytes for each byte."""
    tracemalloc.start()
    with contextlib.suppress(DecodeError):
        decode(octets)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * len(octets)


def test_performatives_are_written_as_they_are_drawn() -> None:
    """A composite in a field, which the tests above rely on, is a described value on the wire."""
    assert decode(write(Transfer(0, state=Accepted())))[0].value[7] == Described(ULong(0x24), [])
