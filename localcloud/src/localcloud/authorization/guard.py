"""Checks every request to a service: first its token, then the access. The audit trail gets the result."""

from collections.abc import Callable

from localcloud.authorization.audit import AccessEntry, Audit
from localcloud.authorization.model import AccessModel
from localcloud.authorization.tokens import AccessClaims, InvalidToken, TokenVerifier

# Reasons in the trail, beside those of a bad token.
NO_GRANT = "no grant"
CONTROL_PLANE = "control plane"


class Unauthenticated(Exception):
    """The request has no token, or none that is good for this service. `reason` quotes no token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Denied(Exception):
    """The token is good, and its principal does not hold the action on the scope."""

    def __init__(self, principal: str, action: str, scope: str) -> None:
        super().__init__(f"{principal} does not hold {action} on {scope}")
        self.principal = principal
        self.action = action
        self.scope = scope


class Guard:
    """The guard of one service. `audiences` are the resources whose tokens it accepts.

    `model` is called for every request, so that a change to the access file counts from the next one.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        model: Callable[[], AccessModel],
        audit: Audit,
        audiences: frozenset[str],
    ) -> None:
        self._verifier = verifier
        self._model = model
        self._audit = audit
        self._audiences = audiences

    def authorize(self, token: str | None, action: str, scope: str) -> AccessClaims:
        """Check the token and the access, and return the caller's claims; raise `Unauthenticated` or `Denied`.

        `scope` is `service/entity`. It is a service's name alone if a grant on any of its entities is enough.
        """
        claims = self.authenticate(token, action, scope)
        self.check(claims, action, scope)
        return claims

    def authenticate(self, token: str | None, action: str, scope: str) -> AccessClaims:
        """Check the token alone and return its claims; raise `Unauthenticated`.

        AMQP shows a token once a connection.
        """
        if not token:
            # Every Key Vault client asks once without a token, to be told the tenant. That is no access, so no entry.
            raise Unauthenticated("the request carries no token")
        try:
            return self._verifier.verify(token, self._audiences)
        except InvalidToken as error:
            self._note(error.principal, error.uti, action, scope, allowed=False, reason=error.reason)
            raise Unauthenticated(error.reason) from error

    def check(self, claims: AccessClaims, action: str, scope: str) -> None:
        """Check the access alone; raise `Denied` if the model grants no such action on the scope."""
        allowed = self._model().allows(claims.oid, action, scope)
        self._note(claims.oid, claims.uti, action, scope, allowed, None if allowed else NO_GRANT)
        if not allowed:
            raise Denied(claims.oid, action, scope)

    def refuse(self, claims: AccessClaims, action: str, scope: str, reason: str) -> None:
        """Note a request that no grant could allow, with the reason. The service answers it."""
        self._note(claims.oid, claims.uti, action, scope, allowed=False, reason=reason)

    def holds(self, claims: AccessClaims, action: str, scope: str) -> bool:
        """Whether the model grants this. It is no access yet, so the trail gets no entry.

        A service asks it to tell which of two actions a request is.
        """
        return self._model().allows(claims.oid, action, scope)

    def _note(
        self,
        principal: str | None,
        uti: str | None,
        action: str,
        scope: str,
        allowed: bool,
        reason: str | None,
    ) -> None:
        workload = self._model().workload_of(principal) if principal else None
        pod = self._audit.pod_of(uti)
        self._audit.access(AccessEntry(principal, workload, pod, uti, action, scope, allowed, reason))
