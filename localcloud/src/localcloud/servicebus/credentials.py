"""The tokens that one connection has shown, and what its caller may do with them.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide#claims-based-authorization
"""

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from localcloud.authorization.guard import Denied, Guard, Unauthenticated
from localcloud.authorization.tokens import AccessClaims
from localcloud.servicebus import errors
from localcloud.servicebus.actions import RECEIVE, SEND
from localcloud.servicebus.address import Address
from localcloud.servicebus.faulty import Disturbance
from localcloud.servicebus.namespace import Namespace
from localcloud.servicebus.queue import Queue

_CLAIMS = {SEND: "Send", RECEIVE: "Listen"}
_REQUEST = "put-token"  # in the trail, in the place of an action


class Refused(Exception):
    """A token that is not accepted: the status of the answer, and a reason that quotes no token."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Credentials:
    """A token holds for the entity that its audience names and what is below it, or for the namespace if it names none.

    One is kept for each entity of the namespace at most: a token for another entity is refused.
    """

    def __init__(
        self, guard: Guard, namespace: Namespace, clock: Callable[[], float], disturbance: Disturbance
    ) -> None:
        self._guard = guard
        self._disturbance = disturbance
        self._namespace = namespace
        self._clock = clock
        self._claims: dict[str, AccessClaims] = {}
        self.expires: float | None = None  # the Unix time at which the first of the tokens expires

    def put(self, audience: str, token: str) -> None:
        """Takes a token, in place of the one that the same entity had; raises `Refused`.

        It is asked in this order: is the token good, is the audience this namespace's, does the token still hold, is
        there such an entity. What the caller may do with the entity is asked when a link is attached.
        The text for another namespace's audience is Service Bus' own: https://github.com/Azure/azure-sdk-for-net/issues/27644
        The status for an unknown entity too: https://github.com/Azure/azure-service-bus/issues/451
        """
        address = Address.parse(audience)
        entity = self._namespace.find_root(address)
        scope = entity.scope if entity is not None else f"serviceBus/{address.root}".rstrip("/")
        try:
            claims = self._guard.authenticate(token, _REQUEST, scope)
        except Unauthenticated as error:
            raise Refused(401, f"InvalidToken: {error.reason}.") from error
        if not _is_of(self._namespace.name, audience):
            self._guard.refuse(claims, _REQUEST, scope, f"it was put for {audience}, which is another namespace's")
            raise Refused(401, "InvalidAudience: The authorization header contains a token with a wrong audience.")
        if claims.expires <= self._clock():
            expired = datetime.fromtimestamp(claims.expires, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            raise Refused(401, f"ExpiredToken: The token is expired. Expiration time: '{expired}'.")
        if address.root and entity is None:
            raise Refused(404, errors.entity_not_found(self._namespace.name, address.entity).description)
        self._claims[address.root.lower()] = claims
        self.expires = min(each.expires for each in self._claims.values())

    @property
    def now(self) -> float:
        """Azure's time."""
        return self._clock()

    def require(self, action: str, queue: Queue) -> None:
        """Raises `AmqpError` unless the caller holds the action on the queue at this moment."""
        self._disturbance.check()
        claims = self._claims_for(queue.address)
        if claims is None or claims.expires <= self._clock():
            raise errors.unauthorized(self._namespace.name, queue.name, _CLAIMS[action])
        try:
            self._guard.check(claims, action, queue.scope)
        except Denied as error:
            raise errors.unauthorized(self._namespace.name, queue.name, _CLAIMS[action]) from error

    def require_token(self, address: Address) -> None:
        """Raises `AmqpError` if no token was shown for the entity: each later request needs more than this."""
        if self._claims_for(address) is None:
            raise errors.unauthorized(self._namespace.name, address.entity, "Listen")

    def _claims_for(self, address: Address) -> AccessClaims | None:
        found = (self._claims.get(name) for name in (address.root.lower(), address.topic.lower(), ""))
        return next((claims for claims in found if claims is not None), None)


def _is_of(namespace: str, audience: str) -> bool:
    """Whether the audience is one of this namespace: a path in it, or a URI with its name.

    An address, or localhost, is accepted too: a client that dials the local cloud by it knows no other name.
    """
    if "://" not in audience:
        return True
    try:
        host = urlsplit(audience).hostname or ""
    except ValueError:
        return False
    if host in (namespace.lower(), "localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
