"""What may be known of a token: its claims. A token itself is never logged."""

import base64
import json
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

import structlog
from azure.core.credentials import AccessToken, AccessTokenInfo

from workload.failure import Failure, explain

_RENEWED_BEFORE = 300  # seconds before a token expires in which azure-identity (1.27) asks for the next one

_LOGGED = ("uti", "oid", "aud", "exp")

_log = structlog.get_logger(__name__)


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JWT, or {} if the token is no JWT. Its signature is NOT verified: show them, trust none.

    A token's resource alone knows what its tokens are, so an opaque one is no error.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came of the exchanges for one scope. Times are Unix times.

    `claims` are those of the newest token, which was new at `at`. From `renewed` on the SDK asks for the next one.
    `failure` says why the last attempt failed, and is None if it did not. An older token may still be good then.
    """

    scope: str
    claims: dict[str, Any]
    at: float
    renewed: float
    failure: Failure | None = None


class TokenLog:
    """Remember the exchanges of each scope, and log each new token.

    The claim `uti` joins these lines to Entra's sign-in logs
    (`AADManagedIdentitySignInLogs.UniqueTokenIdentifier`): what this process did, and what Entra saw.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchanges: dict[str, Exchange] = {}

    def note(self, scope: str, token: AccessToken | AccessTokenInfo) -> None:
        """Note the token that a client got. Log its claims, unless it is the one that was noted last."""
        claims = claims_of(token.token)
        with self._lock:
            last = self._exchanges.get(scope)
            new = last is None or last.claims != claims
            at = time.time() if last is None or new else last.at
            renewed = getattr(token, "refresh_on", None) or token.expires_on - _RENEWED_BEFORE
            self._exchanges[scope] = Exchange(scope, claims, at, renewed)
        if new:
            _log.info("token.acquired", **{name: claims.get(name) for name in _LOGGED})

    def note_failure(self, scope: str, error: Exception) -> None:
        """Note why a client got no token."""
        with self._lock:
            last = self._exchanges.get(scope) or Exchange(scope, {}, time.time(), 0)
            self._exchanges[scope] = replace(last, failure=explain(error))

    def exchanges(self) -> list[Exchange]:
        """Return what came of the exchanges, one for each scope that a client has asked for."""
        with self._lock:
            return list(self._exchanges.values())
