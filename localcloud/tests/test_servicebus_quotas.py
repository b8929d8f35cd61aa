"""Service Bus's limits, one row each: what is just within one is taken, what is just beyond is refused.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties
from azure.servicebus.exceptions import ServiceBusError
from harness.amqp_wire import Wire, message, reply_properties, request
from harness.servicebus import NAMESPACE, RunningBroker
from localcloud.authorization.model import AccessModel, principal_id
from localcloud.servicebus import quotas
from localcloud.servicebus.actions import RECEIVE
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.encoder import encode
from localcloud.servicebus.amqp.performatives import Accepted, Detach, Disposition, Modified, Rejected, Transfer
from localcloud.servicebus.amqp.types import Array, Described, Symbol, UInt, ULong
from localcloud.servicebus.limits import LONGEST_AUDIENCE
from pydantic import ValidationError

OUT_OF_RANGE, WRONG_TYPE = "com.microsoft:argument-out-of-range", "com.microsoft:argument-error"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(
        tmp_path_factory.mktemp("quotas"), {name: {} for name in ("plain", "peeked", "received", "added")}
    )
    yield running
    running.close()


@pytest.fixture
def wire(broker: RunningBroker) -> Iterator[Wire]:
    one = Wire(broker)
    one.ready()
    one.attach(0, "plain", receive=False)
    yield one
    one.close()


def sections(
    properties: list[Any] | None = None, application: Any = None, annotations: dict[Any, Any] | None = None
) -> bytes:
    """A message with these sections."""
    values = (0x72, annotations), (0x73, properties), (0x74, application)
    return b"".join(encode(Described(ULong(code), value)) for code, value in values if value is not None) + message()


def field(place: int, value: Any) -> bytes:
    """A message with this value in a place of its properties."""
    return sections([*[None] * place, value])


def annotation(name: str, value: Any) -> bytes:
    return sections(annotations={Symbol(name): value})


def many(size: int) -> dict[str, str]:
    """Application properties that have about so many bytes together."""
    return {f"k{number}": "x" * 8_000 for number in range(size // 8_000)}


# Each limit: what is within it, what is beyond it, and the condition of the refusal.
LIMITS: dict[str, tuple[bytes, bytes, str]] = {
    "a message id has 128 characters": (field(0, "x" * 128), field(0, "x" * 129), OUT_OF_RANGE),
    "a message id in binary too": (field(0, b"x" * 128), field(0, b"x" * 129), OUT_OF_RANGE),
    "a session id has 128 characters": (field(10, "x" * 128), field(10, "x" * 129), OUT_OF_RANGE),
    "a reply-to session id has 128": (field(12, "x" * 128), field(12, "x" * 129), OUT_OF_RANGE),
    "a partition key has 128 characters": (
        annotation("x-opt-partition-key", "x" * 128),
        annotation("x-opt-partition-key", "x" * 129),
        OUT_OF_RANGE,
    ),
    "a partition key of the transfer queue": (
        annotation("x-opt-via-partition-key", "x" * 128),
        annotation("x-opt-via-partition-key", "x" * 129),
        OUT_OF_RANGE,
    ),
    "an application property has 32 KB": (
        sections(application={"k": "x" * (32 * 1024 - 10)}),
        sections(application={"k": "x" * (32 * 1024 + 1)}),
        OUT_OF_RANGE,
    ),
    "all properties have 64 KB": (sections(application=many(56_000)), sections(application=many(72_000)), OUT_OF_RANGE),
    "a subject counts among them": (field(3, "x" * 60_000), field(3, "x" * 66_000), OUT_OF_RANGE),
    "a message has 256 KB": (message(bytes(255 * 1024)), message(bytes(256 * 1024)), "amqp:link:message-size-exceeded"),
    "a message id is of four types": (field(0, ULong(7)), field(0, UInt(7)), WRONG_TYPE),
    "a correlation id too": (field(5, b"c"), field(5, ["c"]), WRONG_TYPE),
    "a session id is a string": (field(10, ""), field(10, 7), WRONG_TYPE),
    "a subject is a string": (field(3, "s"), field(3, {"s": 1}), WRONG_TYPE),
    "a partition key is a string": (
        annotation("x-opt-partition-key", "k"),
        annotation("x-opt-partition-key", 7),
        WRONG_TYPE,
    ),
    "an application property is no list": (sections(application={"k": 1}), sections(application={"k": []}), WRONG_TYPE),
    "and no map": (sections(application={"k": None}), sections(application={"k": {"a": 1}}), WRONG_TYPE),
    "nor one with a descriptor": (
        sections(application={"k": Described(Symbol("com.microsoft:uri"), "urn:x")}),
        sections(application={"k": Described(Symbol("x"), [1])}),
        WRONG_TYPE,
    ),
    "its name is a string": (sections(application={"k": 1.5}), sections(application={Symbol("k"): 1}), WRONG_TYPE),
}


def outcome(wire: Wire, number: int, payload: bytes) -> Any:
    """What becomes of a message."""
    parts = [payload[start : start + 60_000] for start in range(0, len(payload), 60_000)]
    for place, part in enumerate(parts):
        wire.send(Transfer(0, number, str(number).encode(), 0, False, place < len(parts) - 1), part)
    return read(wire.expect(Disposition).state)


@pytest.mark.parametrize(("within", "beyond", "condition"), LIMITS.values(), ids=LIMITS)
def test_a_message_within_each_limit_is_taken_and_beyond_it_refused(
    wire: Wire, within: bytes, beyond: bytes, condition: str
) -> None:
    """The refusal names its condition and says what is wrong; the link goes on."""
    assert isinstance(outcome(wire, 1, within), Accepted)
    refused = outcome(wire, 2, beyond)
    assert isinstance(refused, Rejected)
    assert read(refused.error).condition == condition  # type: ignore[attr-defined]
    assert read(refused.error).description  # type: ignore[attr-defined]
    assert isinstance(outcome(wire, 3, message()), Accepted)


def test_the_sdk_is_told_of_a_message_beyond_a_limit(broker: RunningBroker) -> None:
    """A batch with one such message is refused as a whole, and so is one that is scheduled."""
    sender = broker.sender("peeked")
    long = AmqpAnnotatedMessage(data_body=b"", properties=AmqpMessageProperties(group_id="x" * 129))
    with pytest.raises(ServiceBusError, match="argument-out-of-range"):
        sender.send_messages([ServiceBusMessage("good"), long])
    with pytest.raises(ServiceBusError, match="argument-error"):
        sender.send_messages(ServiceBusMessage("bad", application_properties={"k": {"a": "map"}}))  # type: ignore[dict-item]
    receiver = broker.receiver("peeked")
    assert receiver.peek_messages() == []


def test_no_more_messages_are_peeked_at_than_the_limit(broker: RunningBroker) -> None:
    """250 in one answer, however many are asked for."""
    assert quotas.PEEKED_MESSAGES == 250
    broker.send("peeked", *(str(number) for number in range(255)))
    assert len(broker.receiver("peeked").peek_messages(1000)) == 250


def test_an_entity_has_so_many_receivers(broker: RunningBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """5,000 at once; here fewer. A further one is told to come later, and one that leaves makes room."""
    assert quotas.RECEIVERS == 5000
    monkeypatch.setattr("localcloud.servicebus.receivers.RECEIVERS", 2)
    wire = Wire(broker)
    wire.ready()
    for handle in range(2):
        assert wire.attach(handle, "received", receive=True).source is not None
    assert wire.refused(2, "received", receive=True).condition == "com.microsoft:server-busy"
    wire.send(Detach(0, True))
    wire.expect(Detach)
    assert wire.attach(3, "received", receive=True).source is not None
    wire.close()


@pytest.mark.parametrize(
    ("added", "condition"),
    [
        ({"k": ["a list"]}, WRONG_TYPE),
        ({"k": "x" * 33_000}, OUT_OF_RANGE),
        ({"k": "x" * 30_000, "l": "x" * 20_000}, OUT_OF_RANGE),
    ],
    ids=["a list", "33 KB", "64 KB together"],
)
def test_what_a_receiver_adds_is_within_the_limits(wire: Wire, added: dict[str, Any], condition: str) -> None:
    """Its outcome is refused, over the link and over management, and the message stays as it was."""
    wire.attach(1, "added", receive=False)
    wire.send(Transfer(1, 1, b"1", 0, False), sections(application={"had": "x" * 20_000}))
    wire.expect(Disposition)
    wire.attach(2, "added", receive=True)
    wire.credit(2, 1)
    delivered = wire.expect(Transfer)
    wire.send(Disposition(True, delivered.delivery_id or 0, None, False, Modified(True, False, added)))
    assert read(read(wire.expect(Disposition).state).error).condition == condition  # type: ignore[attr-defined]
    wire.attach(3, "added/$management", receive=False)
    wire.attach(4, "added/$management", receive=True, reply_to="r")
    wire.credit(4, 2)
    token = Array(0x98, [uuid.UUID(bytes_le=delivered.delivery_tag or b"")])
    for status, more in (("suspended", {"properties-to-modify": added}), ("completed", {})):
        body = {"lock-tokens": token, "disposition-status": status, **more}
        asked = request({"operation": "com.microsoft:update-disposition"}, body, "r")
        parts = [asked[start : start + 60_000] for start in range(0, len(asked), 60_000)]
        for place, part in enumerate(parts):
            wire.send(Transfer(3, 2, b"2", 0, True, place < len(parts) - 1), part)
        wire.expect(Transfer)
        reply = reply_properties(wire.last_payload)
        assert reply.get("errorCondition") == (condition if more else None)


# What the access file may say of entities: a name or a property that is taken, and one that is not.
LONG = "x" * 260
ENTITIES: dict[str, tuple[Any, Any]] = {
    "a path has 260 characters": ({LONG: {}}, {LONG + "x": {}}),
    "a path has slashes, dots and hyphens": ({"site1/my.queue-1": {}}, {"my queue": {}}),
    "a path begins with a letter or digit": ({"1queue": {}}, {"/queue": {}}),
    "a path ends with a letter or digit": ({"queue1": {}}, {"queue_": {}}),
    "two names differ in more than case": ({"a": {}, "b": {}}, {"a": {}, "A": {}}),
    "a topic is no queue": ({"a": {}, "topics": {"b": {}}}, {"a": {}, "topics": {"a": {}}}),
    "a subscription's name has 50 characters": (
        {"topics": {"t": {"subscriptions": {"x" * 50: {}}}}},
        {"topics": {"t": {"subscriptions": {"x" * 51: {}}}}},
    ),
    "a subscription's name has no slash": (
        {"topics": {"t": {"subscriptions": {"a_b.c": {}}}}},
        {"topics": {"t": {"subscriptions": {"a/b": {}}}}},
    ),
    "a topic has 2,000 subscriptions": (
        {"topics": {"t": {"subscriptions": {f"s{number}": {} for number in range(2000)}}}},
        {"topics": {"t": {"subscriptions": {f"s{number}": {} for number in range(2001)}}}},
    ),
    "a lock lasts 5 minutes": ({"q": {"lockDuration": "PT5M"}}, {"q": {"lockDuration": "PT5M1S"}}),
    "a message is delivered 2,000 times": ({"q": {"maxDeliveryCount": 2000}}, {"q": {"maxDeliveryCount": 2001}}),
    "duplicates are detected for 7 days": (
        {"q": {"duplicateDetectionHistoryTimeWindow": "P7D"}},
        {"q": {"duplicateDetectionHistoryTimeWindow": "P8D"}},
    ),
    "messages are forwarded to what exists": (
        {"a": {"forwardTo": "b"}, "b": {}},
        {"a": {"forwardTo": "c"}, "b": {}},
    ),
    "and not to where they are": ({"a": {"forwardTo": "b"}, "b": {}}, {"a": {"forwardTo": "A"}}),
    "an entity with sessions forwards nothing": (
        {"a": {"requiresSession": True}, "b": {}},
        {"a": {"requiresSession": True, "forwardTo": "b"}, "b": {}},
    ),
}


@pytest.mark.parametrize(("within", "beyond"), ENTITIES.values(), ids=ENTITIES)
def test_an_entity_within_each_limit_is_read_and_beyond_it_refused(within: Any, beyond: Any) -> None:
    """Azure refuses to make such an entity; here the access file is wrong."""
    AccessModel.model_validate({"entities": {"serviceBus": within}, "roles": {}, "workloads": {}})
    with pytest.raises(ValidationError):
        AccessModel.model_validate({"entities": {"serviceBus": beyond}, "roles": {}, "workloads": {}})


@pytest.mark.parametrize("name", ["plain", "PLAIN/$DeadLetterQueue", "plain/$management", ""])
def test_a_token_is_taken_for_an_entity_that_exists(broker: RunningBroker, name: str) -> None:
    """For its sub-queue and its management node too, and for the namespace."""
    wire = Wire(broker)
    wire.open()
    wire.begin()
    assert wire.put_token(name=f"sb://{NAMESPACE}/{name}")["status-code"] == 202
    wire.close()


# What is wrong with a put-token, and the answer: whatever stands earlier in this list is told first.
PUT_TOKEN: list[tuple[dict[str, Any], int, str]] = [
    ({"now": 10**9}, 401, "InvalidToken"),
    ({"name": "sb://other.servicebus.windows.net/nowhere"}, 401, "InvalidAudience"),
    ({"name": f"sb://{NAMESPACE}/nowhere"}, 404, "could not be found"),
]


@pytest.mark.parametrize("first", range(len(PUT_TOKEN)))
def test_the_questions_of_a_put_token_have_an_order(broker: RunningBroker, first: int) -> None:
    """Is the token good, is the namespace this one, does the entity exist? Whether the caller may do anything there
    is not asked."""
    wire = Wire(broker)
    wire.open()
    wire.begin()
    faults = {key: value for wrong, _, _ in reversed(PUT_TOKEN[first:]) for key, value in wrong.items()}
    answer = wire.put_token("nobody", **faults)
    assert (answer["status-code"], PUT_TOKEN[first][2] in answer["status-description"]) == (PUT_TOKEN[first][1], True)
    wire.close()


@pytest.mark.parametrize(
    ("workload", "address", "receive", "condition"),
    [
        (None, "nowhere", True, "amqp:unauthorized-access"),
        ("nobody", "nowhere", True, "amqp:not-found"),
        ("nobody", "plain", True, "amqp:unauthorized-access"),
        ("receiver", "plain/$DeadLetterQueue", False, "amqp:unauthorized-access"),
        ("sender", "plain/$DeadLetterQueue", False, "amqp:not-allowed"),
    ],
)
def test_the_questions_of_an_attach_have_an_order(
    broker: RunningBroker, workload: str | None, address: str, receive: bool, condition: str
) -> None:
    """Is there a token, does the entity exist, may the caller do it, can it be done there?"""
    wire = Wire(broker)
    wire.open()
    wire.begin()
    if workload is not None:
        wire.put_token(workload, f"sb://{NAMESPACE}/")
    assert wire.refused(0, address, receive=receive).condition == condition
    wire.close()


def test_a_connection_keeps_few_tokens_and_the_trail_few_words(broker: RunningBroker) -> None:
    """Tokens are kept for entities that exist. An audience that is longer than any can be is not written down."""
    wire = Wire(broker)
    wire.open()
    wire.begin()
    wire.put_token(name=f"sb://{NAMESPACE}/plain")
    wire.credit(101, 1000)
    for number in range(200):
        assert wire.put_token(name=f"sb://{NAMESPACE}/unknown{number}", attach=False)["status-code"] == 404
        spelling = f"sb://{NAMESPACE}{'/' * number}/plain/$other{number}"
        assert wire.put_token(name=spelling, attach=False)["status-code"] == 202
    assert max(len(each._peer.credentials._claims) for each in broker.broker._connections) == 1
    before = len(broker.trail())
    properties = {"operation": "put-token", "type": "jwt", "name": "sb://other/" + "x" * 60_000}
    wire.send(Transfer(100, 500, b"t", 0, False), request(properties, "a.b.c", "cbs-reply"))
    assert isinstance(read(wire.expect(Disposition).state), Rejected)
    wire.put_token(name=("sb://other/" + "x" * LONGEST_AUDIENCE)[:LONGEST_AUDIENCE], attach=False)
    (line,) = broker.trail()[before:]
    assert len(str(line)) < 3 * LONGEST_AUDIENCE
    wire.close()


def test_a_grant_on_a_topic_covers_its_subscriptions() -> None:
    """As a role assignment on a topic does in Azure; a grant on a subscription covers no other."""
    topics = {"news": {"subscriptions": {"all": {}, "some": {}}}, "newsroom": {"subscriptions": {"all": {}}}}

    def held(granted: str) -> list[str]:
        workload = {"namespace": "test", "serviceAccount": "w", "grants": [{"role": "R", "scope": granted}]}
        model = AccessModel.model_validate(
            {
                "entities": {"serviceBus": {"topics": topics}},
                "roles": {"R": {"kind": "custom", "dataActions": ["*"]}},
                "workloads": {"w": workload},
            }
        )
        return [scope for scope in model.entities.scopes() if model.allows(principal_id("w"), RECEIVE, scope)]

    every = held("serviceBus/*")
    assert every == [
        "serviceBus/topics/news",
        "serviceBus/topics/news/subscriptions/all",
        "serviceBus/topics/news/subscriptions/some",
        "serviceBus/topics/newsroom",
        "serviceBus/topics/newsroom/subscriptions/all",
    ]
    assert held("serviceBus/topics/news") == every[:3]
    assert held(every[1]) == [every[1]]
