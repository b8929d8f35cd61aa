"""Rules of a subscription, added, removed and enumerated over AMQP, as the SDKs' rule managers ask for it.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response#rule-operations
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from harness.amqp_wire import Wire, request
from harness.servicebus import RunningBroker
from localcloud.servicebus import quotas
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.performatives import Transfer
from localcloud.servicebus.amqp.types import Array, Described, Int, ULong

TOPICS: dict[str, Any] = {
    "one": {"subscriptions": {"all": {}}},
    "kept": {"subscriptions": {"all": {}, "declared": {"rules": {"r": {"sqlFilter": {"sqlExpression": "a = 1"}}}}}},
    "full": {"subscriptions": {"a": {}, "b": {}}},
    "asked": {"subscriptions": {"all": {}}},
}
ADD, REMOVE, ENUMERATE = "add-rule", "remove-rule", "enumerate-rules"
ALL = {"top": Int(100), "skip": Int(0)}
Ask = Callable[..., tuple[int, Any, Any]]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("rules"), {"topics": TOPICS, "plain": {}})
    yield running
    running.close()


@pytest.fixture
def ask(broker: RunningBroker) -> Iterator[Ask]:
    """Asks an entity's management node; returns the reply's status, its condition and its body."""
    wires: list[Wire] = []

    def asked(entity: str, operation: str, body: dict[str, Any], workload: str = "both") -> tuple[int, Any, Any]:
        wires.append(wire := Wire(broker))
        wire.ready(workload)
        wire.attach(0, f"{entity}/$management", receive=False)
        wire.attach(1, f"{entity}/$management", receive=True, reply_to="r")
        wire.credit(1, 1)
        wire.send(Transfer(0, 1, b"1", 0, True), request({"operation": f"com.microsoft:{operation}"}, body, "r"))
        wire.expect(Transfer)
        reply = Message.parse(wire.last_payload)
        properties = reply.application_property_values()
        return properties["statusCode"], properties.get("errorCondition"), reply.body_value()

    yield asked
    for wire in wires:
        wire.close()


def sql(name: str, expression: str, action: str | None = None) -> dict[str, Any]:
    description: dict[str, Any] = {"sql-filter": {"expression": expression}}
    if action is not None:
        description["sql-rule-action"] = {"expression": action}
    return {"rule-name": name, "rule-description": description}


def rules_of(ask: Ask, entity: str) -> list[Any]:
    """The filter, the action and the name of each rule."""
    return [each["rule-description"].value for each in ask(entity, ENUMERATE, ALL)[2]["rules"]]


def test_rules_are_added_enumerated_and_removed(ask: Ask, broker: RunningBroker) -> None:
    """Each takes effect with the next message. A reply describes rules with Service Bus' own descriptors."""
    entity = "one/Subscriptions/all"
    true_filter, no_action = Described(ULong(0x1370000007), []), Described(ULong(0x13700000005), [])
    assert rules_of(ask, entity) == [[true_filter, no_action, "$Default"]]
    assert ask(entity, REMOVE, {"rule-name": "$default"})[:2] == (200, None)
    assert ask(entity, ENUMERATE, ALL)[0] == 204
    sender, receiver = broker.topic_sender("one"), broker.subscription_receiver("one", "all")
    sender.send_messages(ServiceBusMessage("no", application_properties={"a": 1}))
    assert ask(entity, ADD, sql("first", "a = 1", "SET b = 2"))[:2] == (200, None)
    correlation = {"label": "s", "content-type": None, "properties": {"n": Int(7), "id": uuid.UUID(int=1)}}
    added = {"rule-name": "second", "rule-description": {"correlation-filter": correlation}}
    assert ask(entity, ADD, added)[0] == 200
    assert ask(entity, ADD, sql("third", "1=0"))[0] == 200
    sender.send_messages(ServiceBusMessage("yes", application_properties={"a": 1}))
    (message,) = receiver.receive_messages(max_wait_time=5)
    assert message.application_properties == {b"a": 1, b"b": 2, b"RuleName": b"first"}
    first, second, third = rules_of(ask, entity)
    assert first == [
        Described(ULong(0x1370000006), ["a = 1"]),
        Described(ULong(0x13700000006), ["SET b = 2"]),
        "first",
    ]
    assert second[0].descriptor == ULong(0x1370000009)
    assert second[0].value == [None, None, None, None, "s", None, None, None, {"n": 7, "id": uuid.UUID(int=1)}]
    assert third == [Described(ULong(0x1370000008), []), no_action, "third"]
    page = ask(entity, ENUMERATE, {"top": Int(1), "skip": Int(1)})[2]["rules"]
    assert [each["rule-description"].descriptor for each in page] == [ULong(0x13700000004)]
    assert page[0]["rule-description"].value[2] == "second"


