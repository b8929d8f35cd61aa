"""Redrive: which dead letters are sent back, what is sent, and in which order. The queue is a fake in memory."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusConnectionError, ServiceBusError

from backend.amqp import encoding
from backend.command import CommandError
from backend.redrive.__main__ import parser, read_body
from backend.redrive.copy import copy_of
from backend.redrive.dead_letters import read_all, read_letter, table
from backend.redrive.selection import reason_to_keep
from backend.redrive.send_back import send_back
from tests import amqp_messages as m
from tests.unit.backend_fakes import received

ORDER = {
    "version": 1,
    "orderId": "a" * 32,
    "customerId": "b" * 32,
    "order": {"product": "Lantern", "quantity": 2},
    "acceptedAt": "2026-11-24T12:00:00Z",
}
VALID = json.dumps(ORDER).encode()
INVALID = json.dumps({**ORDER, "order": {"product": "Lantern", "quantity": 0}}).encode()


def letter(
    number: int,
    content: bytes = VALID,
    reason: str | bytes = "MaxDeliveryCountExceeded",
    description: str = "too often",
    **parts: Any,
) -> ServiceBusReceivedMessage:
    """A dead letter whose body is a data section."""
    said = [("DeadLetterReason", m.string(reason)), ("DeadLetterErrorDescription", m.string(description))]
    return received(m.message(m.data(content), **{"application": said, **parts}), number)


def content_of(encoded: bytes) -> bytes:
    """The content of a message's data sections."""
    return b"".join(
        encoding.binary(value) or b"" for code, value in encoding.sections(encoded) if code == encoding.DATA
    )


class DeadLetterQueue:
    """The dead-letter queue and its queue. `log` lists the calls in order."""

    def __init__(self, *letters: ServiceBusReceivedMessage) -> None:
        self.letters = list(letters)
        self.locked: list[ServiceBusReceivedMessage] = []
        self.sent: list[bytes] = []
        self.log: list[str] = []
        self.failures: dict[int, Exception] = {}  # by sequence number
        self.dead = False  # it says at once that there is nothing more, as a dead receiver does

    async def peek_messages(
        self, max_message_count: int = 1, *, sequence_number: int = 0
    ) -> list[ServiceBusReceivedMessage]:
        return [one for one in self.letters if (one.sequence_number or 0) >= sequence_number][:max_message_count]

    async def receive_messages(
        self, max_message_count: int | None = 1, max_wait_time: float | None = None
    ) -> list[ServiceBusReceivedMessage]:
        assert max_wait_time, "a wait without end can't end a run"
        free = [one for one in self.letters if one not in self.locked][: min(max_message_count or 1, 2)]
        if not free and not self.dead:
            await asyncio.sleep(max_wait_time)
        self.locked += free
        return free

    async def complete_message(self, message: ServiceBusReceivedMessage) -> None:
        self.letters.remove(message)
        self.locked.remove(message)
        self.log.append(f"complete {message.sequence_number}")

    async def abandon_message(self, message: ServiceBusReceivedMessage) -> None:
        self.locked.remove(message)
        self.log.append(f"abandon {message.sequence_number}")

    async def send(self, encoded: bytes) -> None:
        properties = received(encoded).application_properties or {}
        number = cast(int, properties[b"redrivenFrom"])
        if number in self.failures:
            raise self.failures[number]
        self.sent.append(encoded)
        self.log.append(f"send {number}")


async def run(queue: DeadLetterQueue, *words: str) -> None:
    arguments = parser().parse_args(["resend", *words])
    body = read_body(arguments.body, arguments.sequence)
    await send_back(queue, queue.send, arguments.sequence, arguments.reason, body)


async def test_the_copy_is_sent_before_the_letter_is_completed() -> None:
    """So a run that is killed in between loses nothing."""
    queue = DeadLetterQueue(letter(1), letter(2))
    await run(queue)
    assert queue.log == ["send 1", "complete 1", "send 2", "complete 2"]


@pytest.mark.parametrize("error", [ConnectionError("the link is gone"), ServiceBusConnectionError()])
async def test_a_copy_that_was_not_sent_leaves_the_letter(error: Exception) -> None:
    """If nothing can be sent, every letter stays and none stays locked, so that the next run finds them all."""
    queue = DeadLetterQueue(letter(1), letter(2))
    queue.failures[1] = error
    with pytest.raises(type(error)):
        await run(queue)
    assert [one.sequence_number for one in queue.letters] == [1, 2]
    assert queue.locked == []


