"""Matches a federated token against an identity's federated credentials, and verifies it."""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError

from localcloud.entra import errors
from localcloud.entra.directory import FederatedCredential, Identity
from localcloud.entra.issuers import Issuers

CLOCK_SKEW = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class UnverifiedAssertion:
    """What a token says of itself; nothing here is verified."""

    token: str
    kid: str | None
    issuer: str
    subject: str
    audiences: tuple[str, ...]
    not_before: float
    expires: float
    pod: str | None

    @classmethod
    def read(cls, token: str) -> "UnverifiedAssertion":
        """Raises `EntraError` AADSTS50027 where the text is no JWT with the claims of a federated token."""
        try:
            header, payload, _signature = (_decode(part) for part in token.split("."))
            head, claims = json.loads(header), json.loads(payload)
            audience = claims["aud"]
            kubernetes = claims.get("kubernetes.io") or {}
            return cls(
                token=token,
                kid=head.get("kid"),
                issuer=str(claims["iss"]),
                subject=str(claims["sub"]),
                audiences=tuple(map(str, audience)) if isinstance(audience, list) else (str(audience),),
                not_before=float(claims.get("nbf", claims.get("iat", 0))),
                expires=float(claims["exp"]),
                pod=(kubernetes.get("pod") or {}).get("name"),
            )
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise errors.assertion_malformed() from error


def match(assertion: UnverifiedAssertion, identity: Identity) -> FederatedCredential:
    """The credential that trusts this token; raises `EntraError` for the first of issuer, subject and audience that
    fits none, in the order in which Entra names them."""
    candidates = [c for c in identity.federated_credentials if c.issuer == assertion.issuer]
    if not candidates:
        raise errors.issuer_mismatch(assertion.issuer)
    subjects = [c for c in candidates if c.subject == assertion.subject]
    if not subjects:
        if any(c.subject.lower() == assertion.subject.lower() for c in candidates):
            raise errors.subject_case_mismatch(assertion.subject)
        raise errors.subject_mismatch(assertion.subject)
    for credential in subjects:
        if credential.audience in assertion.audiences:
            return credential
    raise errors.audience_mismatch(assertion.audiences[0] if assertion.audiences else "")


async def verify(assertion: UnverifiedAssertion, issuers: Issuers, clock: Callable[[], float]) -> None:
    """Checks the times, then the signature with the issuer's published keys; raises `EntraError`."""
    now = clock()
    if not assertion.not_before - CLOCK_SKEW <= now < assertion.expires + CLOCK_SKEW:
        raise errors.assertion_expired(now, assertion.not_before, assertion.expires)
    keys = await issuers.keys(assertion.issuer, assertion.kid)
    try:
        jwt.decode(assertion.token, keys, algorithms=["RS256"])
    except BadSignatureError as error:
        raise errors.signature_invalid() from error
    except (JoseError, ValueError) as error:
        raise errors.assertion_malformed() from error


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
