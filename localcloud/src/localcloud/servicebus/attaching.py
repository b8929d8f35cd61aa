"""Opens links to `$cbs`, to queues and to management nodes, for the callers that may attach them."""

from dataclasses import dataclass, field

from localcloud.servicebus import cbs, errors, management
from localcloud.servicebus.actions import RECEIVE, SEND
from localcloud.servicebus.address import CBS, Address
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.message import Message, data_sections
from localcloud.servicebus.amqp.performatives import Attach, Coordinator, Source, Target
from localcloud.servicebus.amqp.types import Described, Symbol, Value
from localcloud.servicebus.credentials import Credentials
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.limits import LONGEST_NAME, Holdings
from localcloud.servicebus.links import (
    SETTLED,
    Accept,
    ConsumerLink,
    IncomingLink,
    Link,
    LinkSession,
    ReplyLink,
    WaitingLink,
)
from localcloud.servicebus.namespace import Namespace
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.quotas import FIELD_LENGTHS, RECEIVERS

_BATCH = 0x80013700  # the message format of several messages in one
SESSION_FILTER = "com.microsoft:session-filter"
_NO_FILTER = object()
_LOCKED_UNTIL = "com.microsoft:locked-until-utc"
_TIMEOUT = "com.microsoft:timeout"  # among an attach's properties, in milliseconds
_DEFAULT_TIMEOUT = 60.0  # seconds
_LONGEST_TIMEOUT = 86_400_000
_TICKS_AT_1970 = 621_355_968_000_000_000
_TICKS_A_SECOND = 10_000_000


@dataclass(slots=True)
class Peer:
    """The client of a connection: its tokens, what the connection holds, and the links that take replies."""

    namespace: Namespace
    credentials: Credentials
    holdings: Holdings
    reply_links: list[ReplyLink] = field(default_factory=list)


def open_link(session: LinkSession, attach: Attach, source: Source, target: Target, peer: Peer) -> Link:
    """Open this end of the link that the peer attaches. Raises `AmqpError` if it is refused."""
    peer_receives = attach.role
    address = text(source.address if peer_receives else target.address)
    if address.lower() == CBS:
        return _request_link(session, attach, CBS, text(target.address), peer, _put_token(peer))
    parsed = Address.parse(address)
    peer.credentials.require_token(parsed)
    queue = peer.namespace.find(parsed)
    if queue is None:
        raise errors.entity_not_found(peer.namespace.name, parsed.entity)
    if parsed.is_management:
        accept = _manage(queue, peer)
        return _request_link(session, attach, queue.name, text(target.address), peer, accept)
    peer.credentials.require(RECEIVE if peer_receives else SEND, queue)
    if not peer_receives:
        if not queue.can_send:
            description = f"Messages cannot be sent to '{queue.name}': it is a subscription or a dead-letter sub-queue."
            raise AmqpError(errors.NOT_ALLOWED, description)
        return IncomingLink(session, attach.handle, attach.name, _enqueue(queue, peer.credentials), peer.holdings)
    if not queue.can_receive:
        why = "has auto-forwarding enabled" if queue.holds_messages else "is a topic: receive from its subscriptions"
        raise AmqpError(errors.NOT_ALLOWED, f"No message receiver can be created on '{queue.name}', which {why}.")
    if len(queue.consumers) >= RECEIVERS:
        raise errors.too_many_receivers(RECEIVERS)
    return _receiver(session, attach, source, queue, peer)


def answered(source: Source, link: Link, receives: bool) -> tuple[Source, dict[Value, Value] | None]:
    """The source of an attach's answer, and its properties: which session was accepted, and until when it is locked.

    The time is in .NET's ticks, https://learn.microsoft.com/dotnet/api/system.datetime.ticks.
    """
    lock = link.lock if isinstance(link, ConsumerLink) else None
    address = text(source.address)
    if lock is None or not receives:
        return Source(address), None
    ticks = _TICKS_AT_1970 + round(lock.until * _TICKS_A_SECOND)
    return Source(address, filter={Symbol(SESSION_FILTER): lock.session_id}), {Symbol(_LOCKED_UNTIL): ticks}


