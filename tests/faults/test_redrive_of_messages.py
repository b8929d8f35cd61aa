"""Redrive with the real SDK: dead letters of every kind are listed, sent back as they were, or kept."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure.servicebus import ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver

from backend.amqp import encoding
from backend.amqp.encoded_messages import encoded_of, send_encoded
from backend.command import CommandError
from backend.redrive.dead_letters import read_all
from backend.redrive.send_back import send_back
from tests import amqp_messages as m
from tests.queues import Queues, running_queues

if TYPE_CHECKING:
    from localcloud.testing import RunningCloud

QUEUES: dict[str, dict[str, Any]] = {
    name: {"duplicateDetectionHistoryTimeWindow": "PT10M"} for name in ("orders", "listed", "large")
}


@pytest.fixture(scope="module")
def queues(start_cloud: "Callable[[Path], RunningCloud]", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queues]:
    with running_queues(start_cloud, tmp_path_factory.mktemp("redrive"), QUEUES) as running:
        yield running


@pytest.fixture
async def client(queues: Queues) -> AsyncIterator[ServiceBusClient]:
    async with queues.client() as client:
        yield client


async def bury(queues: Queues, client: ServiceBusClient, queue: str, *messages: bytes) -> None:
    """Sends the messages as they are encoded here, and dead-letters each."""
    queues.put(queue, *messages)
    async with client.get_queue_receiver(queue) as receiver:
        for number in range(len(messages)):
            (message,) = await receiver.receive_messages(max_wait_time=5)
            await receiver.dead_letter_message(message, reason="Why", error_description=f"the {number}th")


@asynccontextmanager
async def dead_letters_of(client: ServiceBusClient, queue: str) -> AsyncIterator[ServiceBusReceiver]:
    async with client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        yield receiver


async def test_every_letter_is_sent_back_as_it_was(queues: Queues, client: ServiceBusClient) -> None:
    """What comes out of the queue after a redrive is what its sender put in: sections, types, order, all but the id."""
    await bury(queues, client, "orders", *m.MESSAGES.values())
    async with (
        dead_letters_of(client, "orders") as letters,
        client.get_queue_sender("orders") as sender,
        client.get_queue_receiver("orders") as receiver,
    ):
        numbers = [letter.sequence_number for letter in await read_all(letters)]
        await send_back(letters, partial(send_encoded, sender), numbers, [], None)
        assert await read_all(letters) == []
        for name, number in zip(m.MESSAGES, numbers, strict=True):
            (message,) = await receiver.receive_messages(max_wait_time=5)
            await receiver.complete_message(message)
            assert bare(encoded_of(message)) == bare(m.MESSAGES[name]), name
            assert (message.application_properties or {b"redrivenFrom": number})[b"redrivenFrom"] == number


# What only a broker says, by https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
BROKERS = {
    "x-opt-enqueued-time",
    "x-opt-enqueue-sequence-number",
    "x-opt-lock-token",
    "x-opt-locked-until",
    "x-opt-message-state",
    "x-opt-sequence-number",
}


def bare(encoded: bytes) -> dict[int, list[bytes]]:
    """The parts of a message that are its sender's, without the message id."""
    parts = m.parts(encoded)
    parts[m.HEADER] = parts.get(m.HEADER, [])[:4]
    while parts[m.HEADER][-1:] == [m.NULL]:
        parts[m.HEADER].pop()
    parts[m.PROPERTIES] = parts.get(m.PROPERTIES, [])[1:]
    for code, others in (
        (m.DELIVERY_ANNOTATIONS, BROKERS),
        (m.MESSAGE_ANNOTATIONS, BROKERS),
        (m.APPLICATION_PROPERTIES, {"redrivenFrom"}),
    ):
        entries = [entry for section in parts.get(code, []) for entry in encoding.entries(section)]
        parts[code] = [key + value for key, value in entries if encoding.text(key) not in others]
    return {code: values for code, values in parts.items() if values}


async def test_one_letter_hides_no_other(queues: Queues, client: ServiceBusClient) -> None:
    """The SDK can't decode most of these; each is listed with its reason and, if it has one, its order's id."""
    values = [value for kind, value in (m.UNDECODABLE | m.BOMBS).items() if kind not in m.REFUSED_BY_A_BROKER]
    order = m.data(m.order())
    await bury(
        queues, client, "listed", *(m.message(order, annotations=[("p", value)]) for value in values), m.message(order)
    )
    async with dead_letters_of(client, "listed") as letters, client.get_queue_sender("listed") as sender:
        listed = await read_all(letters)
        assert [letter.description for letter in listed] == [f"the {number}th" for number in range(len(values) + 1)]
        assert {(letter.reason, letter.order_id) for letter in listed} == {("Why", "a" * 32)}
        assert [letter.fault is None for letter in listed] == [False] * len(values) + [True]
        await send_back(letters, partial(send_encoded, sender), [], [], None)
        assert await read_all(letters) == listed[:-1]


async def test_a_letter_that_has_grown_too_large_is_kept(queues: Queues, client: ServiceBusClient) -> None:
    """A message of the largest size has no room for what redrive adds: it stays, and the one behind it goes back."""
    largest = m.message(m.data(bytes(256 * 1024 - 20)))
    await bury(queues, client, "large", largest, m.message(m.data(m.order())))
    async with dead_letters_of(client, "large") as letters, client.get_queue_sender("large") as sender:
        kept, sent = [letter.sequence_number for letter in await read_all(letters)]
        with pytest.raises(CommandError, match=f"not sent back: {kept}$"):
            await send_back(letters, partial(send_encoded, sender), [kept, sent], [], None)
        assert [letter.sequence_number for letter in await read_all(letters)] == [kept]
