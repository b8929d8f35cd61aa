"""Topics and subscriptions: who gets which message, and what rules make of it.

https://learn.microsoft.com/azure/service-bus-messaging/topic-filters
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusMessage,
    ServiceBusSubQueue,
)
from conformance.targets import Namespace, Target
from harness.servicebus import all_of, bodies, many_of, one_of


def sql(expression: str, action: str | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"sqlFilter": {"sqlExpression": expression}}
    return rule if action is None else rule | {"action": {"sqlExpression": action}}


TOPICS: dict[str, Any] = {
    "news": {"subscriptions": {"all": {}, "Some": {}}},
    "letters": {"subscriptions": {"all": {}, "Some": {"maxDeliveryCount": 1}}},
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
    "later": {"subscriptions": {"all": {}}},
    "settled": {"subscriptions": {"all": {}}},
}


@pytest.fixture(scope="module")
def topics(target: Target) -> Iterator[Namespace]:
    """These topics, with their subscriptions and rules."""
    with target.namespace({}, TOPICS) as namespace:
        yield namespace


@pytest.fixture
def namespace(topics: Namespace) -> Iterator[Namespace]:
    yield topics
    topics.release()


def test_each_subscription_gets_a_copy(namespace: Namespace) -> None:
    """With the default rule, of every message. Each has its own copy, its own lock and its own number."""
    sender = namespace.topic_sender("news")
    sender.send_messages([ServiceBusMessage("1", message_id="m-1"), ServiceBusMessage("2")])
    for subscription in ("all", "Some"):
        first, second = many_of(namespace.subscription_receiver("news", subscription), 2)
        assert [str(first), str(second), first.message_id] == ["1", "2", "m-1"]
        assert (first.sequence_number, second.sequence_number) == (1, 2)
        assert (first.enqueued_sequence_number, second.enqueued_sequence_number) == (1, 2)


def test_a_message_is_dead_lettered_in_its_subscription(namespace: Namespace) -> None:
    """By its receiver, or after its last delivery; the other subscriptions' copies are not concerned."""
    namespace.topic_sender("letters").send_messages(ServiceBusMessage("bad"))
    receiver = namespace.subscription_receiver("letters", "some")
    receiver.abandon_message(one_of(receiver))
    letters = namespace.subscription_receiver("letters", "SOME", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    letter = one_of(letters)
    assert (str(letter), letter.dead_letter_reason) == ("bad", "MaxDeliveryCountExceeded")
    letters.complete_message(letter)
    assert bodies(namespace.subscription_receiver("letters", "all")) == ["bad"]


def test_rules_choose_the_messages(namespace: Namespace) -> None:
    """By SQL or by equal values. Several rules that take a message take one copy together."""
    sender = namespace.topic_sender("filtered")
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
        assert bodies(namespace.subscription_receiver("filtered", subscription)) == messages


def test_an_action_changes_a_copy_of_its_own(namespace: Namespace) -> None:
    """Each rule with an action makes a copy, which has the rule's name; the rules without one make one together."""
    sender = namespace.topic_sender("filtered")
    receiver = namespace.subscription_receiver("filtered", "acted")
    all_of(receiver)
    sender.send_messages(ServiceBusMessage("x", subject="s", application_properties={"color": "red", "size": 9}))
    plain, half, marked = all_of(receiver)
    assert (plain.application_properties, plain.subject) == ({b"color": b"red", b"size": 9}, "s")
    assert (half.application_properties, half.subject) == ({b"size": 4, b"RuleName": b"Half"}, "s")
    assert marked.application_properties == {b"color": b"red", b"size": 9, b"RuleName": b"Marked"}
    assert marked.subject == "marked"
    assert len({plain.message_id, half.message_id, marked.message_id}) == 1
    assert len({each.sequence_number for each in (plain, half, marked)}) == 3


def test_a_filter_that_fails_dead_letters_the_message(namespace: Namespace) -> None:
    """If the subscription says so; otherwise it does not get the message. The sender is not concerned."""
    namespace.topic_sender("failing").send_messages(ServiceBusMessage("bad", application_properties={"size": 1}))
    options = {"sub_queue": ServiceBusSubQueue.DEAD_LETTER}
    letter = one_of(namespace.subscription_receiver("failing", "buried", **options))
    assert str(letter) == "bad"
    assert bodies(namespace.subscription_receiver("failing", "dropped")) == []
    assert bodies(namespace.subscription_receiver("failing", "dropped", **options)) == []


def test_a_subscription_has_sessions(namespace: Namespace) -> None:
    """A message without a session is dead-lettered in it, with Service Bus' own reason."""
    namespace.topic_sender("ordered").send_messages(
        [ServiceBusMessage("none"), ServiceBusMessage("a1", session_id="a")]
    )
    receiver = namespace.subscription_receiver(
        "ordered", "sessions", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5
    )
    assert str(one_of(receiver)) == "a1"
    receiver.session.set_state(b"state")
    assert receiver.session.get_state() == b"state"
    letter = one_of(namespace.subscription_receiver("ordered", "sessions", sub_queue=ServiceBusSubQueue.DEAD_LETTER))
    assert (str(letter), letter.dead_letter_reason) == ("none", "Session ID is null.")


def test_a_topic_schedules_messages(namespace: Namespace) -> None:
    """It keeps them until they are due, or until they are cancelled; the subscriptions know nothing of them before."""
    sender = namespace.topic_sender("later")
    due = datetime.now(UTC) + timedelta(seconds=2)
    (number,) = sender.schedule_messages(ServiceBusMessage("soon"), due)
    (other,) = sender.schedule_messages(ServiceBusMessage("never"), due)
    sender.cancel_scheduled_messages(other)
    receiver = namespace.subscription_receiver("later", "all")
    assert receiver.peek_messages(9) == []
    message = one_of(receiver)
    assert datetime.now(UTC) >= due
    assert (str(message), message.enqueued_sequence_number) == ("soon", number)
    receiver.complete_message(message)


def test_a_subscription_is_settled_like_a_queue(namespace: Namespace) -> None:
    """Abandon, defer, receive by number, renew, peek."""
    namespace.topic_sender("settled").send_messages([ServiceBusMessage("1"), ServiceBusMessage("2")])
    receiver = namespace.subscription_receiver("settled", "all")
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
