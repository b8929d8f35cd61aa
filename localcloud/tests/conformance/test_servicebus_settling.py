"""How deliveries end: completed, abandoned, deferred, dead-lettered, with the SDK in both of its flavours."""

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSender,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import MessageLockLostError, MessageNotFoundError, ServiceBusError
from conformance.targets import Namespace
from harness.servicebus import one_of


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
    assert later.raw_amqp_message.delivery_annotations == {b"x-opt-lock-token": later.lock_token}
    with pytest.raises(MessageNotFoundError):
        receiver.receive_deferred_messages(first.sequence_number)
    receiver.complete_message(later)
    assert receiver.peek_messages() == []


def test_settling_twice_is_told(
    namespace: Namespace, sender: ServiceBusSender, receiver: ServiceBusReceiver, queue: str
) -> None:
    """A lock that is gone is the SDK's MessageLockLostError, over the link and over management."""
    sender.send_messages(ServiceBusMessage("once"))
    message = one_of(receiver)
    other = namespace.receiver(queue, prefetch_count=0)
    other._settle_message_via_mgmt_link("completed", [message.lock_token])  # type: ignore[list-item]
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(message)
    with pytest.raises(MessageLockLostError):
        other._renew_locks(message.lock_token)  # type: ignore[arg-type]


async def test_the_asyncio_client_does_it_all(namespace: Namespace, queue: str) -> None:
    """The worker's flavour: send, receive, renew, settle in each way, dead letters."""
    async with (
        namespace.aio_client() as client,
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