def _receiver(session: LinkSession, attach: Attach, source: Source, queue: Queue, peer: Peer) -> Link:
    """A receiver of the queue's messages; in an entity that requires sessions, of a named session or of the next."""
    wanted = (source.filter or {}).get(SESSION_FILTER, _NO_FILTER)
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
            return WaitingLink(session, attach, queue, peer.credentials, peer.credentials.now + timeout, timeout)
        if not isinstance(name, str) or len(name) > FIELD_LENGTHS["group-id"]:
            raise AmqpError(errors.INVALID_FIELD, "A session filter is null or a session id.")
        lock = queue.accept_session(name, peer.credentials)
    settled = attach.snd_settle_mode == SETTLED
    return ConsumerLink(session, attach.handle, attach.name, settled, queue, peer.credentials, lock)


def _timeout(attach: Attach) -> float:
    """Seconds for which the peer waits for a session."""
    asked = (attach.properties or {}).get(_TIMEOUT)
    return asked / 1000 if isinstance(asked, int) and 0 < asked <= _LONGEST_TIMEOUT else _DEFAULT_TIMEOUT


def termini(attach: Attach) -> tuple[Source, Target]:
    """Raises `AmqpError` if an end is missing, or is a transaction's coordinator."""
    source = read(attach.source) if attach.source is not None else Source()
    target = read(attach.target) if attach.target is not None else Target()
    if isinstance(target, Coordinator):
        raise errors.no_transactions()
    if not isinstance(source, Source) or not isinstance(target, Target):
        raise AmqpError(errors.INVALID_FIELD, "A link needs a source and a target.")
    return source, target


def _request_link(
    session: LinkSession, attach: Attach, node: str, target: str, peer: Peer, accept: Accept
) -> IncomingLink | ReplyLink:
    if not attach.role:
        return IncomingLink(session, attach.handle, attach.name, accept, peer.holdings)
    link = ReplyLink(session, attach.handle, attach.name, node, target, peer.holdings)
    peer.reply_links.append(link)
    return link


def _put_token(peer: Peer) -> Accept:
    def accept(encoded: bytes, _: int) -> None:
        request = Message.parse(encoded)
        link = _reply_link(request, CBS, peer)
        link.reply(cbs.put_token(request, peer.credentials))

    return accept


def _manage(queue: Queue, peer: Peer) -> Accept:
    def accept(encoded: bytes, _: int) -> None:
        request = Message.parse(encoded)
        link = _reply_link(request, queue.name, peer)
        link.reply(management.answer(request, queue, peer.credentials))

    return accept


def _enqueue(queue: Queue, credentials: Credentials) -> Accept:
    def accept(encoded: bytes, message_format: int) -> None:
        batch = data_sections(encoded) if message_format == _BATCH else (encoded,)
        messages = [Message.parse(message) for message in batch]
        credentials.require(SEND, queue)
        queue.enqueue_all(messages)

    return accept


def _reply_link(request: Message, node: str, peer: Peer) -> ReplyLink:
    """The link whose target is the request's reply-to. A client of one link may leave it out.

    Raises `AmqpError` if there is no such link, or if too many replies wait already.
    """
    peer.holdings.require_room_for_reply()
    links = [link for link in peer.reply_links if link.node == node]
    named = [link for link in links if link.target == request.reply_to]
    if named or links:
        return (named or links)[-1]
    raise AmqpError(errors.NOT_FOUND, "There is no link that takes the reply.")


def text(address: object) -> str:
    """An address that is a string, as all here are; raises `AmqpError` for one that is too long."""
    if not isinstance(address, str):
        return ""
    if len(address) > LONGEST_NAME:
        raise AmqpError(errors.INVALID_FIELD, f"An address has {LONGEST_NAME} characters at most.")
    return address
