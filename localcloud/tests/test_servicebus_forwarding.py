"""Forwarding: what reaches one entity goes on to another of the namespace.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-auto-forwarding
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiver, ServiceBusSubQueue
from azure.servicebus.exceptions import ServiceBusError
from harness.servicebus import RunningBroker, one_of

QUEUES: dict[str, Any] = {
    "inbox": {"forwardTo": "Outbox"},
    "Outbox": {},
    "buried": {"forwardDeadLetteredMessagesTo": "graves", "maxDeliveryCount": 1},
    "graves": {},
    "expiring": {
        "defaultMessageTimeToLive": "PT1S",
        "deadLetteringOnMessageExpiration": True,
        "forwardDeadLetteredMessagesTo": "expired",
    },
    "expired": {},
    "scheduled": {"forwardTo": "due"},
    "due": {},
    "hop0": {"forwardTo": "hop1"},
    "hop1": {"forwardTo": "hop2"},
    "hop2": {"forwardTo": "hop3"},
    "hop3": {"forwardTo": "hop4"},
    "hop4": {},
    "long0": {"forwardTo": "long1"},
    "long1": {"forwardTo": "long2"},
    "long2": {"forwardTo": "long3"},
    "long3": {"forwardTo": "long4"},
    "long4": {"forwardTo": "hop4"},
    "ping": {"forwardTo": "pong", "forwardDeadLetteredMessagesTo": "pong"},
    "pong": {"forwardTo": "ping", "forwardDeadLetteredMessagesTo": "ping"},
    "unordered": {"forwardTo": "ordered"},
    "ordered": {"requiresSession": True},
    "publishing": {"forwardTo": "news"},
    "reader": {},
    "once": {"duplicateDetectionHistoryTimeWindow": "PT1M"},
    "twice": {"forwardTo": "once"},
    "later": {},
    "topics": {
        "news": {"subscriptions": {"reader": {"forwardTo": "reader"}, "nested": {"forwardTo": "second"}}},
        "second": {"subscriptions": {"all": {}}},
    },
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("forwarding"), QUEUES)
    yield running
    running.close()


def completed(receiver: ServiceBusReceiver) -> Any:
    """The next message, completed."""
    message = one_of(receiver)
    receiver.complete_message(message)
    return message


def test_what_is_sent_to_one_queue_comes_from_another(broker: RunningBroker) -> None:
    """With a number of the destination's; the number that it had first stays on it. Nothing is left at the source."""
    broker.send("outbox", "before")
    broker.send("inbox", "forwarded", subject="s", application_properties={"k": 1})
    receiver = broker.receiver("outbox")
    completed(receiver)
    message = completed(receiver)
    assert (str(message), message.subject, message.application_properties) == ("forwarded", "s", {b"k": 1})
    assert (message.sequence_number, message.enqueued_sequence_number) == (2, 1)


def test_a_queue_that_forwards_has_no_receiver(broker: RunningBroker) -> None:
    """It is refused in words."""
    with pytest.raises(ServiceBusError, match="auto-forwarding enabled"):
        broker.receiver("inbox").receive_messages(max_wait_time=1)


def test_dead_letters_are_forwarded(broker: RunningBroker) -> None:
    """With their reason and their source: those of a receiver, of a used-up delivery count and of an expiry."""
    broker.send("buried", "rejected", "exhausted")
    receiver = broker.receiver("buried")
    receiver.dead_letter_message(one_of(receiver), reason="why", error_description="what")
    receiver.abandon_message(one_of(receiver))
    graves = broker.receiver("graves")
    rejected, exhausted = completed(graves), completed(graves)
    assert (str(rejected), rejected.dead_letter_reason, rejected.dead_letter_source) == ("rejected", "why", "buried")
    assert (str(exhausted), exhausted.dead_letter_reason) == ("exhausted", "MaxDeliveryCountExceeded")
    assert (rejected.delivery_count, exhausted.delivery_count) == (0, 0)
    broker.send("expiring", "old")
    expired = completed(broker.receiver("expired"))
    assert (str(expired), expired.dead_letter_reason) == ("old", "TTLExpiredException")


