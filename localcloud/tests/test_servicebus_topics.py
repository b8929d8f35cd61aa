"""Topics and subscriptions: what only a local cloud can show of them, and who may use them.

https://learn.microsoft.com/azure/service-bus-messaging/topic-filters
"""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import ServiceBusAuthorizationError, ServiceBusError
from harness.amqp_wire import Wire
from harness.servicebus import NAMESPACE, RunningBroker, access_model, all_of, bodies, one_of
from localcloud.authorization.model import AccessModel
from localcloud.servicebus.actions import RECEIVE, SEND
from localcloud.servicebus.broker import Broker


def sql(expression: str, action: str | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"sqlFilter": {"sqlExpression": expression}}
    return rule if action is None else rule | {"action": {"sqlExpression": action}}


TOPICS: dict[str, Any] = {
    "news": {"subscriptions": {"all": {}, "Some": {"maxDeliveryCount": 1}}},
    "failing": {"subscriptions": {"buried": {"rules": {"bad": sql("sys.Nothing = 1")}}}},
    "later": {"subscriptions": {"all": {}}, "duplicateDetectionHistoryTimeWindow": "PT1M"},
    "brief": {"defaultMessageTimeToLive": "PT1S", "subscriptions": {"all": {"deadLetteringOnMessageExpiration": True}}},
    "kept": {"subscriptions": {"all": {}}},
    "guarded": {"subscriptions": {"mine": {}, "other": {}}},
    "empty": {},
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("topics"), {"topics": TOPICS})
    yield running
    running.close()


def test_dead_letters_of_a_subscription_say_where_from_and_why(broker: RunningBroker) -> None:
    """The subscription's address as their source. A filter that failed is told by its error."""
    broker.topic_sender("news").send_messages(ServiceBusMessage("bad"))
    receiver = broker.subscription_receiver("news", "some")
    receiver.abandon_message(one_of(receiver))
    letter = one_of(broker.subscription_receiver("news", "SOME", sub_queue=ServiceBusSubQueue.DEAD_LETTER))
    assert letter.dead_letter_source == "news/Subscriptions/Some"
    broker.topic_sender("failing").send_messages(ServiceBusMessage("bad"))
    letter = one_of(broker.subscription_receiver("failing", "buried", sub_queue=ServiceBusSubQueue.DEAD_LETTER))
    assert letter.dead_letter_reason == "FilterException"
    assert "no system property 'Nothing'" in (letter.dead_letter_error_description or "")


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


def test_messages_of_a_subscription_survive_a_restart(broker: RunningBroker) -> None:
    """With their numbers."""
    broker.topic_sender("kept").send_messages([ServiceBusMessage("1"), ServiceBusMessage("2")])
    broker.restart()
    messages = all_of(broker.subscription_receiver("kept", "all"))
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
