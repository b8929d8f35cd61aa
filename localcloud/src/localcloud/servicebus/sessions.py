"""The locks of one entity's sessions: which receiver has which, until when, and which ones wait for one.

A lock belongs to the link that accepted the session, and ends with it. Locks live in memory.
https://learn.microsoft.com/azure/service-bus-messaging/message-sessions
"""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from localcloud.servicebus import errors


class SessionReceiver(Protocol):
    """The receiver that holds a session."""

    def lose_session(self) -> None:
        """The session's lock has ended."""


@dataclass(slots=True, eq=False)
class SessionLock:
    """`holder` is what the connection shows when it asks for something of the session; `until` is a Unix time."""

    session_id: str
    holder: object
    until: float
    receiver: SessionReceiver | None = None


class WaitingReceiver(Protocol):
    """A receiver that waits until a session is available; `deadline` is the Unix time at which it no longer does."""

    deadline: float

    def may_receive(self) -> bool: ...

    def accept(self) -> None:
        """A session is available: accept it now."""

    def time_out(self) -> None: ...


class Sessions:
    """Session locks by session ids. A lock that ended or was released is lost: `AmqpError` says so."""

    def __init__(self, duration: float) -> None:
        self._duration = duration
        self._locks: dict[str, SessionLock] = {}
        self.waiting: deque[WaitingReceiver] = deque()

    def lock(self, session_id: str, holder: object, now: float) -> SessionLock:
        """Raises `AmqpError` if another receiver has the session."""
        if session_id in self._locks:
            raise errors.session_cannot_be_locked(session_id)
        self._locks[session_id] = lock = SessionLock(session_id, holder, now + self._duration)
        return lock

    def held(self, session_id: str, holder: object) -> SessionLock:
        """The lock of the session; raises `AmqpError` if this holder has none."""
        lock = self._locks.get(session_id)
        if lock is None or lock.holder is not holder:
            raise errors.session_lock_lost()
        return lock

    def until(self, session_id: str) -> float:
        """When the lock of a session that is locked ends."""
        return self._locks[session_id].until

    def renew(self, lock: SessionLock, now: float) -> float:
        lock.until = now + self._duration
        return lock.until

    def end(self, lock: SessionLock) -> bool:
        """Ends the lock; false if it had ended before."""
        if self._locks.get(lock.session_id) is not lock:
            return False
        del self._locks[lock.session_id]
        return True

    def is_free(self, session_id: str) -> bool:
        return session_id not in self._locks

    def all(self) -> list[SessionLock]:
        return list(self._locks.values())

    def ended(self, now: float) -> list[SessionLock]:
        """The locks whose time is over."""
        return [lock for lock in self._locks.values() if lock.until <= now]

    def overdue(self, now: float) -> list[WaitingReceiver]:
        """Takes the receivers that have waited as long as they would."""
        over = [each for each in self.waiting if each.deadline <= now]
        self.waiting = deque(each for each in self.waiting if each.deadline > now)
        return over

    @property
    def next_end(self) -> float | None:
        """When the next lock or the next wait ends."""
        times = [*(lock.until for lock in self._locks.values()), *(each.deadline for each in self.waiting)]
        return min(times, default=None)
