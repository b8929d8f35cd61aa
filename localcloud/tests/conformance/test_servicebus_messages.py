"""Messages from a sender to a receiver: what arrives, in which order and when."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusReceiveMode,
    ServiceBusReceiver,
    ServiceBusSender,
)
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType, AmqpMessageHeader, AmqpMessageProperties
from azure.servicebus.exceptions import MessageNotFoundError, MessageSizeExceededError
from conformance.targets import Namespace
from harness.servicebus import many_of, one_of


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
            delivery_annotations={"x-hop": 1},
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
    assert raw.delivery_annotations == {b"x-hop": 1, b"x-opt-lock-token": message.lock_token}
    assert (message.sequence_number, message.enqueued_sequence_number, message.delivery_count) == (1, 1, 0)
    assert message.enqueued_time_utc is not None
    assert before < message.enqueued_time_utc < before + timedelta(seconds=10)
    assert message.locked_until_utc is not None
    receiver.complete_message(message)


def test_a_message_without_an_id_gets_one(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> None:
    """Each its own; one that the sender chose stays."""
    for properties in (None, AmqpMessageProperties(subject="s"), AmqpMessageProperties(message_id="chosen")):
        sender.send_messages(AmqpAnnotatedMessage(data_body=b"", properties=properties))
    messages = many_of(receiver, 3)
    first, second, third = (message.message_id for message in messages)
    assert first
    assert second
    assert first != second
    assert (messages[1].subject, third) == ("s", "chosen")
    for message in messages:
        receiver.complete_message(message)


BODIES: dict[str, tuple[AmqpMessageBodyType, Any, Any]] = {
    "data": (AmqpMessageBodyType.DATA, b"text", [b"text"]),
    "empty data": (AmqpMessageBodyType.DATA, b"", [b""]),
    "data in parts": (AmqpMessageBodyType.DATA, [b"one", b"", b"two"], [b"one", b"", b"two"]),
    "a value": (AmqpMessageBodyType.VALUE, {"a": [1, True, None]}, {b"a": [1, True, None]}),
    "a text": (AmqpMessageBodyType.VALUE, "é", "é".encode()),
    "a number": (AmqpMessageBodyType.VALUE, 2.5, 2.5),
    "a sequence": (AmqpMessageBodyType.SEQUENCE, [[1, "two", None]], [[1, b"two", None]]),
    "sequences": (AmqpMessageBodyType.SEQUENCE, [[1], [], [2, 3]], [[1], [], [2, 3]]),
}


@pytest.mark.parametrize(("kind", "sent", "expected"), BODIES.values(), ids=BODIES)
def test_bodies_of_every_kind_arrive(
    sender: ServiceBusSender, receiver: ServiceBusReceiver, kind: AmqpMessageBodyType, sent: Any, expected: Any
) -> None:
    """Data, values and sequences come back as they went in, section by section; also when they are peeked at."""
    sender.send_messages(AmqpAnnotatedMessage(**{f"{kind.value}_body": sent}))
    (peeked,) = receiver.peek_messages()
    message = one_of(receiver)
    for each in (peeked, message):
        assert each.body_type == kind
        body = each.raw_amqp_message.body
        assert (body if kind == AmqpMessageBodyType.VALUE else list(body)) == expected
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


def test_receive_and_delete_needs_no_settling(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """A message is gone when it is handed out."""
    sender.send_messages(ServiceBusMessage("once"))
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    receiver = namespace.receiver(queue, receive_mode=mode)
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
    namespace: Namespace, sender: ServiceBusSender, queue: str
) -> None:
    """What it had fetched and not looked at comes to the next receiver as if it had never gone out."""
    sender.send_messages([ServiceBusMessage(str(number)) for number in range(10)])
    with namespace.receiver(queue, prefetch_count=10) as receiver:
        receiver.complete_message(one_of(receiver))
    rest = many_of(namespace.receiver(queue), 9)
    assert [(str(message), message.delivery_count) for message in rest] == [(str(n), 0) for n in range(1, 10)]


def test_a_receiver_that_waits_gets_a_message_when_it_comes(
    sender: ServiceBusSender, receiver: ServiceBusReceiver
) -> None:
    """Nothing polls: the message goes out in the turn that brought it in."""
    assert receiver.receive_messages(max_wait_time=1) == []
    sender.send_messages(ServiceBusMessage("new"))
    assert str(one_of(receiver)) == "new"


def test_a_scheduled_message_waits_for_its_time(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> None:
    """Scheduled by request or by annotation, it comes when it is due and not before."""
    sender.send_messages(ServiceBusMessage("now"))
    receiver.complete_message(one_of(receiver))  # both are connected now
    due = datetime.now(UTC) + timedelta(seconds=1.5)
    sender.send_messages(ServiceBusMessage("by annotation", scheduled_enqueue_time_utc=due))
    (number,) = sender.schedule_messages(ServiceBusMessage("by request"), due)
    assert datetime.now(UTC) < due
    messages = many_of(receiver, 2)
    assert datetime.now(UTC) >= due
    assert [str(message) for message in messages] == ["by annotation", "by request"]
    assert messages[1].sequence_number == number


def test_a_cancelled_message_never_comes(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> None:
    """It is gone at once, and cannot be cancelled twice."""
    (number,) = sender.schedule_messages(ServiceBusMessage("no"), datetime.now(UTC) + timedelta(hours=1))
    sender.cancel_scheduled_messages(number)
    with pytest.raises(MessageNotFoundError):
        sender.cancel_scheduled_messages(number)