def test_a_scheduled_message_is_forwarded_when_it_is_due(broker: RunningBroker) -> None:
    """Until then it waits at the source, and can be cancelled there."""
    due = datetime.now(UTC) + timedelta(seconds=2)
    sender = broker.sender("scheduled")
    sender.schedule_messages(ServiceBusMessage("due"), due)
    (number,) = sender.schedule_messages(ServiceBusMessage("never"), due)
    sender.cancel_scheduled_messages(number)
    message = completed(broker.receiver("due"))
    assert (str(message), datetime.now(UTC) >= due) == ("due", True)


def test_four_hops_are_made_and_no_fifth(broker: RunningBroker) -> None:
    """A message that would be forwarded once more is dead-lettered where it is, with Service Bus' own reason."""
    broker.send("hop0", "four")
    assert str(completed(broker.receiver("hop4"))) == "four"
    broker.send("long0", "five")
    letter = completed(broker.dead_letters("long4"))
    assert (str(letter), letter.dead_letter_reason) == ("five", "MaxTransferHopCountExceeded")
    assert broker.receiver("hop4").receive_messages(max_wait_time=1) == []


def test_a_circle_ends(broker: RunningBroker) -> None:
    """Two queues that forward to each other, dead letters included: the message stops after its hops."""
    broker.send("ping", "round")
    letters = [broker.dead_letters(queue) for queue in ("ping", "pong")]
    with pytest.raises(ServiceBusError, match="auto-forwarding enabled"):
        letters[0].receive_messages(max_wait_time=1)
    held = [state for queue in broker.broker._namespace if (state := queue.counts).active and "p" in queue.name[:1]]
    assert [counts.active for counts in held] == [1]


def test_what_the_destination_refuses_is_dead_lettered(broker: RunningBroker) -> None:
    """A message without a session does not get into a queue that requires sessions; one with a session does."""
    sender = broker.sender("unordered")
    sender.send_messages([ServiceBusMessage("none"), ServiceBusMessage("a1", session_id="a")])
    letter = completed(broker.dead_letters("unordered"))
    assert (str(letter), letter.dead_letter_reason) == ("none", "amqp:not-allowed")
    assert "The SessionId was not set" in (letter.dead_letter_error_description or "")
    assert str(completed(broker.receiver("ordered", session_id="a"))) == "a1"


def test_topics_and_subscriptions_are_chained(broker: RunningBroker) -> None:
    """A queue forwards to a topic, a subscription to a queue and to another topic."""
    broker.send("publishing", "x")
    message = completed(broker.receiver("reader"))
    assert (str(message), message.enqueued_sequence_number) == ("x", 1)
    assert str(completed(broker.subscription_receiver("second", "all"))) == "x"


def test_the_destination_detects_duplicates(broker: RunningBroker) -> None:
    """Of what is forwarded too."""
    for _ in range(2):
        broker.send("twice", "x", message_id="same")
    receiver = broker.receiver("once")
    assert str(completed(receiver)) == "x"
    assert receiver.receive_messages(max_wait_time=1) == []


def test_who_sends_needs_no_right_at_the_destination(broker: RunningBroker) -> None:
    """The right to send to the source suffices, as in Azure; the trail names the source."""
    before = len(broker.trail())
    broker.sender("inbox", "sender").send_messages(ServiceBusMessage("x"))
    assert {line["scope"] for line in broker.trail()[before:]} == {"serviceBus/inbox"}


def test_what_lay_in_a_queue_is_forwarded_once_it_says_so(broker: RunningBroker) -> None:
    """After a restart with another access file, the messages that were there go on, dead letters included."""
    broker.send("later", "waiting")
    queue = broker.model.entities.serviceBus["later"]
    broker.model.entities.serviceBus["later"] = queue.model_copy(update={"forwardTo": "due"})
    broker.restart()
    receiver = broker.client().get_queue_receiver("due")
    with receiver:
        assert str(completed(receiver)) == "waiting"


def test_dead_letters_of_a_subscription_are_its_own(broker: RunningBroker) -> None:
    """A subscription that forwards keeps its dead letters unless these are forwarded too."""
    with broker.client() as client:
        letters = client.get_subscription_receiver("news", "reader", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
        with letters:
            assert letters.receive_messages(max_wait_time=1) == []
