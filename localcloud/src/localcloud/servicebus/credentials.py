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

_CLAIMS = {SEND: "Send", RECEIVE: "Listen"}
_REQUEST = "put-token"  # in the trail, in the place of an action


class Refused(Exception):
    """A token that is not accepted. `reason` quotes none."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Credentials:
    """A token holds for the queue that its audience names, and for all of the namespace where it names none."""

    def __init__(self, guard: Guard, namespace: str, clock: Callable[[], float], disturbance: Disturbance) -> None:
        self._guard = guard
        self._disturbance = disturbance
        self._namespace = namespace
        self._clock = clock
        self._claims: dict[str, AccessClaims] = {}
        self.expires: float | None = None  # the Unix time at which the first of the tokens expires

    def put(self, audience: str, token: str) -> None:
        """Takes a token, in place of the one that the same audience had; raises `Refused`.

        The text for another namespace's audience is Service Bus' own: https://github.com/Azure/azure-sdk-for-net/issues/27644
        """
        queue = Address.parse(audience).scope
        scope = f"serviceBus/{queue}".rstrip("/")
        try:
            claims = self._guard.authenticate(token, _REQUEST, scope)
        except Unauthenticated as error:
            raise Refused(f"InvalidToken: {error.reason}.") from error
        if not _is_of(self._namespace, audience):
            self._guard.refuse(claims, _REQUEST, scope, f"it was put for {audience}, which is another namespace's")
            raise Refused("InvalidAudience: The authorization header contains a token with a wrong audience.")
        if claims.expires <= self._clock():
            expired = datetime.fromtimestamp(claims.expires, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            raise Refused(f"ExpiredToken: The token is expired. Expiration time: '{expired}'.")
        self._claims[queue.lower()] = claims
        self.expires = min(each.expires for each in self._claims.values())

    def require(self, action: str, address: Address) -> None:
        """Raises `AmqpError` unless the caller holds the action on the queue, at this moment.

        The address is in the queue's own spelling, which is also the access model's.
        """
        self._disturbance.check()
        claims = self._claims_for(address)
        if claims is None or claims.expires <= self._clock():
            raise errors.unauthorized(self._namespace, address.entity, _CLAIMS[action])
        try:
            self._guard.check(claims, action, f"serviceBus/{address.scope}")
        except Denied as error:
            raise errors.unauthorized(self._namespace, address.entity, _CLAIMS[action]) from error

    def require_token(self, address: Address) -> None:
        """Raises `AmqpError` where no token was shown for the queue: each later request needs more than this."""
        if self._claims_for(address) is None:
            raise errors.unauthorized(self._namespace, address.entity, "Listen")

    def _claims_for(self, address: Address) -> AccessClaims | None:
        return self._claims.get(address.scope.lower()) or self._claims.get("")


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
