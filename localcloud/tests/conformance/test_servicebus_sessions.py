"""Sessions: accepted by name or in turn, locked, with messages in order and a state of their own.

https://learn.microsoft.com/azure/service-bus-messaging/message-sessions
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusMessage,
    ServiceBusReceiveMode,
    ServiceBusReceiver,
    ServiceBusSender,
)
from azure.servicebus.exceptions import (
    MessageNotFoundError,
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
)
from conformance.targets import Namespace, Target
from harness.servicebus import many_of, one_of


@pytest.fixture(scope="module")
def namespace(target: Target) -> Iterator[Namespace]:
    """A queue that requires sessions for each test, and one that does not."""
    queues = {f"s{number}": {"requiresSession": True, "maxDeliveryCount": 3} for number in range(16)}
    with target.namespace(queues | {"plain": {}}) as namespace:
        yield namespace


def send(sender: ServiceBusSender, *bodies: str) -> None:
    """Sends messages whose session is their first character."""
    sender.send_messages([ServiceBusMessage(body, session_id=body[0]) for body in bodies])


def test_a_session_gets_its_messages_in_order(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """The receiver of a named session gets that session's messages, and those that come later, and no others."""
    send(sender, "a1", "b1", "a2", "b2")
    receiver = namespace.receiver(queue, session_id="a")
    first = many_of(receiver, 2)
    assert [(str(message), message.session_id) for message in first] == [("a1", "a"), ("a2", "a")]
    send(sender, "b3", "a3")
    assert str(one_of(receiver)) == "a3"
    assert receiver.receive_messages(max_wait_time=1) == []


def test_the_next_session_is_that_of_the_oldest_message(
    namespace: Namespace, sender: ServiceBusSender, queue: str
) -> None:
    """Each receiver that asks for the next session gets another one, since those before it are locked."""
    send(sender, "b1", "a1", "b2")
    receivers = [namespace.receiver(queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5) for _ in range(2)]
    assert [str(one_of(receiver)) for receiver in receivers] == ["b1", "a1"]
    assert [receiver.session.session_id for receiver in receivers if receiver.session] == ["b", "a"]


