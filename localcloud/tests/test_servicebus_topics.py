"""Topics and subscriptions, with the real SDK: who gets which message, and what rules make of it.

https://learn.microsoft.com/azure/service-bus-messaging/topic-filters
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSender,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import ServiceBusAuthorizationError, ServiceBusError
from harness.amqp_wire import Wire
from harness.servicebus import NAMESPACE, RunningBroker, access_model, many_of, one_of
from localcloud.authorization.model import AccessModel
from localcloud.servicebus.actions import RECEIVE, SEND
from localcloud.servicebus.broker import Broker


def sql(expression: str, action: str | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"sqlFilter": {"sqlExpression": expression}}
    return rule if action is None else rule | {"action": {"sqlExpression": action}}


TOPICS: dict[str, Any] = {
    "news": {"subscriptions": {"all": {}, "Some": {"maxDeliveryCount": 1}}},
    "filtered": {
        "subscriptions": {
            "red": {"rules": {"red": sql("color = 'red'")}},
            "urgent": {"rules": {"urgent": {"correlationFilter": {"label": "urgent", "properties": {"grade": 1}}}}},
            "none": {"rules": {"none": sql("1=0")}},
            "either": {"rules": {"red": sql("color = 'red'"), "big": sql("size > 10")}},
            "acted": {
                "rules": {
                    "plain": sql("1=1"),
                    "also-plain": sql("color IS NOT NULL"),
                    "Half": sql("size > 1", "SET size = size / 2; REMOVE color"),
                    "Marked": sql("color = 'red'", "SET sys.Label = 'marked'"),
                }
            },
        }
    },
    "failing": {
        "subscriptions": {
            "buried": {"rules": {"bad": sql("sys.Nothing = 1")}},
            "dropped": {
                "deadLetteringOnFilterEvaluationExceptions": False,
                "rules": {"bad": sql("size / 0 = 1"), "good": sql("1=1")},
            },
        }
    },
    "ordered": {"subscriptions": {"sessions": {"requiresSession": True}}},
    "later": {"subscriptions": {"all": {}}, "duplicateDetectionHistoryTimeWindow": "PT1M"},
    "brief": {"defaultMessageTimeToLive": "PT1S", "subscriptions": {"all": {"deadLetteringOnMessageExpiration": True}}},
    "settled": {"subscriptions": {"all": {}}},
    "kept": {"subscriptions": {"all": {}}},
    "guarded": {"subscriptions": {"mine": {}, "other": {}}},
    "empty": {},
    "letters": {"subscriptions": {"all": {}, "Some": {"maxDeliveryCount": 1}}},
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("topics"), {"topics": TOPICS})
    yield running
    running.close()


def received(receiver: ServiceBusReceiver) -> list[ServiceBusReceivedMessage]:
    """What is there, received and completed."""
    messages = receiver.receive_messages(max_message_count=20, max_wait_time=1)
    for message in messages:
        receiver.complete_message(message)
    return messages


def bodies(receiver: ServiceBusReceiver) -> list[str]:
    return [str(message) for message in received(receiver)]


def test_each_subscription_gets_a_copy(broker: RunningBroker) -> None:
    """With the default rule, of every message. Each has its own copy, its own lock and its own number."""
    sender: ServiceBusSender = broker.topic_sender("news")
    sender.send_messages([ServiceBusMessage("1", message_id="m-1"), ServiceBusMessage("2")])
    for subscription in ("all", "Some"):
        first, second = many_of(broker.subscription_receiver("news", subscription), 2)
        assert [str(first), str(second), first.message_id] == ["1", "2", "m-1"]
        assert (first.sequence_number, second.sequence_number) == (1, 2)
        assert (first.enqueued_sequence_number, second.enqueued_sequence_number) == (1, 2)


def test_a_message_is_dead_lettered_in_its_subscription(broker: RunningBroker) -> None:
    """By its receiver, or after its last delivery; the other subscriptions' copies are not concerned."""
    broker.topic_sender("letters").send_messages(ServiceBusMessage("bad"))
    receiver = broker.subscription_receiver("letters", "some")
    receiver.abandon_message(one_of(receiver))
    letters = broker.subscription_receiver("letters", "SOME", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    letter = one_of(letters)
    assert (str(letter), letter.dead_letter_reason) == ("bad", "MaxDeliveryCountExceeded")
    assert letter.dead_letter_source == "letters/Subscriptions/Some"
    letters.complete_message(letter)
    assert bodies(broker.subscription_receiver("letters", "all")) == ["bad"]


def test_rules_choose_the_messages(broker: RunningBroker) -> None:
    """By SQL or by equal values. Several rules that take a message take one copy together."""
    sender = broker.topic_sender("filtered")
    sender.send_messages(
        [
            ServiceBusMessage("red", application_properties={"color": "red", "size": 20}),
            ServiceBusMessage("blue", application_properties={"color": "blue"}),
            ServiceBusMessage("urgent", subject="urgent", application_properties={"grade": 1}),
            ServiceBusMessage("calm", subject="urgent", application_properties={"grade": 2}),
        ]
    )
    expected = {"red": ["red"], "urgent": ["urgent"], "none": [], "either": ["red"]}
    for subscription, messages in expected.items():
        assert bodies(broker.subscription_receiver("filtered", subscription)) == messages


def test_an_action_changes_a_copy_of_its_own(broker: RunningBroker) -> None:
    """Each rule with an action makes a copy, which has the rule's name; the rules without one make one together."""
    sender = broker.topic_sender("filtered")
    receiver = broker.subscription_receiver("filtered", "acted")
    received(receiver)
    sender.send_messages(ServiceBusMessage("x", subject="s", application_properties={"color": "red", "size": 9}))
    plain, half, marked = received(receiver)
    assert (plain.application_properties, plain.subject) == ({b"color": b"red", b"size": 9}, "s")
    assert (half.application_properties, half.subject) == ({b"size": 4, b"RuleName": b"Half"}, "s")
    assert marked.application_properties == {b"color": b"red", b"size": 9, b"RuleName": b"Marked"}
    assert marked.subject == "marked"
    assert len({plain.message_id, half.message_id, marked.message_id}) == 1
    assert len({each.sequence_number for each in (plain, half, marked)}) == 3


def test_a_filter_that_fails_dead_letters_the_message(broker: RunningBroker) -> None:
    """If the subscription says so; otherwise it does not get the message. The sender is not concerned."""
    broker.topic_sender("failing").send_messages(ServiceBusMessage("bad", application_properties={"size": 1}))
    options = {"sub_queue": ServiceBusSubQueue.DEAD_LETTER}
    letter = one_of(broker.subscription_receiver("failing", "buried", **options))
    assert (str(letter), letter.dead_letter_reason) == ("bad", "FilterException")
    assert "no system property 'Nothing'" in (letter.dead_letter_error_description or "")
    assert bodies(broker.subscription_receiver("failing", "dropped")) == []
    assert bodies(broker.subscription_receiver("failing", "dropped", **options)) == []


def test_a_subscription_has_sessions(broker: RunningBroker) -> None:
    """A message without a session is dead-lettered in it, with Service Bus' own reason."""
    broker.topic_sender("ordered").send_messages([ServiceBusMessage("none"), ServiceBusMessage("a1", session_id="a")])
    receiver = broker.subscription_receiver("ordered", "sessions", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5)
    assert str(one_of(receiver)) == "a1"
    receiver.session.set_state(b"state")
    assert receiver.session.get_state() == b"state"
    letter = one_of(broker.subscription_receiver("ordered", "sessions", sub_queue=ServiceBusSubQueue.DEAD_LETTER))
    assert (str(letter), letter.dead_letter_reason) == ("none", "Session ID is null.")


def test_a_topic_schedules_messages(broker: RunningBroker) -> None:
    """It keeps them until they are due, or until they are cancelled; the subscriptions know nothing of them before."""
    sender = broker.topic_sender("later")
    due = datetime.now(UTC) + timedelta(seconds=2)
    (number,) = sender.schedule_messages(ServiceBusMessage("soon"), due)
    (other,) = sender.schedule_messages(ServiceBusMessage("never"), due)
    sender.cancel_scheduled_messages(other)
    receiver = broker.subscription_receiver("later", "all")
    assert receiver.peek_messages(9) == []
    message = one_of(receiver)
    assert datetime.now(UTC) >= due
    assert (str(message), message.enqueued_sequence_number) == ("soon", number)
    receiver.complete_message(message)


def test_a_topic_drops_duplicates(broker: RunningBroker) -> None:
    """Within its window, before any subscription gets them."""
    sender = broker.topic_sender("later")
    for _ in range(2):
        sender.send_messages(ServiceBusMessage("once", message_id="same"))
    assert bodies(broker.subscription_receiver("later", "all")) == ["once"]


def test_a_topics_time_to_live_holds_in_its_subscriptions(broker: RunningBroker) -> None:
    """The shorter one, of the topic, the subscription and the message, holds."""
    broker.topic_sender("brief").send_messages(ServiceBusMessage("brief"))
    letter = one_of(broker.subscription_receiver("brief", "all", sub_queue=ServiceBusSubQueue.DEAD_LETTER))
    assert (str(letter), letter.dead_letter_reason) == ("brief", "TTLExpiredException")


def test_a_subscription_is_settled_like_a_queue(broker: RunningBroker) -> None:
    """Abandon, defer, receive by number, renew, peek."""
    broker.topic_sender("settled").send_messages([ServiceBusMessage("1"), ServiceBusMessage("2")])
    receiver = broker.subscription_receiver("settled", "all")
    receiver.abandon_message(one_of(receiver))
    first = one_of(receiver)
    assert (str(first), first.delivery_count) == ("1", 1)
    receiver.renew_message_lock(first)
    receiver.defer_message(first)
    assert [str(message) for message in receiver.peek_messages(9, sequence_number=1)] == ["1", "2"]
    assert first.sequence_number is not None
    (deferred,) = receiver.receive_deferred_messages(first.sequence_number)
    receiver.complete_message(deferred)
    assert bodies(receiver) == ["2"]


def test_messages_of_a_subscription_survive_a_restart(broker: RunningBroker) -> None:
    """With their numbers."""
    broker.topic_sender("kept").send_messages([ServiceBusMessage("1"), ServiceBusMessage("2")])
    broker.restart()
    messages = received(broker.subscription_receiver("kept", "all"))
    assert [(str(each), each.sequence_number) for each in messages] == [("1", 1), ("2", 2)]


def test_who_may_send_to_a_topic_may_not_receive(broker: RunningBroker) -> None:
    """And a grant on one subscription opens no other: scopes are Azure's."""
    model = access_model({"topics": TOPICS}).model_dump(mode="json", by_alias=False)
    grants = {"sender": ("Sender", "topics/guarded"), "receiver": ("Receiver", "topics/guarded/subscriptions/mine")}
    for name, (role, scope) in grants.items():
        model["workloads"][name]["grants"] = [{"role": role, "scope": f"serviceBus/{scope}"}]
    model["entities"] = {"serviceBus": {"topics": TOPICS}}
    broker.model = AccessModel.model_validate(model)
    try:
        broker.topic_sender("guarded", "sender").send_messages(ServiceBusMessage("x"))
        assert bodies(broker.subscription_receiver("guarded", "mine", "receiver")) == ["x"]
        for refused in (
            broker.subscription_receiver("guarded", "other", "receiver"),
            broker.subscription_receiver("guarded", "mine", "sender"),
        ):
            with pytest.raises(ServiceBusAuthorizationError, match=r"'Listen' claim\(s\) are required"):
                refused.receive_messages(max_wait_time=1)
        with pytest.raises(ServiceBusAuthorizationError, match=r"'Send' claim\(s\) are required"):
            broker.topic_sender("guarded", "receiver").send_messages(ServiceBusMessage("no"))
    finally:
        broker.model = access_model({"topics": TOPICS})
    lines = {(line["action"], line["scope"], line["allowed"]) for line in broker.trail()}
    assert (SEND, "serviceBus/topics/guarded", True) in lines
    assert (RECEIVE, "serviceBus/topics/guarded/subscriptions/mine", True) in lines
    assert (RECEIVE, "serviceBus/topics/guarded/subscriptions/other", False) in lines


@pytest.mark.parametrize(
    ("address", "receive", "condition"),
    [
        ("news", True, "amqp:not-allowed"),
        ("news/Subscriptions/all", False, "amqp:not-allowed"),
        ("news/subscriptions/ALL/$deadletterqueue", False, "amqp:not-allowed"),
        ("news/Subscriptions/nowhere", True, "amqp:not-found"),
        ("news/$DeadLetterQueue", True, "amqp:not-found"),
        ("nowhere/Subscriptions/all", True, "amqp:not-found"),
        ("all", True, "amqp:not-found"),
    ],
)
def test_a_topic_takes_and_a_subscription_gives(
    broker: RunningBroker, address: str, receive: bool, condition: str
) -> None:
    """What is asked of the wrong one is refused in words."""
    wire = Wire(broker)
    wire.ready()
    assert wire.refused(0, address, receive=receive).condition == condition
    wire.close()


def test_a_topics_token_holds_for_its_subscriptions(broker: RunningBroker) -> None:
    """And a subscription's token for this subscription alone."""
    wire = Wire(broker)
    wire.open()
    wire.begin()
    assert wire.put_token(name=f"amqps://{NAMESPACE}/News/Subscriptions/All")["status-code"] == 202
    assert wire.attach(0, "news/Subscriptions/all", receive=True).source is not None
    assert wire.attach(1, "news/subscriptions/all/$management", receive=True).source is not None
    assert wire.refused(2, "news/Subscriptions/some", receive=True).condition == "amqp:unauthorized-access"
    assert wire.refused(3, "news", receive=False).condition == "amqp:unauthorized-access"
    assert wire.put_token(name=f"amqps://{NAMESPACE}/news", attach=False)["status-code"] == 202
    assert wire.attach(4, "news/Subscriptions/some", receive=True).source is not None
    wire.close()


def test_a_topic_without_subscriptions_takes_messages(broker: RunningBroker) -> None:
    """They go nowhere, as in Azure."""
    broker.topic_sender("empty").send_messages(ServiceBusMessage("x"))
    with pytest.raises(ServiceBusError, match="client-error"):
        broker.subscription_receiver("empty", "all").receive_messages(max_wait_time=1)


def test_a_rule_that_is_none_is_told_at_the_start(tmp_path: Any, broker: RunningBroker) -> None:
    """The access file's mistake has the subscription's name and the reason."""
    topics = {"topics": {"t": {"subscriptions": {"s": {"rules": {"r": sql("color =")}}}}}}
    entities = access_model(topics).entities
    with pytest.raises(ValueError, match=r"t/Subscriptions/s .*syntax error"):
        Broker(broker.guard, entities.serviceBus, entities.topics, tmp_path / "db", NAMESPACE)
