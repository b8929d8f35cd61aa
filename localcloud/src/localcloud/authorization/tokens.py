"""Verifies the access token of every request: signature, issuer, audience and times.

Access tokens are Entra's, version 1.0 (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, RSAKey

LIFETIME = 3600  # seconds
CLOCK_SKEW = 300.0  # seconds, as Microsoft's own token validation allows


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """The claims of a token that was verified. `expires` is a Unix time."""

    oid: str
    appid: str
    uti: str
    audience: str
    expires: float


class InvalidToken(Exception):
    """The service does not accept the token; `reason` says why, without quoting the token.

    `principal` and `uti` are set if the signature was good.
    """

    def __init__(self, reason: str, principal: str | None = None, uti: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.principal = principal
        self.uti = uti


class TokenVerifier:
    """Verifies access tokens that the local Entra signed for one tenant, with any of its keys."""

    def __init__(self, keys: RSAKey | Sequence[RSAKey], issuer: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = [keys] if isinstance(keys, RSAKey) else list(keys)
        self._issuer = issuer
        self._clock = clock
        self._signed: dict[str, dict[str, object]] = {}  # tokens whose signature was checked already

    def trust(self, keys: Sequence[RSAKey]) -> None:
        """Verify with these keys from now on, tokens that it has seen before too."""
        self._keys = list(keys)
        self._signed.clear()

    def verify(self, token: str, audiences: frozenset[str]) -> AccessClaims:
        """Return the claims of a good token for one of these audiences; raise `InvalidToken`.

        A slash at the end of the audience does not count, as with Azure's own services.
        """
        claims = self._signed_claims(token)
        oid, uti = str(claims.get("oid", "")), str(claims.get("uti", ""))
        now = self._clock()
        if claims.get("iss") != self._issuer:
            raise InvalidToken("the issuer is not this tenant's", oid, uti)
        audience = str(claims.get("aud", "")).rstrip("/")
        if audience not in audiences:
            raise InvalidToken(f"the audience is '{audience}'", oid, uti)
        expires, not_before = claims.get("exp"), claims.get("nbf")
        if not isinstance(expires, int | float) or now >= expires + CLOCK_SKEW:
            raise InvalidToken("the token has expired", oid, uti)
        if not isinstance(not_before, int | float) or now < not_before - CLOCK_SKEW:
            raise InvalidToken("the token is not yet valid", oid, uti)
        if not oid:
            raise InvalidToken("the token names no principal")
        return AccessClaims(oid, str(claims.get("appid", "")), uti, audience, float(expires))

    def _signed_claims(self, token: str) -> dict[str, object]:
        known = self._signed.get(token)
        if known is not None:
            return known
        try:
            claims = jwt.decode(token, self._key, algorithms=["RS256"]).claims
        except (JoseError, ValueError, TypeError) as error:  # a header may hold anything, a list as `crit` for one
            raise InvalidToken("the signature or the form is wrong") from error
        if len(self._signed) > 1000:
            self._signed.clear()
        self._signed[token] = claims
        return claims

    def _key(self, signed: GuestProtocol) -> RSAKey:
        """Return the key that the token's header names."""
        named = signed.headers().get("kid")
        for key in self._keys:
            if key.kid == named:
                return key
        raise InvalidToken("the header names a key that is not this tenant's")
