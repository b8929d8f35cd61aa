"""Authenticate a projected token as the API server's TokenReview does.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
"""

from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError

from localcloud.authorization.issuer import Issuer
from localcloud.cluster.bindings import refusals
from localcloud.entra.assertions import UnverifiedAssertion
from localcloud.entra.errors import EntraError

AUDIENCE = "api://AKSIdentityBinding"
_USER = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Whose token it is. `pod` is the pod that the token is bound to, if there is one."""

    namespace: str
    service_account: str
    pod: str | None

    @property
    def account(self) -> str:
        return f"{self.namespace}/{self.service_account}"


def read(token: str) -> UnverifiedAssertion:
    """Read the token's claims, which are not verified yet. Raises `ExchangeRefused`."""
    try:
        return UnverifiedAssertion.read(token)
    except EntraError as error:
        raise refusals.token_invalid("it is no JWT of a service account") from error


def review(claims: UnverifiedAssertion, issuer: Issuer, now: float) -> Reviewed:
    """Verify the token's signature, issuer, times and audience; return whose it is. Raises `ExchangeRefused`."""
    if claims.issuer != issuer.url:
        raise refusals.token_invalid(f"it is of the issuer {claims.issuer}, and this cluster's is {issuer.url}")
    try:
        jwt.decode(claims.token, issuer.keys, algorithms=["RS256"])
    except (JoseError, ValueError) as error:
        raise refusals.token_invalid("this cluster's key has not signed it") from error
    if not claims.not_before <= now < claims.expires:
        raise refusals.token_invalid("it is not within its times")
    if AUDIENCE not in claims.audiences:
        raise refusals.audience_wrong(", ".join(claims.audiences) or "of none", AUDIENCE)
    namespace, _, service_account = claims.subject.removeprefix(_USER).partition(":")
    return Reviewed(namespace, service_account, claims.pod)