def test_a_receiver_waits_for_the_next_session(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """A session that begins while it waits is accepted; without one, the wait ends with the SDK's timeout error."""
    with pytest.raises(OperationTimeoutError):
        namespace.receiver(queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1).receive_messages()
    later = datetime.now(UTC) + timedelta(seconds=1.5)
    sender.send_messages(ServiceBusMessage("a1", session_id="a", scheduled_enqueue_time_utc=later))
    receiver = namespace.receiver(queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=10)
    assert str(one_of(receiver)) == "a1"


def test_a_session_that_is_locked_is_not_accepted(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """Until its receiver closes; a session without messages can be accepted and locked too."""
    holder = namespace.receiver(queue, session_id="a")
    assert holder.receive_messages(max_wait_time=1) == []
    with pytest.raises(SessionCannotBeLockedError, match="It may be locked by another receiver"):
        namespace.receiver(queue, session_id="a").receive_messages(max_wait_time=1)
    holder.close()
    send(sender, "a1")
    assert str(one_of(namespace.receiver(queue, session_id="a"))) == "a1"


def test_closing_a_session_counts_no_delivery(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """What was locked and not settled comes to the next receiver as if it had never gone out."""
    send(sender, "a1", "a2")
    with namespace.receiver(queue, session_id="a") as receiver:
        receiver.complete_message(many_of(receiver, 2)[0])
    again = one_of(namespace.receiver(queue, session_id="a"))
    assert (str(again), again.delivery_count) == ("a2", 0)


def test_messages_of_a_session_are_settled_in_each_way(
    namespace: Namespace, sender: ServiceBusSender, queue: str
) -> None:
    """Abandoned, a message comes again before those behind it. The dead-letter queue has no sessions."""
    send(sender, "a1", "a2", "a3")
    receiver = namespace.receiver(queue, session_id="a")
    receiver.abandon_message(one_of(receiver))
    again = one_of(receiver)
    assert (str(again), again.delivery_count) == ("a1", 1)
    receiver.complete_message(again)
    receiver.dead_letter_message(one_of(receiver), reason="no")
    deferred = one_of(receiver)
    receiver.defer_message(deferred)
    letter = one_of(namespace.dead_letters(queue))
    assert (str(letter), letter.session_id, letter.dead_letter_reason) == ("a2", "a", "no")
    assert deferred.sequence_number is not None
    (back,) = receiver.receive_deferred_messages(deferred.sequence_number)
    receiver.complete_message(back)
    assert receiver.peek_messages() == []


def test_a_deferred_message_is_received_in_its_session_only(
    namespace: Namespace, sender: ServiceBusSender, queue: str
) -> None:
    """Another session's receiver does not find it."""
    send(sender, "a1", "b1")
    receiver = namespace.receiver(queue, session_id="a")
    deferred = one_of(receiver)
    receiver.defer_message(deferred)
    other = namespace.receiver(queue, session_id="b")
    one_of(other)
    assert deferred.sequence_number is not None
    with pytest.raises(MessageNotFoundError):
        other.receive_deferred_messages(deferred.sequence_number)


def test_a_session_has_a_state(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """None at first, then bytes that outlive the receiver and the messages, until they are set to None."""
    with namespace.receiver(queue, session_id="a") as receiver:
        assert receiver.session.get_state() is None
        receiver.session.set_state(b"\x00state")
    with namespace.receiver(queue, session_id="a") as receiver:
        assert receiver.session.get_state() == b"\x00state"
        receiver.session.set_state(None)
        assert receiver.session.get_state() is None
    with namespace.receiver(queue, session_id="b") as receiver:
        assert receiver.session.get_state() is None


def test_a_session_lock_is_renewed(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """The new end is later than the one that was told when the session was accepted."""
    with namespace.receiver(queue, session_id="a") as receiver:
        before = receiver.session.locked_until_utc
        assert before is not None
        assert before > datetime.now(UTC)
        assert receiver.session.renew_lock() > before


def test_peek_shows_the_messages_of_its_session(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """And at no other's."""
    send(sender, "a1", "b1", "a2")
    assert [str(message) for message in namespace.receiver(queue, session_id="a").peek_messages(9)] == ["a1", "a2"]


def test_receive_and_delete_takes_from_a_session(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """A message is gone when it is handed out."""
    send(sender, "b1", "a1")
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    receiver = namespace.receiver(queue, session_id="a", receive_mode=mode)
    assert str(one_of(receiver)) == "a1"
    assert receiver.peek_messages() == []


def test_a_scheduled_message_comes_in_its_session(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """When it is due, and not before."""
    due = datetime.now(UTC) + timedelta(seconds=2)
    sender.schedule_messages(ServiceBusMessage("a1", session_id="a"), due)
    receiver = namespace.receiver(queue, session_id="a")
    assert str(one_of(receiver)) == "a1"
    assert datetime.now(UTC) >= due


def test_a_message_without_a_session_is_refused(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """Sent or scheduled, with Service Bus' own words."""
    with pytest.raises(ServiceBusError, match="The SessionId was not set on a message"):
        sender.send_messages(ServiceBusMessage("none"))
    with pytest.raises(ServiceBusError, match="The SessionId was not set on a message"):
        sender.schedule_messages(ServiceBusMessage("none"), datetime.now(UTC) + timedelta(hours=1))


def test_sessions_are_for_entities_that_require_them(namespace: Namespace, queue: str) -> None:
    """A receiver without a session is refused there, and one with a session elsewhere."""
    with pytest.raises(ServiceBusError, match="requires sessions to create a non-sessionful message receiver"):
        namespace.receiver(queue).receive_messages(max_wait_time=1)
    plain: ServiceBusReceiver = namespace.receiver(
        next(name for name in namespace.queues if "plain" in name), session_id="a"
    )
    with pytest.raises(ServiceBusError, match="doesn't require sessions"):
        plain.receive_messages(max_wait_time=1)


async def test_the_asyncio_client_accepts_sessions(namespace: Namespace, sender: ServiceBusSender, queue: str) -> None:
    """The next session, its state, its lock and its messages."""
    send(sender, "a1")
    async with (
        namespace.aio_client() as client,
        client.get_queue_receiver(queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5) as receiver,
    ):
        assert receiver.session.session_id == "a"
        await receiver.session.set_state("state")
        assert await receiver.session.get_state() == b"state"
        assert await receiver.session.renew_lock() > datetime.now(UTC)
        (message,) = await receiver.receive_messages(max_message_count=1, max_wait_time=5)
        await receiver.complete_message(message)
        assert await receiver.peek_messages() == []