def test_rules_are_kept_until_the_file_declares_others(ask: Ask, broker: RunningBroker) -> None:
    """A restart keeps what was added and removed. If the file declares other rules, these take the place of all."""
    for subscription in ("all", "declared"):
        ask(f"kept/Subscriptions/{subscription}", ADD, sql("z", "z = 1"))
        ask(f"kept/Subscriptions/{subscription}", ADD, sql("b", "b = 1"))
        ask(f"kept/Subscriptions/{subscription}", REMOVE, {"rule-name": "Z"})
    broker.restart()
    assert [rule[2] for rule in rules_of(ask, "kept/Subscriptions/all")] == ["$Default", "b"]
    assert [rule[2] for rule in rules_of(ask, "kept/Subscriptions/declared")] == ["r", "b"]
    entities = broker.model.entities
    changed = entities.topics["kept"].subscriptions["declared"].rules
    assert changed is not None
    changed["r"] = changed["r"].model_copy(update={"sqlFilter": changed["r"].sqlFilter, "action": None})
    changed["new"] = changed["r"]
    broker.restart()
    assert [rule[2] for rule in rules_of(ask, "kept/Subscriptions/declared")] == ["r", "new"]
    assert [rule[2] for rule in rules_of(ask, "kept/Subscriptions/all")] == ["$Default", "b"]


@pytest.mark.parametrize(
    ("entity", "operation", "body", "status", "condition"),
    [
        ("asked/Subscriptions/all", ADD, sql("$default", "1=1"), 409, "com.microsoft:entity-already-exists"),
        ("asked/Subscriptions/all", ADD, sql("r", "color ="), 400, "com.microsoft:argument-error"),
        ("asked/Subscriptions/all", ADD, sql("r", "a=" + "1" * 1023), 400, "com.microsoft:argument-error"),
        ("asked/Subscriptions/all", ADD, sql("r", "1=1", "DROP a"), 400, "com.microsoft:argument-error"),
        ("asked/Subscriptions/all", ADD, sql("", "1=1"), 400, "com.microsoft:argument-out-of-range"),
        ("asked/Subscriptions/all", ADD, sql("r" * 51, "1=1"), 400, "com.microsoft:argument-out-of-range"),
        (
            "asked/Subscriptions/all",
            ADD,
            {"rule-name": "r", "rule-description": {}},
            400,
            "com.microsoft:argument-error",
        ),
        ("asked/Subscriptions/all", ADD, {"rule-name": "r"}, 400, "amqp:invalid-field"),
        ("asked/Subscriptions/all", REMOVE, {"rule-name": "r"}, 404, "amqp:not-found"),
        ("asked/Subscriptions/all", REMOVE, {}, 400, "amqp:invalid-field"),
        ("asked/Subscriptions/all", ENUMERATE, {"top": Int(1)}, 400, "amqp:invalid-field"),
        ("asked/Subscriptions/all", ENUMERATE, {"top": Int(-1), "skip": Int(0)}, 400, "amqp:invalid-field"),
        ("asked", ADD, sql("r", "1=1"), 400, "amqp:not-allowed"),
        ("plain", ENUMERATE, ALL, 400, "amqp:not-allowed"),
        ("asked", "peek-message", {"from-sequence-number": 1, "message-count": Int(1)}, 400, "amqp:not-allowed"),
        ("asked/Subscriptions/all", "schedule-message", {"messages": [{}]}, 400, "amqp:not-allowed"),
        (
            "asked/Subscriptions/all",
            "cancel-scheduled-message",
            {"sequence-numbers": Array(0x81, [1])},
            400,
            "amqp:not-allowed",
        ),
    ],
)
def test_a_request_for_a_rule_gets_a_clear_answer(
    ask: Ask, entity: str, operation: str, body: dict[str, Any], status: int, condition: str
) -> None:
    """Status and condition; the rules stay as they are."""
    assert ask(entity, operation, body)[:2] == (status, condition)
    assert [rule[2] for rule in rules_of(ask, "asked/Subscriptions/all")] == ["$Default"]


def test_who_receives_manages_the_rules(ask: Ask) -> None:
    """The right to receive suffices, as for the SDKs' rule managers, and the right to send does not."""
    assert ask("asked/Subscriptions/all", ENUMERATE, ALL, "receiver")[0] == 200
    assert ask("asked/Subscriptions/all", ENUMERATE, ALL, "sender")[:2] == (401, "amqp:unauthorized-access")


def test_a_topic_has_so_many_filters(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 SQL filters and 100,000 correlation filters in all of its subscriptions together; here fewer."""
    assert (quotas.SQL_FILTERS, quotas.CORRELATION_FILTERS) == (2000, 100_000)
    monkeypatch.setattr("localcloud.servicebus.topics.SQL_FILTERS", 3)
    assert ask("full/Subscriptions/a", ADD, sql("third", "1=1"))[0] == 200
    assert ask("full/Subscriptions/b", ADD, sql("fourth", "1=1"))[1] == "amqp:resource-limit-exceeded"
    added = {"rule-name": "fourth", "rule-description": {"correlation-filter": {"label": "x"}}}
    assert ask("full/Subscriptions/b", ADD, added)[0] == 200
