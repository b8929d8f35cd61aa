"""Messages from a sender to a receiver, and how deliveries end, with the real SDK in both of its flavours."""

import itertools
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusReceiver,
    ServiceBusSender,
    ServiceBusSubQueue,
)
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageHeader, AmqpMessageProperties
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    ServiceBusError,
)

from tests.localcloud.servicebus import RunningBroker, many_of, one_of

QUEUES: dict[str, dict[str, Any]] = {f"q{number}": {"maxDeliveryCount": 3} for number in range(20)}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("messages"), QUEUES)
    running.connect()
    yield running
    running.close()


@pytest.fixture(scope="module")
def unused() -> Iterator[str]:
    return iter(QUEUES)


@pytest.fixture
def queue(unused: Iterator[str]) -> str:
    """A queue that no other test uses."""
    return next(unused)


@pytest.fixture
def sender(broker: RunningBroker, queue: str) -> ServiceBusSender:
    return broker.sender(queue)


@pytest.fixture
def receiver(broker: RunningBroker, queue: str) -> ServiceBusReceiver:
    return broker.receiver(queue)


@pytest.fixture
def dead_letters(broker: RunningBroker, queue: str) -> ServiceBusReceiver:
    return broker.dead_letters(queue)


def test_a_message_arrives_with_everything_its_sender_put_on_it(
    sender: ServiceBusSender, receiver: ServiceBusReceiver
) -> None:
    """Header, annotations, properties, body and footer are the sender's; the rest is the broker's."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    sender.send_messages(
        AmqpAnnotatedMessage(
            data_body=[b"one", b"two"],
            header=AmqpMessageHeader(durable=True, priority=7, time_to_live=60_000),
            properties=AmqpMessageProperties(
                message_id="m-1", subject="s", correlation_id="c", content_type="text/plain", reply_to="r", to="t"
            ),
            application_properties={"text": "é", "number": 5, "flag": True, "id": uuid.UUID(int=7), "octets": b"\x00"},
            annotations={"x-mine": [1, "two"]},
            footer={"check": "sum"},
        )
    )
    message = one_of(receiver)
    raw = message.raw_amqp_message
    assert b"".join(message.body) == b"onetwo"
    assert raw.header is not None
    assert (raw.header.durable, raw.header.priority, raw.header.time_to_live) == (True, 7, 60_000)
    assert (message.message_id, message.subject, message.correlation_id) == ("m-1", "s", "c")
    assert (message.content_type, message.reply_to, message.to) == ("text/plain", "r", "t")
    assert message.application_properties == {
        b"text": "é".encode(),
        b"number": 5,
        b"flag": True,
        b"id": uuid.UUID(int=7),
        b"octets": b"\x00",
    }
    assert raw.annotations is not None
    assert raw.annotations[b"x-mine"] == [1, b"two"]
    assert raw.footer == {b"check": b"sum"}
    assert (message.sequence_number, message.enqueued_sequence_number, message.delivery_count) == (1, 1, 0)
    assert message.enqueued_time_utc is not None
    assert before < message.enqueued_time_utc < before + timedelta(seconds=10)
    assert message.locked_until_utc is not None
    receiver.complete_message(message)


@pytest.mark.parametrize("body", ["text", b"", {"a": [1, 2]}], ids=["text", "empty", "value"])
def test_bodies_of_every_kind_arrive(sender: ServiceBusSender, receiver: ServiceBusReceiver, body: Any) -> None:
    """A broker looks into no body."""
    kind = {"value_body": body} if isinstance(body, dict) else {"data_body": body}
    sender.send_messages(AmqpAnnotatedMessage(**kind))
    message = one_of(receiver)
    if isinstance(body, dict):
        assert message.raw_amqp_message.body == {b"a": [1, 2]}
    else:
        assert b"".join(message.body) == (body.encode() if isinstance(body, str) else body)
    receiver.complete_message(message)


def test_messages_come_in_the_order_they_were_sent(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> None:
    """A list and a batch are each one transfer of many messages, numbered one by one."""
    sender.send_messages([ServiceBusMessage(str(number)) for number in range(5)])
    batch = sender.create_message_batch()
    for number in range(5, 10):
        batch.add_message(ServiceBusMessage(str(number)))
    sender.send_messages(batch)
    received = many_of(receiver, 10)
    assert [str(message) for message in received] == [str(number) for number in range(10)]
    assert [message.sequence_number for message in received] == list(range(1, 11))
    for message in received:
        receiver.complete_message(message)


def test_a_message_of_many_frames_arrives_whole(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> None:
    """200 KB are four frames each way."""
    body = bytes(itertools.islice(itertools.cycle(range(256)), 200_000))
    sender.send_messages(ServiceBusMessage(body))
    message = one_of(receiver)
    assert b"".join(message.body) == body
    receiver.complete_message(message)


def test_a_message_over_256_kb_is_refused(sender: ServiceBusSender) -> None:
    """The Standard tier's limit, as the SDK's own error; the sender is usable after it."""
    with pytest.raises(MessageSizeExceededError):
        sender.send_messages(ServiceBusMessage(bytes(257 * 1024)))
    sender.send_messages(ServiceBusMessage("small"))


def test_complete_removes_the_message(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> None:
    """After it there is nothing to receive or to peek at."""
    sender.send_messages(ServiceBusMessage("once"))
    receiver.complete_message(one_of(receiver))
    assert receiver.peek_messages() == []


def test_abandon_counts_the_delivery_and_keeps_the_place(
    sender: ServiceBusSender, receiver: ServiceBusReceiver
) -> None:
    """An abandoned message comes again before those behind it."""
    sender.send_messages([ServiceBusMessage("first"), ServiceBusMessage("second")])
    receiver.abandon_message(one_of(receiver))
    again = one_of(receiver)
    assert (str(again), again.delivery_count) == ("first", 1)


def test_the_last_delivery_is_followed_by_the_dead_letter_queue(
    sender: ServiceBusSender, receiver: ServiceBusReceiver, dead_letters: ServiceBusReceiver, queue: str
) -> None:
    """A message abandoned as often as the queue allows is dead-lettered with Service Bus' own reason."""
    sender.send_messages(ServiceBusMessage("poison"))
    counts = []
    for _ in range(3):
        message = one_of(receiver)
        counts.append(message.delivery_count)
        receiver.abandon_message(message)
    assert counts == [0, 1, 2]
    letter = one_of(dead_letters)
    assert letter.dead_letter_reason == "MaxDeliveryCountExceeded"
    assert letter.dead_letter_error_description == "Message could not be consumed after 3 delivery attempts."
    assert (letter.dead_letter_source, letter.delivery_count) == (queue, 3)
    dead_letters.complete_message(letter)
    assert receiver.peek_messages() == []


