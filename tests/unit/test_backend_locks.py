"""Locks of held messages are renewed when they are about to run out, and no others."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from backend.queue.locks import LockRenewer


class Message:
    """A message that is locked for so many seconds, as the SDK's renewer and receiver see it."""

    sequence_number = 1

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.renewals = 0
        self.failures = 0
        self._settled = False
        self._receiver = SimpleNamespace(_running=True)
        self.lock()

    def lock(self) -> None:
        self.locked_until_utc = datetime.now(UTC) + timedelta(seconds=self.seconds)

    @property
    def _lock_expired(self) -> bool:
        return self.locked_until_utc < datetime.now(UTC)

    def settle(self) -> None:
        self._settled = True


class Receiver:
    """Renew a lock, unless the renewal is to fail."""

    async def renew_message_lock(self, message: Message) -> None:
        message.renewals += 1
        if message.failures:
            message.failures -= 1
            raise ConnectionError("not now")
        message.lock()


@pytest.fixture
async def renewer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LockRenewer]:
    monkeypatch.setattr("backend.queue.locks._INTERVAL", 0.01)
    async with LockRenewer(hold=60) as renewer:
        yield renewer


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (the renewer tells nobody)
            await asyncio.sleep(0.005)


async def test_a_lock_is_renewed_when_half_of_it_is_gone(renewer: LockRenewer) -> None:
    """It is renewed again and again while the message is held, and not any more once it is settled."""
    short, long = Message(0.4), Message(60)
    for message in (short, long):
        renewer.register(Receiver(), message)
    await until(lambda: short.renewals >= 3)
    assert not short._lock_expired
    short.settle()
    renewals, later = short.renewals, Message(0.2)
    renewer.register(Receiver(), later)
    await until(lambda: later.renewals >= 3)
    assert (short.renewals, long.renewals) == (renewals, 0)


async def test_a_renewal_that_fails_is_repeated(renewer: LockRenewer) -> None:
    """The lock is kept if a later attempt succeeds before it runs out, and other locks are renewed meanwhile."""
    failing, other = Message(1), Message(1)
    failing.failures = 2
    for message in (failing, other):
        renewer.register(Receiver(), message)
    await until(lambda: failing.renewals >= 4 and other.renewals >= 2)
    assert not failing._lock_expired


async def test_a_lock_is_renewed_for_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `hold` seconds the lock runs out."""
    monkeypatch.setattr("backend.queue.locks._INTERVAL", 0.01)
    async with LockRenewer(hold=0.2) as renewer:
        message = Message(0.2)
        renewer.register(Receiver(), message)
        await until(lambda: message._lock_expired)
        assert message.renewals
