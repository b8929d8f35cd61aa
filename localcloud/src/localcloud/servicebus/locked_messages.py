"""The locks of an entity's messages: one for each, or in an entity that requires sessions one for each session.

https://learn.microsoft.com/azure/service-bus-messaging/message-sessions
"""

import uuid

from localcloud.servicebus import errors
from localcloud.servicebus.delivery import Delivery, outgoing
from localcloud.servicebus.locks import Lock
from localcloud.servicebus.messages import Messages
from localcloud.servicebus.quotas import SESSION_STATE_SIZE
from localcloud.servicebus.sessions import SessionLock, Sessions
from localcloud.servicebus.state import MessageState, Stored


class LockedMessages(Messages):
    """Messages that are handed out under locks. What needs a lock raises `AmqpError` if it was lost."""

    sessions: Sessions | None = None  # of an entity that requires them

    def load(self) -> None:
        """As `Messages` has it. Receivers lose their sessions; those that wait for one go on waiting."""
        super().load()
        before = self.sessions
        self.sessions = Sessions(self.properties.lock_duration) if self.properties.requires_session else None
        if self.sessions is not None and before is not None:
            self.sessions.waiting = before.waiting
            for lock in before.all():
                _lose(lock)

    def is_locked(self, token: uuid.UUID) -> bool:
        """Whether the lock of this token holds still."""
        return token in self._locks

    def renew(self, tokens: list[uuid.UUID]) -> float:
        """Renews these locks; returns the Unix time until which they hold."""
        if self.sessions is not None:
            description = "The lock of a message in a session is the session's: renew that one."
            raise errors.AmqpError(errors.NOT_ALLOWED, description)
        return self._locks.renew(tokens, self._clock())

    def accept_session(self, session_id: str, holder: object) -> SessionLock:
        """Locks a session, which may have no messages yet; raises `AmqpError` if another receiver has it."""
        self._state.require_writable()
        return self._require_sessions().lock(session_id, holder, self._clock())

    def accept_next_session(self, holder: object) -> SessionLock | None:
        """Locks the session of the oldest message that is available, if there is one."""
        sessions = self._require_sessions()
        while (found := self._available.first(sessions.is_free)) is not None:
            session_id, sequence = found
            stored = self._state.get(self._key, sequence)
            if stored is not None and stored.state == MessageState.ACTIVE and not self._is_expired(stored):
                return sessions.lock(session_id, holder, self._clock())
            self._available.take(session_id)
            if stored is not None and stored.state == MessageState.ACTIVE:
                self._expire(stored)
        return None

    def release_session(self, lock: SessionLock) -> None:
        """Ends a session's lock because its receiver is gone. Deliveries without an outcome are not counted.

        https://learn.microsoft.com/azure/service-bus-messaging/message-sessions#impact-of-delivery-count
        """
        if self._require_sessions().end(lock):
            for each in self._locks.of_session(lock.session_id):
                self._uncount(each.sequence)
                self._return(each.sequence)

    def session(self, session_id: str, holder: object) -> SessionLock:
        """The lock that this holder has on the session; raises `AmqpError` if it has none."""
        return self._require_sessions().held(session_id, holder)

    def renew_session(self, lock: SessionLock) -> float:
        """Renews the lock; returns the Unix time until which it holds."""
        return self._require_sessions().renew(lock, self._clock())

    def session_state(self, lock: SessionLock) -> bytes | None:
        return self._state.session_state(self._key, lock.session_id)

    def set_session_state(self, lock: SessionLock, state: bytes | None) -> None:
        """Without a state, the one that the session has is forgotten. Raises `AmqpError` if it is too large."""
        self._state.require_writable()
        if state is not None and len(state) > SESSION_STATE_SIZE:
            description = f"A session's state has {SESSION_STATE_SIZE} bytes at most."
            raise errors.AmqpError(errors.MESSAGE_SIZE_EXCEEDED, description)
        self._state.set_session_state(self._key, lock.session_id, state, self._clock())

    def session_ids(self, updated_since: float | None) -> list[str]:
        """The ids of the sessions whose state was set after this Unix time; without it, of those with messages."""
        self._require_sessions()
        if updated_since is None:
            return self._state.sessions_with_messages(self._key)
        return self._state.sessions_updated(self._key, updated_since)

    def _offer_sessions(self) -> None:
        while self.sessions is not None and self.sessions.waiting:
            if self._available.first(self.sessions.is_free) is None:
                return
            waiting = self.sessions.waiting.popleft()
            if waiting.may_receive():
                waiting.accept()

    def _require_sessions(self) -> Sessions:
        if self.sessions is None:
            raise errors.AmqpError(errors.NOT_ALLOWED, f"'{self.name}' does not require sessions.")
        return self.sessions

    def _end_sessions(self, sessions: Sessions, now: float) -> None:
        """Ends the locks whose time is over: their receivers are told, and the deliveries are counted."""
        for lock in sessions.ended(now):
            sessions.end(lock)
            for each in self._locks.of_session(lock.session_id):
                self._return(each.sequence)
            _lose(lock)
        for waiting in sessions.overdue(now):
            waiting.time_out()

    def _deliver(self, stored: Stored, lock: bool) -> Delivery:
        if not lock:
            self._state.delete(self._key, stored.sequence)
            return Delivery(outgoing(stored), None)
        if self.sessions is not None and stored.session is not None:
            until = self.sessions.until(stored.session)
            held = self._locks.add_of_session(stored.sequence, stored.session, until)
        else:
            held = self._locks.add(stored.sequence, self._clock())
        self._state.set_deliveries(self._key, stored.sequence, stored.deliveries + 1)
        return Delivery(outgoing(stored, held), held.token)

    def _held(self, token: uuid.UUID) -> Lock:
        """The lock of this token; raises `AmqpError`. In a session, what was lost is the session's lock."""
        if token not in self._locks and self.sessions is not None:
            raise errors.session_lock_lost()
        return self._locks.get(token)

    def _take(self, token: uuid.UUID) -> Lock:
        return self._locks.take(self._held(token).token)


def _lose(lock: SessionLock) -> None:
    if lock.receiver is not None:
        lock.receiver.lose_session()
