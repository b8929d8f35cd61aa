"""Receivers of an entity's messages, with a session or without: which are opened, and what they are answered.

https://learn.microsoft.com/azure/service-bus-messaging/message-sessions
"""

from localcloud.servicebus import errors
from localcloud.servicebus.address import text
from localcloud.servicebus.amqp.performatives import Attach, Source
from localcloud.servicebus.amqp.types import Described, Symbol, Value
from localcloud.servicebus.credentials import Credentials
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.links import SETTLED, ConsumerLink, Link, LinkSession, WaitingLink
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.quotas import FIELD_LENGTHS, RECEIVERS

_SESSION_FILTER = "com.microsoft:session-filter"
_NO_FILTER = object()
_LOCKED_UNTIL = "com.microsoft:locked-until-utc"
_TIMEOUT = "com.microsoft:timeout"  # among an attach's properties, in milliseconds
_DEFAULT_TIMEOUT = 60.0  # seconds
_LONGEST_TIMEOUT = 86_400_000  # milliseconds
_TICKS_AT_1970 = 621_355_968_000_000_000
_TICKS_A_SECOND = 10_000_000


def open_receiver(session: LinkSession, attach: Attach, source: Source, queue: Queue, credentials: Credentials) -> Link:
    """Open a receiver of the queue's messages. Raises `AmqpError` if it is refused.

    In an entity that requires sessions it is that of a named session, or waits for the next one.
    """
    if not queue.can_receive:
        why = "has auto-forwarding enabled" if queue.holds_messages else "is a topic: receive from its subscriptions"
        raise AmqpError(errors.NOT_ALLOWED, f"No message receiver can be created on '{queue.name}', which {why}.")
    if len(queue.consumers) >= RECEIVERS:
        raise errors.too_many_receivers(RECEIVERS)
    wanted = (source.filter or {}).get(_SESSION_FILTER, _NO_FILTER)
    if wanted is _NO_FILTER and queue.sessions is not None:
        description = (
            "It is not possible for an entity that requires sessions to create a non-sessionful message receiver."
        )
        raise AmqpError(errors.NOT_ALLOWED, description)
    if wanted is not _NO_FILTER and queue.sessions is None:
        description = "It is not possible for an entity that doesn't require sessions to create a sessionful receiver."
        raise AmqpError(errors.NOT_ALLOWED, description)
    lock = None
    if wanted is not _NO_FILTER:
        name = wanted.value if isinstance(wanted, Described) else wanted
        if name is None:
            timeout = _timeout(attach)
            return WaitingLink(session, attach, queue, credentials, credentials.now + timeout, timeout)
        if not isinstance(name, str) or len(name) > FIELD_LENGTHS["group-id"]:
            raise AmqpError(errors.INVALID_FIELD, "A session filter is null or a session id.")
        lock = queue.accept_session(name, credentials)
    settled = attach.snd_settle_mode == SETTLED
    return ConsumerLink(session, attach.handle, attach.name, settled, queue, credentials, lock)


def _timeout(attach: Attach) -> float:
    """Seconds for which the peer waits for a session."""
    asked = (attach.properties or {}).get(_TIMEOUT)
    return asked / 1000 if isinstance(asked, int) and 0 < asked <= _LONGEST_TIMEOUT else _DEFAULT_TIMEOUT


def answered(source: Source, link: Link) -> tuple[Source, dict[Value, Value] | None]:
    """The source of an attach's answer, and its properties: which session was accepted, and until when it is locked.

    The time is in .NET's ticks, https://learn.microsoft.com/dotnet/api/system.datetime.ticks.
    """
    lock = link.lock if isinstance(link, ConsumerLink) else None
    address = text(source.address)
    if lock is None:
        return Source(address), None
    ticks = _TICKS_AT_1970 + round(lock.until * _TICKS_A_SECOND)
    return Source(address, filter={Symbol(_SESSION_FILTER): lock.session_id}), {Symbol(_LOCKED_UNTIL): ticks}