def test_a_dead_letter_says_why(
    sender: ServiceBusSender, receiver: ServiceBusReceiver, dead_letters: ServiceBusReceiver
) -> None:
    """Reason and description are the receiver's; the message's own properties stay beside them."""
    sender.send_messages(ServiceBusMessage("bad", application_properties={"mine": 1}, message_id="kept"))
    receiver.dead_letter_message(one_of(receiver), reason="Unreadable", error_description="It is no JSON.")
    letter = one_of(dead_letters)
    assert (letter.dead_letter_reason, letter.dead_letter_error_description) == ("Unreadable", "It is no JSON.")
    assert letter.application_properties is not None
    assert letter.application_properties[b"mine"] == 1
    assert (letter.message_id, str(letter)) == ("kept", "bad")
    dead_letters.complete_message(letter)


def test_a_dead_letter_stays_however_often_it_is_abandoned(
    sender: ServiceBusSender, receiver: ServiceBusReceiver, dead_letters: ServiceBusReceiver
) -> None:
    """There is no queue behind the dead-letter queue: what is in it waits."""
    sender.send_messages(ServiceBusMessage("bad"))
    receiver.dead_letter_message(one_of(receiver))
    for _ in range(5):
        dead_letters.abandon_message(one_of(dead_letters))
    letter = one_of(dead_letters)
    with pytest.raises(ServiceBusError, match="not-allowed"):
        dead_letters.dead_letter_message(letter)


def test_a_deferred_message_is_received_by_its_number_only(
    sender: ServiceBusSender, receiver: ServiceBusReceiver
) -> None:
    """Set aside, it is passed over; asked for by number, it is locked and completed as any other."""
    sender.send_messages([ServiceBusMessage("later"), ServiceBusMessage("now")])
    first = one_of(receiver)
    assert first.sequence_number is not None
    receiver.defer_message(first)
    now = one_of(receiver)
    assert str(now) == "now"
    receiver.complete_message(now)
    (later,) = receiver.receive_deferred_messages(first.sequence_number)
    assert (str(later), later.delivery_count) == ("later", 1)
    with pytest.raises(MessageNotFoundError):
        receiver.receive_deferred_messages(first.sequence_number)
    receiver.complete_message(later)
    assert receiver.peek_messages() == []


