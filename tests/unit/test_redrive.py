"""Redrive: which dead letters go back, as what, and in which order. The queue is a fake in memory."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType
from backend.redrive.__main__ import Refused, parser, read_body, send_back
from backend.redrive.letters import copy_of, read_letter, reason_to_keep, table
from backend.redrive.queue import dead_letters

ORDER = {
    "version": 1,
    "orderId": "a" * 32,
    "customerId": "b" * 32,
    "order": {"product": "Lantern", "quantity": 2},
    "acceptedAt": "2026-11-24T12:00:00Z",
}
VALID = json.dumps(ORDER).encode()
INVALID = json.dumps({**ORDER, "order": {"product": "Lantern", "quantity": 0}}).encode()


@dataclass
class Letter:
    """What redrive reads of a received message."""

    sequence_number: int
    content: bytes = VALID
    dead_letter_reason: str | None = "MaxDeliveryCountExceeded"
    dead_letter_error_description: str | None = "too often"
    message_id: str = "old"
    content_type: str | None = "application/json"
    subject: str | None = "order"
    correlation_id: str | None = None
    body_type: AmqpMessageBodyType = AmqpMessageBodyType.DATA
    application_properties: dict[bytes, Any] = field(
        default_factory=lambda: {
            b"traceparent": b"00-1-2-01",
            b"DeadLetterReason": b"r",
            b"DeadLetterErrorDescription": b"d",
        }
    )

    @property
    def body(self) -> list[bytes]:
        return [self.content]


class DeadLetterQueue:
    """The dead-letter queue and the queue it belongs to; `log` keeps what happened in order."""

    def __init__(self, *letters: Letter) -> None:
        self.letters = list(letters)
        self.locked: list[Letter] = []
        self.sent: list[ServiceBusMessage] = []
        self.log: list[str] = []
        self.fail_sending = False

    async def peek_messages(self, max_message_count: int = 1, *, sequence_number: int = 0) -> list[Letter]:
        return [letter for letter in self.letters if letter.sequence_number >= sequence_number][:max_message_count]

    async def receive_messages(
        self, max_message_count: int | None = 1, max_wait_time: float | None = None
    ) -> list[Letter]:
        assert max_wait_time, "a wait without end can't end a run"
        free = [letter for letter in self.letters if letter not in self.locked][: min(max_message_count or 1, 2)]
        self.locked += free
        return free

    async def complete_message(self, message: Letter) -> None:
        self.letters.remove(message)
        self.locked.remove(message)
        self.log.append(f"complete {message.sequence_number}")

    async def abandon_message(self, message: Letter) -> None:
        self.locked.remove(message)
        self.log.append(f"abandon {message.sequence_number}")

    async def send_messages(self, message: ServiceBusMessage) -> None:
        if self.fail_sending:
            raise ConnectionError("the link is gone")
        self.sent.append(message)
        self.log.append(f"send {(message.application_properties or {})['redrivenFrom']}")


async def run(queue: DeadLetterQueue, *words: str) -> None:
    arguments = parser().parse_args(["resend", *words])
    body = read_body(arguments.body, arguments.sequence)
    await send_back(cast(Any, queue), cast(Any, queue), arguments.sequence, arguments.reason, body)


def received(letter: Letter) -> ServiceBusReceivedMessage:
    return cast(ServiceBusReceivedMessage, letter)


async def test_the_copy_is_sent_before_the_letter_is_completed() -> None:
    """Killed in between, nothing is lost."""
    queue = DeadLetterQueue(Letter(1), Letter(2))
    await run(queue)
    assert queue.log == ["send 1", "complete 1", "send 2", "complete 2"]


async def test_a_copy_that_was_not_sent_leaves_the_letter() -> None:
    """Where sending fails, every letter stays where it is, and none stays locked: the next run finds them all."""
    queue = DeadLetterQueue(Letter(1), Letter(2))
    queue.fail_sending = True
    with pytest.raises(ConnectionError):
        await run(queue)
    assert [letter.sequence_number for letter in queue.letters] == [1, 2]
    assert queue.locked == []


def test_the_copy_has_a_new_id_and_the_old_body() -> None:
    """Duplicate detection lets it pass; the order's id, its sender's properties and its trace are kept."""
    copy = copy_of(received(Letter(7)))
    assert b"".join(copy.body) == VALID
    assert copy.message_id != "old"
    assert copy.message_id != copy_of(received(Letter(7))).message_id
    assert (copy.content_type, copy.subject) == ("application/json", "order")
    assert copy.application_properties == {"traceparent": "00-1-2-01", "redrivenFrom": 7}


@pytest.mark.parametrize(
    ("letter", "sequences", "reasons", "sent"),
    [
        (Letter(1), [], [], True),
        (Letter(1, dead_letter_reason="IdempotencyKeyReused"), [], [], False),
        (Letter(1, dead_letter_reason="IdempotencyKeyReused"), [1], [], True),
        (Letter(1, dead_letter_reason="IdempotencyKeyReused"), [], ["IdempotencyKeyReused"], True),
        (Letter(1, INVALID, "InvalidOrder"), [], [], False),
        (Letter(1, INVALID, "InvalidOrder"), [], ["InvalidOrder"], False),
        (Letter(1, INVALID, "InvalidOrder"), [1], [], True),
        (Letter(1), [2], [], False),
        (Letter(1), [], ["InvalidOrder"], False),
    ],
)
def test_which_letters_go_back(letter: Letter, sequences: list[int], reasons: list[str], sent: bool) -> None:
    """All valid orders but reused keys; those with a reason; or whatever is named by its sequence number."""
    assert (reason_to_keep(read_letter(received(letter)), sequences, reasons) is None) == sent


async def test_only_the_wanted_letters_are_taken() -> None:
    """The others that had to be received on the way are given back at the end, unchanged."""
    queue = DeadLetterQueue(Letter(1), Letter(2), Letter(3))
    await run(queue, "--sequence", "3")
    assert queue.log == ["send 3", "complete 3", "abandon 1", "abandon 2"]
    assert queue.locked == []


async def test_what_is_kept_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """The run's output names each letter and what became of it."""
    await run(DeadLetterQueue(Letter(1), Letter(2, INVALID), Letter(3, dead_letter_reason="IdempotencyKeyReused")))
    assert capsys.readouterr().out.splitlines() == [
        "2  kept, still invalid: order.quantity: Input should be greater than or equal to 1",
        "3  kept, its key belongs to another order",
        "1  sent back",
        "1 of 1 sent back",
    ]


