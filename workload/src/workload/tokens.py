"""What may be known of a token: its claims. A token itself is never logged."""

import base64
import json
import threading
from typing import Any

import structlog

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


class TokenLog:
    """Remember the claims of the newest token for each scope, and log each new one.

    The claim `uti` joins these lines to Entra's sign-in logs
    (`AADManagedIdentitySignInLogs.UniqueTokenIdentifier`): what this process did, and what Entra saw.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, dict[str, Any]] = {}

    def note(self, scope: str, token: str) -> None:
        """Log the token's claims, unless it is the one that was noted last."""
        claims = claims_of(token)
        with self._lock:
            new = self._newest.get(scope) != claims
            self._newest[scope] = claims
        if new:
            _log.info("token.acquired", **{name: claims.get(name) for name in _LOGGED})

    def claims(self) -> dict[str, dict[str, Any]]:
        """Return the newest claims by scope."""
        with self._lock:
            return dict(self._newest)
