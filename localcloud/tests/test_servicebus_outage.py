"""A broker whose database can't be written: it reads on, refuses the rest with what SDKs try again, and recovers."""

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusServerBusyError
from harness.amqp_wire import Wire, message, reply_properties, request
from harness.servicebus import RunningBroker, one_of, until
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.performatives import Accepted, Close, Disposition, Flow, Modified, Released, Transfer
from localcloud.servicebus.amqp.types import Array, Int, Symbol

QUEUES: dict[str, dict[str, Any]] = {"plain": {}, "once": {"lockDuration": "PT0.3S", "maxDeliveryCount": 1}}
BUSY = "com.microsoft:server-busy"


@pytest.fixture
def broker(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path, QUEUES)
    with caplog.at_level(logging.WARNING, "localcloud"):
        yield running
    running.close()
    assert not [record for record in caplog.get_records("call") if record.levelno > logging.WARNING]


def told(caplog: pytest.LogCaptureFixture) -> int:
    """How often the broker has found that it can't write."""
    return len([one for one in caplog.records if "Service Bus can store nothing" in one.getMessage()])


def begin_outage(broker: RunningBroker, caplog: pytest.LogCaptureFixture) -> None:
    """The first message that can't be stored ends its connection, and from then on the broker knows."""
    first = Wire(broker)
    first.ready()
    first.attach(0, "plain", receive=False)
    first.send(Transfer(0, 1, b"1", 0, False), message())
    closed: Any = read(first.expect(Close).error)
    assert closed.condition == BUSY
    assert told(caplog) == 1
    first.close()


def condition_of(disposition: Disposition) -> str:
    rejected: Any = read(disposition.state)
    error: Any = read(rejected.error)
    return str(error.condition)


def test_nothing_is_acknowledged_that_is_not_stored(broker: RunningBroker, caplog: pytest.LogCaptureFixture) -> None:
    """A sender is told to try again, message by message, on a connection that stays; later it succeeds by itself."""
    sender = broker.sender("plain", retry_total=0)
    with broker.unwritable():
        begin_outage(broker, caplog)
        for number in range(20):
            with pytest.raises(ServiceBusServerBusyError):
                sender.send_messages(ServiceBusMessage(f"refused {number}"))
        assert told(caplog) < 10
    patient = broker.sender("plain", retry_total=10)
    patient.send_messages(ServiceBusMessage("stored"))
    assert [str(one) for one in broker.receiver("plain").peek_messages(10)] == ["stored"]


def test_a_receiver_waits_and_loses_nothing(broker: RunningBroker, caplog: pytest.LogCaptureFixture) -> None:
    """Connected while nothing can be stored, it is handed nothing and keeps its connection; then all of it comes."""
    broker.send("plain", "0", "1", "2")
    wire = Wire(broker)
    wire.ready()
    with broker.unwritable():
        begin_outage(broker, caplog)
        wire.attach(0, "plain", receive=True)
        wire.credit(0, 10)
        wire.send(Flow(0, 1000, 0, 1000, echo=True))
        assert isinstance(wire.frame(), Flow), "a message came that could be handed out again"
    # No client sends anything: the broker finds out by itself.
    bodies = []
    for _ in range(3):
        wire.expect(Transfer)
        bodies.append(wire.last_payload[-1:])
    assert bodies == [b"0", b"1", b"2"]
    wire.close()


OUTCOMES = {"accepted": Accepted(), "released": Released(), "modified": Modified(True, False, {Symbol("a"): 1})}


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES.keys())
def test_an_outcome_that_cannot_be_kept_is_told(
    broker: RunningBroker, caplog: pytest.LogCaptureFixture, outcome: Any
) -> None:
    """The receiver knows that its message was not settled, and gets it again."""
    broker.send("plain", "work")
    wire = Wire(broker)
    wire.ready()
    wire.attach(0, "plain", receive=True)
    wire.credit(0, 1)
    delivery = wire.expect(Transfer)
    with broker.unwritable():
        begin_outage(broker, caplog)
        wire.send(Disposition(True, delivery.delivery_id or 0, None, False, outcome))
        assert condition_of(wire.expect(Disposition)) == BUSY
    wire.credit(0, 1, 1)
    wire.expect(Transfer)
    assert wire.last_payload.endswith(b"work")
    wire.close()


TOKEN = Array(0x98, [uuid.UUID(int=1)])
WRITING = {
    "com.microsoft:schedule-message": {"messages": [{"message": message(), "message-id": "x"}]},
    "com.microsoft:cancel-scheduled-message": {"sequence-numbers": Array(0x81, [1])},
    "com.microsoft:update-disposition": {"lock-tokens": TOKEN, "disposition-status": "completed"},
    "com.microsoft:receive-by-sequence-number": {"sequence-numbers": Array(0x81, [1]), "receiver-settle-mode": 1},
}
READING = {
    "com.microsoft:peek-message": {"from-sequence-number": 1, "message-count": Int(1)},
    "com.microsoft:renew-lock": {"lock-tokens": TOKEN},
}


def test_requests_that_write_are_refused_and_others_answered(
    broker: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """503 with the condition that SDKs try again, on the same link as ever."""
    broker.send("plain", "there")
    wire = Wire(broker)
    wire.ready()
    wire.attach(0, "plain/$management", receive=False)
    wire.attach(1, "plain/$management", receive=True, reply_to="r")
    wire.credit(1, 50)
    with broker.unwritable():
        begin_outage(broker, caplog)
        answers = {}
        for number, (operation, body) in enumerate((WRITING | READING).items()):
            wire.send(Transfer(0, number, b"1", 0, True), request({"operation": operation}, body, "r"))
            wire.expect(Transfer)
            answer = reply_properties(wire.last_payload)
            answers[operation] = (answer["statusCode"], answer.get("errorCondition"))
    assert {operation: answers[operation] for operation in WRITING} == dict.fromkeys(WRITING, (503, BUSY))
    assert [answers[operation] for operation in READING] == [(200, None), (410, "com.microsoft:message-lock-lost")]
    wire.close()


def test_what_time_demands_is_tried_again_and_again(broker: RunningBroker, caplog: pytest.LogCaptureFixture) -> None:
    """A last lock ends while nothing can be stored: the message is a dead letter once it can be, without a request."""
    broker.send("once", "last try")
    receiver = broker.receiver("once")
    one_of(receiver)
    with broker.unwritable():
        until(lambda: told(caplog) >= 3)
        assert told(caplog) < 10, "it does not wait between its tries"
        assert receiver.peek_messages(5, sequence_number=1), "it is there, and can be seen"
    assert one_of(broker.dead_letters("once")).dead_letter_reason == "MaxDeliveryCountExceeded"
