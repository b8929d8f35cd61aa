"""Opens links to `$cbs`, to queues and to management nodes, for the callers that may attach them."""

from dataclasses import dataclass, field

from localcloud.servicebus import cbs, errors, management
from localcloud.servicebus.actions import RECEIVE, SEND
from localcloud.servicebus.address import CBS, Address, text
from localcloud.servicebus.amqp.composites import read
from localcloud.servicebus.amqp.message import Message, data_sections
from localcloud.servicebus.amqp.performatives import Attach, Coordinator, Source, Target
from localcloud.servicebus.credentials import Credentials
from localcloud.servicebus.errors import AmqpError
from localcloud.servicebus.limits import Holdings
from localcloud.servicebus.links import (
    Accept,
    IncomingLink,
    Link,
    LinkSession,
    ReplyLink,
)
from localcloud.servicebus.namespace import Namespace
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.receivers import open_receiver

_BATCH = 0x80013700  # the message format of several messages in one


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
    return open_receiver(session, attach, source, queue, peer.credentials)


def termini(attach: Attach) -> tuple[Source, Target]:
    """The two ends of a link. Raises `AmqpError` for a transaction's coordinator or an address that is too long."""
    source = read(attach.source) if attach.source is not None else Source()
    target = read(attach.target) if attach.target is not None else Target()
    if isinstance(target, Coordinator):
        raise errors.no_transactions()
    if not isinstance(source, Source) or not isinstance(target, Target):
        raise AmqpError(errors.INVALID_FIELD, "A link needs a source and a target.")
    for end in source, target:
        text(end.address)
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