def test_receive_and_delete_needs_no_settling(broker: RunningBroker, sender: ServiceBusSender, queue: str) -> None:
    """A message is gone when it is handed out."""
    sender.send_messages(ServiceBusMessage("once"))
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    receiver = broker.receiver(queue, receive_mode=mode)
    assert str(one_of(receiver)) == "once"
    assert receiver.peek_messages() == []


def test_peek_shows_messages_in_every_state_and_changes_none(
    sender: ServiceBusSender, receiver: ServiceBusReceiver
) -> None:
    """Locked, deferred and scheduled ones, from any number on, as often as one likes."""
    sender.send_messages([ServiceBusMessage(str(number)) for number in range(4)])
    receiver.defer_message(one_of(receiver))
    locked = one_of(receiver)
    sender.schedule_messages(ServiceBusMessage("4"), datetime.now(UTC) + timedelta(hours=1))
    for _ in range(2):
        assert [str(message) for message in receiver.peek_messages(10, sequence_number=1)] == ["0", "1", "2", "3", "4"]
    states = [message.state.value for message in receiver.peek_messages(10, sequence_number=1)]
    assert states == [1, 0, 0, 0, 2]
    assert [str(message) for message in receiver.peek_messages(2, sequence_number=3)] == ["2", "3"]
    receiver.complete_message(locked)


def test_closing_a_receiver_gives_prefetched_messages_back(
    broker: RunningBroker, sender: ServiceBusSender, queue: str
) -> None:
    """What it had fetched and not looked at comes to the next receiver as if it had never gone out."""
    sender.send_messages([ServiceBusMessage(str(number)) for number in range(10)])
    with broker.receiver(queue, prefetch_count=10) as receiver:
        receiver.complete_message(one_of(receiver))
    rest = many_of(broker.receiver(queue), 9)
    assert [(str(message), message.delivery_count) for message in rest] == [(str(n), 0) for n in range(1, 10)]


def test_a_receiver_that_waits_gets_a_message_when_it_comes(
    sender: ServiceBusSender, receiver: ServiceBusReceiver
) -> None:
    """Nothing polls: the message goes out in the turn that brought it in."""
    assert receiver.receive_messages(max_wait_time=1) == []
    sender.send_messages(ServiceBusMessage("new"))
    assert str(one_of(receiver)) == "new"


def test_settling_twice_is_told(
    broker: RunningBroker, sender: ServiceBusSender, receiver: ServiceBusReceiver, queue: str
) -> None:
    """A lock that is gone is the SDK's MessageLockLostError, over the link and over management."""
    sender.send_messages(ServiceBusMessage("once"))
    message = one_of(receiver)
    other = broker.receiver(queue, prefetch_count=0)
    other._settle_message_via_mgmt_link("completed", [message.lock_token])  # type: ignore[list-item]
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(message)
    with pytest.raises(MessageLockLostError):
        other._renew_locks(message.lock_token)  # type: ignore[arg-type]


async def test_the_asyncio_client_does_it_all(broker: RunningBroker, queue: str) -> None:
    """The worker's flavour: send, receive, renew, settle in each way, dead letters."""
    async with (
        broker.aio_client() as client,
        client.get_queue_sender(queue) as sender,
        client.get_queue_receiver(queue) as receiver,
    ):
        await sender.send_messages([ServiceBusMessage(str(number)) for number in range(3)])
        messages: list[ServiceBusReceivedMessage] = []
        while len(messages) < 3:
            messages += await receiver.receive_messages(max_message_count=3, max_wait_time=5)
        await receiver.renew_message_lock(messages[0])
        await receiver.complete_message(messages[0])
        await receiver.dead_letter_message(messages[1], reason="no")
        await receiver.abandon_message(messages[2])
        (again,) = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
        assert (str(again), again.delivery_count) == ("2", 1)
        await receiver.complete_message(again)
        async with client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead_letters:
            (letter,) = await dead_letters.receive_messages(max_message_count=1, max_wait_time=5)
            assert (str(letter), letter.dead_letter_reason) == ("1", "no")
            await dead_letters.complete_message(letter)
