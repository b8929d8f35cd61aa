"""What time does to messages: locks end, lives end, windows end, schedules come due, tokens expire."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import AutoLockRenewer, ServiceBusMessage
from azure.servicebus.exceptions import MessageLockLostError
from harness.amqp_wire import Wire
from harness.servicebus import Credential, RunningBroker, many_of, one_of, until
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.frames import HEARTBEAT
from localcloud.servicebus.amqp.performatives import Close, Detach

QUEUES: dict[str, dict[str, Any]] = {
    "brief": {"lockDuration": "PT0.5S", "maxDeliveryCount": 2},
    "renewed": {"lockDuration": "PT1S"},
    "dropping": {"defaultMessageTimeToLive": "PT1S"},
    "burying": {"deadLetteringOnMessageExpiration": True},
    "patient": {"deadLetteringOnMessageExpiration": True},
    "patient-deferred": {"deadLetteringOnMessageExpiration": True},
    "unique": {"duplicateDetectionHistoryTimeWindow": "PT2S"},
    **{name: {} for name in ("living", "scheduled", "cancelled", "repeating", "expiring")},
}


class Clock:
    """The time of day, and as much later as a test says."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("time"), QUEUES)
    running.connect()
    yield running
    running.close()


def test_a_lock_that_ends_makes_the_message_available_again(broker: RunningBroker) -> None:
    """Without being asked; the delivery is counted, the old lock settles nothing, and the last one is dead-lettered."""
    broker.send("brief", "slow")
    receiver = broker.receiver("brief")
    first, second = one_of(receiver), one_of(receiver)
    assert (second.message_id, second.delivery_count) == (first.message_id, 1)
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(first)
    letter = one_of(broker.dead_letters("brief"))
    assert letter.dead_letter_reason == "MaxDeliveryCountExceeded"


def test_a_renewed_lock_holds(broker: RunningBroker) -> None:
    """The SDK's own renewer keeps a message for longer than its lock would last."""
    broker.send("renewed", "long")
    receiver = broker.receiver("renewed")
    with AutoLockRenewer(max_lock_renewal_duration=30) as renewer:
        message = one_of(receiver)
        first = message.locked_until_utc
        renewer.register(receiver, message)
        assert first is not None
        until(lambda: datetime.now(UTC) > first + timedelta(seconds=0.2))
        receiver.complete_message(message)


@pytest.mark.parametrize(("queue", "life"), [("living", 1.0), ("dropping", None)], ids=["its own", "the queue's"])
def test_an_expired_message_is_dropped(broker: RunningBroker, queue: str, life: float | None) -> None:
    """Azure's default: the queue does not keep its expired messages."""
    receiver = broker.receiver(queue)
    assert receiver.peek_messages() == []  # it is connected now
    broker.send(queue, "brief", time_to_live=None if life is None else timedelta(seconds=life))
    assert len(receiver.peek_messages(sequence_number=1)) == 1
    until(lambda: receiver.peek_messages(sequence_number=1) == [])
    assert receiver.receive_messages(max_wait_time=1) == []
    assert broker.dead_letters(queue).peek_messages() == []


def test_an_expired_message_is_dead_lettered_where_the_queue_says_so(broker: RunningBroker) -> None:
    """With Service Bus' own reason, and without a request for it."""
    broker.send("burying", "brief", time_to_live=timedelta(seconds=0.3))
    letter = one_of(broker.dead_letters("burying"))
    assert (str(letter), letter.dead_letter_reason) == ("brief", "TTLExpiredException")


def test_a_deferred_message_outlives_its_time(broker: RunningBroker) -> None:
    """It is kept until its receiver asks for it, and is no dead letter.

    https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues#time-to-live
    """
    receiver, dead_letters = broker.receiver("patient-deferred"), broker.dead_letters("patient-deferred")
    assert dead_letters.peek_messages() == []
    broker.send("patient-deferred", "later", time_to_live=timedelta(seconds=1))
    message = one_of(receiver)
    receiver.defer_message(message)
    expires, number = message.expires_at_utc, message.sequence_number
    assert expires is not None
    assert number is not None
    until(lambda: datetime.now(UTC) > expires + timedelta(seconds=0.2))
    assert [str(each) for each in receiver.peek_messages(sequence_number=1)] == ["later"]
    (deferred,) = receiver.receive_deferred_messages(number)
    receiver.complete_message(deferred)
    assert dead_letters.peek_messages() == []


