"""What a link leads to: `$cbs`, a queue, or an entity's `$management`; and who may attach one."""

from dataclasses import dataclass, field

from localcloud.servicebus import cbs, errors, management
from localcloud.servicebus.actions import RECEIVE, SEND
from localcloud.servicebus.address import CBS, Address
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.message import Message, data_sections
from localcloud.servicebus.amqp.performatives import Attach, Source, Target
from localcloud.servicebus.amqp.types import Described
from localcloud.servicebus.credentials import Credentials
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.limits import LONGEST_NAME, Holdings
from localcloud.servicebus.links import Accept, ConsumerLink, IncomingLink, Link, LinkSession, ReplyLink
from localcloud.servicebus.namespace import Namespace
from localcloud.servicebus.queue import Queue

_BATCH = 0x80013700  # the message format of several messages in one
_SETTLED = 1  # snd-settle-mode
_SESSION_FILTER = "com.microsoft:session-filter"


@dataclass(slots=True)
class Peer:
    """Who is at the other end of a connection, what that connection holds, and the links that take replies there."""

    namespace: Namespace
    credentials: Credentials
    holdings: Holdings
    reply_links: list[ReplyLink] = field(default_factory=list)


def open_link(session: LinkSession, attach: Attach, source: Source, target: Target, peer: Peer) -> Link:
    """The link's end for what it leads to; raises `AmqpError` where it is refused."""
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
        if queue.dead_letters is None:
            raise AmqpError(errors.NOT_ALLOWED, "Messages cannot be sent to a dead-letter sub-queue.")
        return IncomingLink(session, attach.handle, attach.name, _enqueue(queue, peer.credentials), peer.holdings)
    if _SESSION_FILTER in (source.filter or {}):
        description = "It is not possible for an entity that doesn't require sessions to create a sessionful receiver."
        raise AmqpError(errors.NOT_ALLOWED, description)
    settled = attach.snd_settle_mode == _SETTLED
    return ConsumerLink(session, attach.handle, attach.name, settled, queue, peer.credentials)


def termini(attach: Attach) -> tuple[Source, Target]:
    """Raises `AmqpError` where an end is missing, or is a transaction's coordinator."""
    source = read(attach.source) if attach.source is not None else Source()
    if isinstance(attach.target, Described) and attach.target.descriptor in (0x30, "amqp:coordinator:list"):
        raise AmqpError(errors.NOT_IMPLEMENTED, "Transactions are not implemented.")
    target = read(attach.target) if attach.target is not None else Target()
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
