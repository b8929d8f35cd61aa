"""Receiving and settling take turns on the connection, and settlements that wait are made together."""

import asyncio
from typing import Any, cast

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError

from backend.queue.turns import TurnTakingReceiver


class Broker:
    """The SDK's receiver. Each call is noted when it begins, and waits for its answer."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.answers: dict[str, asyncio.Future[Any]] = {}

    async def _call(self, name: str) -> Any:
        self.begun.append(name)
        self.answers[name] = asyncio.get_running_loop().create_future()
        return await self.answers[name]

    async def receive_messages(self, **_: Any) -> Any:
        return await self._call("receive")

    async def complete_message(self, message: str) -> None:
        await self._call(f"complete {message}")

    async def abandon_message(self, message: str) -> None:
        await self._call(f"abandon {message}")

    async def dead_letter_message(self, message: str, reason: str, error_description: str) -> None:
        await self._call(f"dead-letter {message}: {reason}, {error_description}")

    async def until_begun(self, *names: str) -> None:
        async with asyncio.timeout(10):
            while len(self.begun) < len(names):  # noqa: ASYNC110  (each turn of the loop may begin a call)
                await asyncio.sleep(0)
        for _ in range(10):  # nothing else begins
            await asyncio.sleep(0)
        assert sorted(self.begun) == sorted(names)
        self.begun.clear()


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def receiver(broker: Broker) -> TurnTakingReceiver:
    return TurnTakingReceiver(cast(ServiceBusReceiver, broker), answer=10)


def message(name: str) -> ServiceBusReceivedMessage:
    return cast(ServiceBusReceivedMessage, name)


async def test_settlements_are_made_together_between_two_receives(broker: Broker, receiver: TurnTakingReceiver) -> None:
    """Those that come while messages are received all begin when it ends, and the next receive waits for them all."""
    receives = [asyncio.create_task(receiver.receive_messages())]
    await broker.until_begun("receive")
    settles = [
        asyncio.create_task(receiver.complete_message(message("1"))),
        asyncio.create_task(receiver.abandon_message(message("2"))),
        asyncio.create_task(receiver.dead_letter_message(message("3"), "reason", "description")),
    ]
    await broker.until_begun()
    broker.answers["receive"].set_result(["4"])
    names = "complete 1", "abandon 2", "dead-letter 3: reason, description"
    await broker.until_begun(*names)
    receives.append(asyncio.create_task(receiver.receive_messages()))
    late = asyncio.create_task(receiver.complete_message(message("5")))
    for name in names[:2]:
        broker.answers[name].set_result(None)
    await broker.until_begun()
    broker.answers[names[2]].set_result(None)
    await asyncio.gather(*settles)
    await broker.until_begun("receive")
    broker.answers["receive"].set_result([])
    assert await asyncio.gather(*receives) == [["4"], []]
    await broker.until_begun("complete 5")
    broker.answers["complete 5"].set_result(None)
    await late


async def test_each_caller_has_its_own_answer(broker: Broker, receiver: TurnTakingReceiver) -> None:
    """A settlement that fails fails alone."""
    settles = [asyncio.create_task(receiver.complete_message(message(name))) for name in ("1", "2")]
    await broker.until_begun("complete 1", "complete 2")
    broker.answers["complete 1"].set_exception(MessageLockLostError())
    broker.answers["complete 2"].set_result(None)
    with pytest.raises(MessageLockLostError):
        await settles[0]
    await settles[1]


async def test_a_settlement_that_nobody_waits_for_is_not_made(broker: Broker, receiver: TurnTakingReceiver) -> None:
    """Its caller has left while it waited for its turn."""
    receiving = asyncio.create_task(receiver.receive_messages())
    await broker.until_begun("receive")
    left, stays = [asyncio.create_task(receiver.complete_message(message(name))) for name in ("1", "2")]
    await broker.until_begun()
    left.cancel()
    broker.answers["receive"].set_result([])
    await broker.until_begun("complete 2")
    broker.answers["complete 2"].set_result(None)
    await asyncio.gather(receiving, stays)


async def test_a_broker_that_does_not_answer_does_not_keep_the_turn(broker: Broker) -> None:
    """After the time for an answer the settlement fails, and messages are received again."""
    receiver = TurnTakingReceiver(cast(ServiceBusReceiver, broker), answer=0.01)
    with pytest.raises(TimeoutError):
        await receiver.complete_message(message("1"))
    await broker.until_begun("complete 1")
    receiving = asyncio.create_task(receiver.receive_messages())
    await broker.until_begun("receive")
    broker.answers["receive"].set_result([])
    await receiving