def test_a_locked_message_outlives_its_time(broker: RunningBroker) -> None:
    """The holder of the lock may still complete it, and it is no dead letter until the lock is given up."""
    receiver, dead_letters = broker.receiver("patient"), broker.dead_letters("patient")
    assert dead_letters.peek_messages() == []
    broker.send("patient", "kept", "given up", time_to_live=timedelta(seconds=1))
    kept, given_up = many_of(receiver, 2)
    expires = kept.expires_at_utc
    assert expires is not None
    until(lambda: datetime.now(UTC) > expires + timedelta(seconds=0.2))
    assert dead_letters.peek_messages() == []
    receiver.complete_message(kept)
    receiver.abandon_message(given_up)
    assert str(one_of(dead_letters)) == "given up"


def test_a_repeated_message_id_is_taken_and_dropped_within_its_window(broker: RunningBroker) -> None:
    """Single or in a batch, while the first one waits or after it is gone; past the window it is a new message."""
    sender, receiver = broker.sender("unique"), broker.receiver("unique")
    sender.send_messages(ServiceBusMessage("first", message_id="same"))
    sent = time.monotonic()
    sender.send_messages(ServiceBusMessage("second", message_id="same"))
    receiver.complete_message(one_of(receiver))
    batch = [ServiceBusMessage("third", message_id="same"), ServiceBusMessage("another", message_id="other")]
    sender.send_messages(batch)
    assert str(one_of(receiver)) == "another"
    until(lambda: time.monotonic() > sent + 2.1)
    sender.send_messages(ServiceBusMessage("fourth", message_id="same"))
    assert str(one_of(receiver)) == "fourth"


def test_without_duplicate_detection_every_message_counts(broker: RunningBroker) -> None:
    """A queue that does not look at message ids drops none."""
    broker.send("repeating", "0", "1", message_id="same")
    assert [str(message) for message in broker.receiver("repeating").peek_messages(5)] == ["0", "1"]


def test_a_connection_whose_token_expired_is_closed(broker: RunningBroker) -> None:
    """Its links are detached as Azure detaches them, whether the client says something or not."""
    wire = Wire(broker)
    wire.open()
    wire.begin()
    wire.put_token(lifetime=2)
    wire.attach(1, "repeating", receive=True)
    *before, closed = wire.everything()
    assert isinstance(closed, Close)
    assert read(closed.error).condition == "amqp:connection:forced"  # type: ignore[attr-defined]
    detached = [read(one.error) for one in before if isinstance(one, Detach) and one.handle == 1]
    assert [error.condition for error in detached] == ["amqp:link:detach-forced"]  # type: ignore[attr-defined]
    assert re.search(r"Code: RenewToken.*'Listen' claim\(s\) are required", detached[0].description)  # type: ignore[attr-defined]


def test_the_sdk_comes_back_with_a_new_token(broker: RunningBroker) -> None:
    """A client whose token ran out unnoticed shows another and goes on."""
    lifetimes = [2.0]
    credential = Credential("both", lambda: lifetimes[-1])
    sender = broker.sender("expiring", credential=credential, retry_total=3)
    sender.send_messages(ServiceBusMessage("before"))
    lifetimes.append(3600)
    connections = broker.connections()
    until(lambda: broker.connections() < connections)
    sender.send_messages(ServiceBusMessage("after"))
    assert len(broker.receiver("expiring").peek_messages(5)) == 2


def test_an_expired_token_is_not_taken(broker: RunningBroker) -> None:
    """Service Bus' own words; nothing of the token is in them."""
    wire = Wire(broker)
    wire.open()
    wire.begin()
    answer = wire.put_token(lifetime=-10)
    assert answer["status-code"] == 401
    assert answer["status-description"].startswith("ExpiredToken: The token is expired. Expiration time: '")
    wire.close()


def test_a_token_that_is_renewed_keeps_the_connection(tmp_path: Path) -> None:
    """The clock passes the first token's end, but another was shown before; past that one's, it is over."""
    clock = Clock()
    broker = RunningBroker(tmp_path, {"plain": {}}, clock=clock)
    try:
        wire = Wire(broker)
        wire.open()
        wire.begin()
        wire.put_token(lifetime=60)
        assert wire.put_token(lifetime=3600, attach=False)["status-code"] == 202
        clock.ahead = 120
        assert wire.attach(1, "plain", receive=True).source is not None
        clock.ahead = 7200
        wire.raw(HEARTBEAT)
        assert isinstance(wire.everything()[-1], Close)
    finally:
        broker.close()
