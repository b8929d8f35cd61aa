"""Every data-plane request passes here: the token first, then the access, and the trail says what came of it."""

from collections.abc import Callable

from localcloud.authorization.audit import AccessEntry, Audit
from localcloud.authorization.model import AccessModel
from localcloud.authorization.tokens import AccessClaims, InvalidToken, TokenVerifier

# Reasons in the trail, beside what is wrong with a token.
NO_GRANT = "no grant"
CONTROL_PLANE = "control plane"


class Unauthenticated(Exception):
    """No token, or not a good one for this service. `reason` quotes no token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Denied(Exception):
    """A good token whose principal does not hold the action on the scope."""

    def __init__(self, principal: str, action: str, scope: str) -> None:
        super().__init__(f"{principal} does not hold {action} on {scope}")
        self.principal = principal
        self.action = action
        self.scope = scope


class Guard:
    """One service's guard. `audiences` are the resources whose tokens it accepts.

    `model` is called for every request, so that an access file read again takes effect at once.
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
        """Lets the request through and returns the caller's claims, or raises `Unauthenticated` or `Denied`.

        `scope` is `service/entity`, or a service's name alone where a grant on any of its entities suffices.
        """
        claims = self.authenticate(token, action, scope)
        self.check(claims, action, scope)
        return claims

    def authenticate(self, token: str | None, action: str, scope: str) -> AccessClaims:
        """The first half alone, for protocols that show the token once a connection (AMQP)."""
        if not token:
            # Every Key Vault client asks once without a token to be told the tenant: no access, no line.
            raise Unauthenticated("the request carries no token")
        try:
            return self._verifier.verify(token, self._audiences)
        except InvalidToken as error:
            self._note(error.principal, error.uti, action, scope, allowed=False, reason=error.reason)
            raise Unauthenticated(error.reason) from error

    def check(self, claims: AccessClaims, action: str, scope: str) -> None:
        """The second half: raises `Denied` where the model grants no such action on the scope."""
        allowed = self._model().allows(claims.oid, action, scope)
        self._note(claims.oid, claims.uti, action, scope, allowed, None if allowed else NO_GRANT)
        if not allowed:
            raise Denied(claims.oid, action, scope)

    def refuse(self, claims: AccessClaims, action: str, scope: str, reason: str) -> None:
        """Notes what no grant could allow, with the reason; the service answers it."""
        self._note(claims.oid, claims.uti, action, scope, allowed=False, reason=reason)

    def holds(self, claims: AccessClaims, action: str, scope: str) -> bool:
        """Whether the model grants this, where a service must know which of two actions a request is: no access yet,
        so no line."""
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
