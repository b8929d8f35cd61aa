"""The locks of one queue's messages: the holder of a lock may settle the message until the lock ends.

Locks live in memory. https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement
"""

import heapq
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from localcloud.servicebus import errors


@dataclass(slots=True)
class Lock:
    """`until` is a Unix time. The lock of a message in a session lasts as long as the session's own."""

    token: uuid.UUID
    sequence: int
    until: float
    session: str | None


class Locks:
    """Locks by their tokens. A lock that ended or was taken is lost: `AmqpError` says so."""

    def __init__(self, duration: float) -> None:
        self._duration = duration
        self._locks: dict[uuid.UUID, Lock] = {}
        self._sequences: set[int] = set()
        self._ends: list[tuple[float, uuid.UUID]] = []  # a heap; an entry that a renewal outdated is skipped

    def add(self, sequence: int, now: float) -> Lock:
        lock = self._add(Lock(uuid.uuid4(), sequence, now + self._duration, None))
        heapq.heappush(self._ends, (lock.until, lock.token))
        return lock

    def add_of_session(self, sequence: int, session: str, until: float) -> Lock:
        """A lock that ends when `of_session` takes it."""
        return self._add(Lock(uuid.uuid4(), sequence, until, session))

    def of_session(self, session: str) -> list[Lock]:
        """Takes the locks of the session's messages."""
        return [self.take(lock.token) for lock in list(self._locks.values()) if lock.session == session]

    def get(self, token: uuid.UUID) -> Lock:
        """Raises `AmqpError`."""
        lock = self._locks.get(token)
        if lock is None:
            raise errors.lock_lost()
        return lock

    def take(self, token: uuid.UUID) -> Lock:
        """Ends the lock, so that its message can be settled; raises `AmqpError`."""
        lock = self.get(token)
        del self._locks[token]
        self._sequences.discard(lock.sequence)
        return lock

    def renew(self, tokens: list[uuid.UUID], now: float) -> float:
        """The new end of all these locks; raises `AmqpError`, and renews none, if one is lost."""
        if not all(token in self._locks for token in tokens):
            raise errors.lock_lost()
        until = now + self._duration
        for token in tokens:
            self._locks[token].until = until
            heapq.heappush(self._ends, (until, token))
        return until

    def __contains__(self, token: uuid.UUID) -> bool:
        return token in self._locks

    def holds(self, sequence: int) -> bool:
        return sequence in self._sequences

    def ended(self, now: float) -> Iterator[Lock]:
        """Takes the locks whose time is over."""
        while self._ends and self._ends[0][0] <= now:
            _, token = heapq.heappop(self._ends)
            lock = self._locks.get(token)
            if lock is not None and lock.until <= now:
                yield self.take(token)

    def _add(self, lock: Lock) -> Lock:
        self._locks[lock.token] = lock
        self._sequences.add(lock.sequence)
        return lock

    @property
    def next_end(self) -> float | None:
        """When the next lock ends, unless it is renewed before."""
        return self._ends[0][0] if self._ends else None
