"""What a broker still knows after it was stopped: everything that it acknowledged, and nothing of its locks."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import MessageLockLostError
from harness.amqp_wire import Wire, message
from harness.servicebus import RunningBroker, many_of, one_of
from localcloud.servicebus.amqp.performatives import Disposition, Transfer

QUEUES: dict[str, dict[str, Any]] = {
    "jobs": {"maxDeliveryCount": 2, "duplicateDetectionHistoryTimeWindow": "PT10M"},
    "other": {},
}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path, QUEUES)
    yield running
    running.close()


def test_messages_survive_a_restart(broker: RunningBroker) -> None:
    """In order, with their numbers, deferred and scheduled ones too, and dead letters where they were."""
    broker.send("other", "0", "1", "2", "3")
    receiver = broker.receiver("other")
    gone, deferred, dead = many_of(receiver, 3)
    receiver.complete_message(gone)
    receiver.defer_message(deferred)
    receiver.dead_letter_message(dead, reason="why")
    broker.sender("other").schedule_messages(ServiceBusMessage("4"), datetime.now(UTC) + timedelta(hours=1))
    broker.restart()
    peeked = broker.receiver("other").peek_messages(10)
    assert [(str(one), one.sequence_number, one.state.value) for one in peeked] == [
        ("1", 2, 1),
        ("3", 4, 0),
        ("4", 5, 2),
    ]
    assert one_of(broker.dead_letters("other")).dead_letter_reason == "why"
    broker.send("other", "new")
    assert broker.receiver("other").peek_messages(10)[-1].sequence_number == 6


def test_a_locked_message_is_available_again_with_its_delivery_counted(broker: RunningBroker) -> None:
    """A lock ends with the process as if it had expired; the last delivery allowed is followed by the dead letters."""
    broker.send("jobs", "work")
    receiver = broker.receiver("jobs")
    first = one_of(receiver)
    broker.restart()
    second_receiver = broker.receiver("jobs")
    second = one_of(second_receiver)
    assert (str(second), second.delivery_count) == ("work", 1)
    with pytest.raises(MessageLockLostError):
        second_receiver._renew_locks(first.lock_token)  # type: ignore[arg-type]
    broker.restart()
    assert one_of(broker.dead_letters("jobs")).dead_letter_reason == "MaxDeliveryCountExceeded"


def test_message_ids_are_remembered(broker: RunningBroker) -> None:
    """A repeat within the window is dropped though the broker was restarted in between."""
    broker.send("jobs", "first", message_id="same")
    broker.restart()
    broker.send("jobs", "second", message_id="same")
    assert [str(one) for one in broker.receiver("jobs").peek_messages(5)] == ["first"]


def test_what_was_acknowledged_is_in_the_database(broker: RunningBroker) -> None:
    """Seen by another process at the very moment that the acknowledgement arrives."""
    wire = Wire(broker)
    wire.ready()
    wire.attach(0, "jobs", receive=False)
    with sqlite3.connect(broker.folder / "servicebus.sqlite") as database:
        for number in range(1, 20):
            wire.send(Transfer(0, number, b"t", 0, False), message(str(number).encode()))
            wire.expect(Disposition)
            (stored,) = database.execute("SELECT count(*) FROM message").fetchone()
            assert stored == number
    wire.close()


def test_a_turn_that_fails_is_taken_back(broker: RunningBroker, caplog: pytest.LogCaptureFixture) -> None:
    """When the database refuses, the sender is told nothing, its connection ends, and the broker goes on."""
    wire = Wire(broker)
    wire.ready()
    wire.attach(0, "jobs", receive=False)
    other = sqlite3.connect(broker.folder / "servicebus.sqlite", isolation_level=None)
    other.execute("CREATE TRIGGER full BEFORE INSERT ON message BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    wire.send(Transfer(0, 1, b"t", 0, False), message())
    assert not [one for one in wire.everything() if isinstance(one, Disposition)]
    other.execute("DROP TRIGGER full")
    other.close()
    broker.send("jobs", "after")
    assert [str(one) for one in broker.receiver("jobs").peek_messages(5)] == ["after"]
    assert "a turn failed" in caplog.text


def test_a_file_of_before_sessions_is_read(tmp_path: Path) -> None:
    """What an older version of this cloud kept is there: its message comes, with its number."""
    with sqlite3.connect(tmp_path / "servicebus.sqlite") as database:
        database.executescript(
            """
            CREATE TABLE queue (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
            CREATE TABLE message (
                queue TEXT NOT NULL, sequence INTEGER NOT NULL, state INTEGER NOT NULL, enqueued REAL NOT NULL,
                expires REAL, due REAL, deliveries INTEGER NOT NULL, first_sequence INTEGER NOT NULL,
                body BLOB NOT NULL, PRIMARY KEY (queue, sequence)
            );
            INSERT INTO queue VALUES ('plain', 7);
            """
        )
        body = b"\x00\x53\x75\xa0\x03old"
        database.execute("INSERT INTO message VALUES ('plain', 7, 0, 1e9, NULL, NULL, 0, 7, ?)", (body,))
    database.close()
    broker = RunningBroker(tmp_path, {"plain": {}})
    try:
        message = one_of(broker.receiver("plain"))
        assert (str(message), message.sequence_number) == ("old", 7)
    finally:
        broker.close()
