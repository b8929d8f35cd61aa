"""Matches a federated token against an identity's federated credentials, and verifies it."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from pydantic import BaseModel, ConfigDict, Field

from localcloud.authorization.workload import FederatedCredential
from localcloud.entra import errors
from localcloud.entra.directory import Identity
from localcloud.entra.issuers import Issuers

CLOCK_SKEW = 300.0  # seconds

_Moment = Annotated[float, Field(ge=0, lt=253402300800)]  # a Unix time within the years that can be written


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Header(_Part):
    kid: str | None = None
    crit: None = None  # extensions that must be understood: none is here


class _Pod(_Part):
    name: str | None = None


class _Kubernetes(_Part):
    pod: _Pod = _Pod()


class _Claims(_Part):
    iss: str
    sub: str
    aud: str | list[str]
    exp: _Moment
    nbf: _Moment | None = None
    iat: _Moment = 0
    kubernetes: _Kubernetes = Field(_Kubernetes(), alias="kubernetes.io")


@dataclass(frozen=True, slots=True)
class UnverifiedAssertion:
    """The claims of a token that is not verified yet."""

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
        """Read the token; raise `EntraError` AADSTS50027 if it is no JWT with the claims of a federated token."""
        try:
            header, payload, _signature = (_decode(part) for part in token.split("."))
            head, claims = _Header.model_validate_json(header), _Claims.model_validate_json(payload)
        except ValueError as error:
            raise errors.assertion_malformed() from error
        return cls(
            token=token,
            kid=head.kid,
            issuer=claims.iss,
            subject=claims.sub,
            audiences=(claims.aud,) if isinstance(claims.aud, str) else tuple(claims.aud),
            not_before=claims.iat if claims.nbf is None else claims.nbf,
            expires=claims.exp,
            pod=claims.kubernetes.pod.name,
        )


def match(assertion: UnverifiedAssertion, identity: Identity) -> FederatedCredential:
    """Return the credential that trusts this token.

    Raises `EntraError` for the first of issuer, subject and audience that fits no credential.
    """
    if not identity.federated_credentials:
        raise errors.no_credentials(identity.client_id, identity.name)
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
    """Check the times, then the signature with the issuer's published keys; raise `EntraError`."""
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