@pytest.mark.parametrize("error", [MessageSizeExceededError(message="too large"), ServiceBusError("too large")])
async def test_a_letter_that_the_broker_refuses_is_kept_alone(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """The broker's refusal of one message keeps that one alone. The run says so and fails."""
    queue = DeadLetterQueue(letter(1), letter(2))
    queue.failures[1] = error
    with pytest.raises(CommandError, match="not sent back: 1"):
        await run(queue)
    assert queue.log == ["send 2", "complete 2", "abandon 1"]
    assert f"1  kept, it was not sent: {type(error).__name__}: too large" in capsys.readouterr().out.splitlines()


async def test_a_letter_that_can_not_be_taken_apart_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """A letter that can't be sent back as it was is kept, also if it is named. The others are sent."""
    broken = received(m.message(m.data(VALID)) + b"\x00\x53\x79\x40", 1)
    queue = DeadLetterQueue(broken, letter(2))
    await run(queue)
    assert queue.letters == [broken]
    with pytest.raises(CommandError, match="not sent back: 1"):
        await run(queue, "--sequence", "1")
    assert queue.letters == [broken]
    kept = [line for line in capsys.readouterr().out.splitlines() if line.startswith("1  kept, ")]
    assert [line.split(":")[0] for line in kept] == [
        "1  kept, still invalid",
        "1  kept, it can't be sent back as it was",
    ]


async def test_a_dead_receiver_is_no_empty_queue() -> None:
    """If the receiver returns none too early, the run fails and abandons the letters that it holds."""
    queue = DeadLetterQueue(letter(1), letter(2), letter(3))
    queue.dead = True
    queue.locked = [queue.letters[2]]
    with pytest.raises(ConnectionError, match="the receiver has shut down"):
        await run(queue)
    assert queue.log == ["send 1", "complete 1", "send 2", "complete 2"]


@pytest.mark.parametrize(
    ("dead", "sequences", "reasons", "sent"),
    [
        (letter(1), [], [], True),
        (letter(1, reason="IdempotencyKeyReused"), [], [], False),
        (letter(1, reason="IdempotencyKeyReused"), [1], [], True),
        (letter(1, reason="IdempotencyKeyReused"), [], ["IdempotencyKeyReused"], True),
        (letter(1, INVALID, "InvalidOrder"), [], [], False),
        (letter(1, INVALID, "InvalidOrder"), [], ["InvalidOrder"], False),
        (letter(1, INVALID, "InvalidOrder"), [1], [], True),
        (letter(1), [2], [], False),
        (letter(1), [], ["InvalidOrder"], False),
    ],
)
def test_which_letters_go_back(
    dead: ServiceBusReceivedMessage, sequences: list[int], reasons: list[str], sent: bool
) -> None:
    """All valid orders but reused keys, or those with a reason, or the one that is named by its sequence number."""
    assert (reason_to_keep(read_letter(dead), sequences, reasons) is None) == sent


async def test_only_the_wanted_letters_are_taken() -> None:
    """The others that were received on the way are abandoned at the end."""
    queue = DeadLetterQueue(letter(1), letter(2), letter(3))
    await run(queue, "--sequence", "3")
    assert queue.log == ["send 3", "complete 3", "abandon 1", "abandon 2"]
    assert queue.locked == []


async def test_what_is_kept_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """The output names each letter and what became of it."""
    await run(DeadLetterQueue(letter(1), letter(2, INVALID), letter(3, reason="IdempotencyKeyReused")))
    assert capsys.readouterr().out.splitlines() == [
        "2  kept, still invalid: order.quantity: Input should be greater than or equal to 1",
        "3  kept, its key belongs to another order",
        "1  sent back",
        "1 of 1 sent back",
    ]


async def test_a_letter_that_is_not_there_is_an_error() -> None:
    """A named sequence number that is no dead letter fails the run."""
    with pytest.raises(CommandError, match="no dead letter or locked by another: 9"):
        await run(DeadLetterQueue(letter(1)), "--sequence", "9")


@pytest.fixture
def repaired(tmp_path: Any) -> Callable[..., str]:
    def write(**change: object) -> str:
        path = tmp_path / "order.json"
        path.write_text(json.dumps({**ORDER, **change}))
        return str(path)

    return write


async def test_an_invalid_order_goes_back_repaired(repaired: Callable[..., str]) -> None:
    """The repaired body replaces the old one, and the order's id stays."""
    queue = DeadLetterQueue(letter(1, INVALID, "InvalidOrder"))
    await run(queue, "--sequence", "1", "--body", repaired())
    assert json.loads(content_of(queue.sent[0])) == ORDER
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
    """A body that is still invalid or another order's is not sent, and the letter stays."""
    queue = DeadLetterQueue(letter(1, INVALID, "InvalidOrder"))
    with pytest.raises(CommandError, match=said):
        await run(queue, "--sequence", "1", "--body", repaired(**change))
    assert queue.log == []


async def test_a_body_needs_one_letter(repaired: Callable[..., str]) -> None:
    """One body can't repair several letters."""
    with pytest.raises(CommandError, match="name it with --sequence"):
        await run(DeadLetterQueue(letter(1)), "--body", repaired())


async def test_the_list_shows_every_letter() -> None:
    """The list has several pages, shows reason, order and description, and locks nothing."""
    queue = DeadLetterQueue(*(letter(number) for number in range(1, 121)), letter(121, b"\xff", "InvalidOrder", "body"))
    lines = table(await read_all(queue)).splitlines()
    assert len(lines) == 122
    assert lines[0].split() == ["SEQUENCE", "REASON", "ORDER", "DESCRIPTION"]
    assert lines[-1].split() == ["121", "InvalidOrder", "-", "body"]
    assert queue.locked == []


@pytest.mark.parametrize("name", m.MESSAGES)
def test_a_copy_is_what_was_sent(name: str) -> None:
    """Every section is byte for byte the sender's. Only the message id and `redrivenFrom` are new."""
    before = m.section(m.HEADER, m.list_of(m.NULL, m.NULL, m.NULL, m.NULL, m.uint(4)))
    annotations = [
        ("x-opt-enqueued-time", m.timestamp(1)),
        ("x-opt-sequence-number", m.long(7)),
        ("x-opt-enqueue-sequence-number", m.long(3)),
        ("x-opt-message-state", m.DECODABLE["int"]),
        ("x-opt-locked-until", m.timestamp(2)),
        ("x-opt-deadletter-source", m.string("orders")),
    ]
    sent = m.parts(m.MESSAGES[name])
    letter = dead_letter_of(m.MESSAGES[name], before, annotations)
    copy = m.parts(copy_of(letter, 7))

    message_id, *properties = copy.pop(encoding.PROPERTIES)
    assert len(encoding.text(message_id) or "") == 32
    assert properties == sent.pop(encoding.PROPERTIES, [m.NULL])[1:]
    (application,) = copy.pop(encoding.APPLICATION_PROPERTIES)
    (was,) = sent.pop(encoding.APPLICATION_PROPERTIES, [m.map_of()])
    assert encoding.entries(application) == [
        *encoding.entries(was),
        (encoding.encode_string("redrivenFrom"), m.long(7)),
    ]
    for code in (encoding.MESSAGE_ANNOTATIONS, encoding.DELIVERY_ANNOTATIONS):
        assert [encoding.entries(value) for value in copy.pop(code, [])] == [
            encoding.entries(value) for value in sent.pop(code, [])
        ]
    assert copy == sent


def dead_letter_of(sent: bytes, header: bytes, annotations: list[tuple[str, bytes]]) -> bytes:
    """The sent message as the dead-letter queue delivers it, with the broker's entries beside the sender's."""
    found = dict(encoding.sections(sent))
    if encoding.HEADER in found:
        fields = encoding.items(found[encoding.HEADER])
        header = m.section(m.HEADER, m.list_of(*fields, m.uint(4)))
    own = encoding.entries(found.get(encoding.MESSAGE_ANNOTATIONS, m.map_of()))
    said = encoding.entries(found.get(encoding.APPLICATION_PROPERTIES, m.map_of()))
    result = header + m.section(m.MESSAGE_ANNOTATIONS, m.map_of(*own, *((m.symbol(k), v) for k, v in annotations)))
    for code, value in encoding.sections(sent):
        if code not in (encoding.HEADER, encoding.MESSAGE_ANNOTATIONS, encoding.APPLICATION_PROPERTIES):
            result += m.section(code, value)
    reasons = ((m.string(name), m.string("r")) for name in ("DeadLetterReason", "DeadLetterErrorDescription"))
    return result + m.section(m.APPLICATION_PROPERTIES, m.map_of(*said, *reasons))


def test_a_copy_with_a_repaired_body_keeps_the_rest() -> None:
    """The new body is a data section, also if the old one was not."""
    letter = m.message(
        m.value(m.string("{}")), [("p", m.DECODABLE["timestamp"])], after=m.section(m.FOOTER, m.map_of())
    )
    copy = m.parts(copy_of(letter, 7, VALID))
    assert copy[encoding.DATA] == [encoding.encode_binary(VALID)]
    assert encoding.VALUE not in copy
    assert encoding.entries(copy[encoding.APPLICATION_PROPERTIES][0])[0] == (m.string("p"), m.DECODABLE["timestamp"])
    assert copy[encoding.FOOTER] == [m.map_of()]


def test_a_copy_of_a_copy_names_the_newer_letter() -> None:
    """`redrivenFrom` is there once, as a long, which holds any sequence number."""
    (application,) = m.parts(copy_of(copy_of(m.message(m.data(VALID)), 7), 2**62))[encoding.APPLICATION_PROPERTIES]
    assert encoding.entries(application) == [(encoding.encode_string("redrivenFrom"), m.long(2**62))]


@pytest.mark.parametrize(
    "letter",
    [
        m.message(m.data(VALID)) * 2 + m.value(m.NULL) * 2,
        m.message(m.data(VALID))[:-1],
        m.section(m.PROPERTIES, m.map_of()) + m.data(VALID),
        m.section(m.APPLICATION_PROPERTIES, m.list_of()) + m.data(VALID),
        m.section(m.HEADER, m.NULL) + m.data(VALID),
    ],
)
def test_a_letter_that_is_no_message_has_no_copy(letter: bytes) -> None:
    """No part of a broken letter is left out to make a message of it."""
    with pytest.raises(encoding.Malformed):
        copy_of(letter, 7)


@pytest.mark.parametrize(
    ("dead", "fault"),
    [
        (received(m.message(m.value(m.string(VALID)))), "the body is an AMQP value; an order's body is a data section"),
        (received(m.message(m.sequence(m.string(VALID)))), "the body is an AMQP sequence; an order's body is a data"),
        (received(m.message()), "the body is missing or null"),
        (letter(1, application=[("p", m.UNDECODABLE["char"])]), "azure-servicebus can't decode its application prop"),
    ],
)
def test_a_letter_that_is_no_order_is_kept_with_a_true_sentence(dead: ServiceBusReceivedMessage, fault: str) -> None:
    """It is sent back as it was if it is named."""
    read = read_letter(dead)
    assert (read.fault or "").startswith(fault)
    assert reason_to_keep(read, [], []) == f"still invalid: {read.fault}"
    assert reason_to_keep(read, [1], []) is None


@pytest.mark.parametrize(
    ("dead", "line"),
    [
        (letter(1, b"[" * 100_000, "InvalidOrder", "body"), "1 InvalidOrder - body"),
        (letter(1, b'{"orderId": 7}', "InvalidOrder", "body"), "1 InvalidOrder - body"),
        (letter(1, b'{"orderId": "\\u001b[2J\\ud800"}', "r\x1b[2J", "d\n2"), r"1 r\x1b[2J \x1b[2J\ud800 d\n2"),
        (letter(1, b"", b"\xff", "d"), "1 \N{REPLACEMENT CHARACTER} - d"),
        (letter(1, application=[("DeadLetterReason", m.long(7))]), f"1 {'a' * 32}"),
        (letter(1, application=[("p", m.UNDECODABLE["char"]), ("DeadLetterReason", m.string("r"))]), f"1 r {'a' * 32}"),
        (letter(1, application=[("p", m.BOMBS["arrays of nulls"])]), f"1 {'a' * 32}"),
        (received(m.message(m.value(m.string(VALID)), [("DeadLetterReason", m.string("r"))])), "1 r -"),
    ],
)
async def test_the_list_shows_whatever_a_letter_holds(dead: ServiceBusReceivedMessage, line: str) -> None:
    """Any letter is listed, hides no other, and does nothing to the terminal."""
    header, *lines = table(await read_all(DeadLetterQueue(dead, letter(2)))).splitlines()
    assert header.split() == ["SEQUENCE", "REASON", "ORDER", "DESCRIPTION"]
    assert [one.split() for one in lines] == [line.split(), ["2", "MaxDeliveryCountExceeded", "a" * 32, "too", "often"]]


async def test_a_reason_without_end_is_cut() -> None:
    """A letter with long texts leaves the columns readable."""
    long = letter(1, json.dumps({"orderId": "x" * 10_000}).encode(), "r" * 10_000)
    lines = table(await read_all(DeadLetterQueue(long, letter(2)))).splitlines()
    assert lines[2].startswith(f"2         {'MaxDeliveryCountExceeded':64}  {'a' * 32}")
