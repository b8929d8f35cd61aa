"""The process's one credential, watched: it logs each token it gets by its claims, and never the token.

The `uti` ties this log to Entra's sign-in logs (`AADManagedIdentitySignInLogs.UniqueTokenIdentifier`).
"""

import base64
import binascii
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from azure.core.credentials import AccessToken, AccessTokenInfo, SupportsTokenInfo, TokenCredential, TokenRequestOptions
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential

_PATIENCE = 3.0  # seconds to wait for another thread's exchange; while Entra is down nobody queues up behind it

_log = structlog.get_logger(__name__)


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, its signature NOT verified: good for showing, never for deciding.

    Returns {} for a token that is no JWT (the resource alone knows what its tokens are).
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


class Credential(TokenCredential, SupportsTokenInfo):
    """Passes every call on to the SDK's credential, which caches tokens per scope and renews them in time."""

    def __init__(self, inner: WorkloadIdentityCredential) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._exchanges: dict[str, threading.Lock] = {}  # by scope
        self._newest: dict[str, dict[str, Any]] = {}  # scope: its newest token's claims

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        scope = " ".join(scopes)
        with self._one_at_a_time(scope):
            try:
                token = self._inner.get_token_info(*scopes, options=options or {})
            except ClientAuthenticationError:
                # azure-identity (1.27) keeps the projected token for ten minutes, even if Entra has refused it as
                # expired: the next exchange shows the one that is in the file then.
                self._inner._last_read_time = 0
                raise
        self._note(scope, claims_of(token.token))
        return token

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """The older call of the two that SDK clients make; `claims` and `tenant_id` are its options."""
        options = TokenRequestOptions()
        if kwargs.get("claims"):
            options["claims"] = kwargs["claims"]
        if kwargs.get("tenant_id"):
            options["tenant_id"] = kwargs["tenant_id"]
        token = self.get_token_info(*scopes, options=options)
        return AccessToken(token.token, token.expires_on)

    def close(self) -> None:
        """Part of the protocol; the process keeps its credential for life."""

    def __enter__(self) -> "Credential":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def claims(self) -> dict[str, dict[str, Any]]:
        """The claims of the newest token for each scope that a client has asked for."""
        with self._lock:
            return dict(self._newest)

    @contextmanager
    def _one_at_a_time(self, scope: str) -> Iterator[None]:
        """Threads that ask for the same token at once cause one exchange: the others find it in the SDK's cache."""
        with self._lock:
            exchange = self._exchanges.setdefault(scope, threading.Lock())
        held = exchange.acquire(timeout=_PATIENCE)
        try:
            yield
        finally:
            if held:
                exchange.release()

    def _note(self, scope: str, claims: dict[str, Any]) -> None:
        with self._lock:
            new = self._newest.get(scope) != claims
            self._newest[scope] = claims
        if new:
            _log.info("token.acquired", **{name: claims.get(name) for name in ("uti", "oid", "aud", "exp")})