async def test_a_letter_that_is_not_there_is_an_error() -> None:
    """Whoever names a sequence number learns that nothing was sent."""
    with pytest.raises(Refused, match="no dead letter or locked by another: 9"):
        await run(DeadLetterQueue(Letter(1)), "--sequence", "9")


@pytest.fixture
def repaired(tmp_path: Any) -> Callable[..., str]:
    def write(**change: object) -> str:
        path = tmp_path / "order.json"
        path.write_text(json.dumps({**ORDER, **change}))
        return str(path)

    return write


async def test_an_invalid_order_goes_back_repaired(repaired: Callable[..., str]) -> None:
    """The repaired body takes the place of the old one; the order's id stays."""
    queue = DeadLetterQueue(Letter(1, INVALID, "InvalidOrder"))
    await run(queue, "--sequence", "1", "--body", repaired())
    assert json.loads(b"".join(queue.sent[0].body)) == ORDER
    assert queue.letters == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"order": {"product": "Lantern", "quantity": 5000}}, "order.quantity"),
        ({"orderId": "c" * 32}, f"this dead letter is of order {'a' * 32}"),
    ],
)
async def test_a_repair_that_is_none_is_refused(
    repaired: Callable[..., str], change: dict[str, Any], said: str
) -> None:
    """A body that is still invalid, or another order's, is not sent, and the letter stays."""
    queue = DeadLetterQueue(Letter(1, INVALID, "InvalidOrder"))
    with pytest.raises(Refused, match=said):
        await run(queue, "--sequence", "1", "--body", repaired(**change))
    assert queue.log == []


async def test_a_body_needs_one_letter(repaired: Callable[..., str]) -> None:
    """One body can't repair several letters."""
    with pytest.raises(Refused, match="name it with --sequence"):
        await run(DeadLetterQueue(Letter(1)), "--body", repaired())


async def test_the_list_shows_every_letter() -> None:
    """More than one page of them, with reason, order and description, and nothing locked."""
    queue = DeadLetterQueue(*(Letter(number) for number in range(1, 121)), Letter(121, b"\xff", "InvalidOrder", "body"))
    lines = table(await dead_letters(cast(Any, queue))).splitlines()
    assert len(lines) == 122
    assert lines[0].split() == ["SEQUENCE", "REASON", "ORDER", "DESCRIPTION"]
    assert lines[-1].split() == ["121", "InvalidOrder", "-", "body"]
    assert queue.locked == []
