"""Entra's token endpoint for federated client assertions, and the documents by which its tokens are verified.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, case 3: a federated credential.
"""

import secrets
import time
from collections.abc import Callable

from joserfc import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.authorization.audit import Audit, Exchange
from localcloud.authorization.tokens import LIFETIME
from localcloud.entra import assertions, errors, token_request
from localcloud.entra.assertions import UnverifiedAssertion
from localcloud.entra.directory import Directory, Identity
from localcloud.entra.errors import EntraError
from localcloud.entra.issuers import Issuers
from localcloud.entra.signing_keys import SigningKeys

HOST = "login.microsoftonline.com"
AUTHORITY = f"https://{HOST}"
_EXPIRES_IN = LIFETIME - 1  # as Entra says it


def token_issuer(tenant_id: str) -> str:
    """The `iss` of version 1.0 access tokens, which these four services receive."""
    return f"https://sts.windows.net/{tenant_id}/"


class TokenEndpoint:
    """`resources` are the application ID URIs for which tokens are issued."""

    def __init__(
        self,
        directory: Directory,
        issuers: Issuers,
        signing_keys: SigningKeys,
        resources: frozenset[str],
        audit: Audit,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._issuers = issuers
        self._keys = signing_keys
        self._resources = resources
        self._audit = audit
        self._clock = clock

    async def token(self, request: Request) -> Response:
        attempt = _Attempt()
        try:
            body = await self._exchange(str(request.path_params["tenant"]), await token_request.read(request), attempt)
        except EntraError as error:
            self._audit.exchange(attempt.entry(f"AADSTS{error.code}", detail=error.text))
            return error.response(self._clock(), request.headers.get("client-request-id"))
        return JSONResponse(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    async def configuration(self, request: Request) -> Response:
        tenant = self._tenant(request)
        if isinstance(tenant, Response):
            return tenant
        return JSONResponse(
            {
                "issuer": f"{AUTHORITY}/{tenant}/v2.0",
                "token_endpoint": f"{AUTHORITY}/{tenant}/oauth2/v2.0/token",
                "authorization_endpoint": f"{AUTHORITY}/{tenant}/oauth2/v2.0/authorize",
                "jwks_uri": f"{AUTHORITY}/{tenant}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def jwks(self, request: Request) -> Response:
        tenant = self._tenant(request)
        return tenant if isinstance(tenant, Response) else JSONResponse(self._keys.jwks())

    def _tenant(self, request: Request) -> str | Response:
        tenant = str(request.path_params["tenant"])
        if tenant.lower() != self._directory.tenant_id:
            return errors.tenant_not_found(tenant).response(self._clock())
        return tenant

    async def _exchange(self, tenant: str, fields: token_request.Fields, attempt: "_Attempt") -> dict[str, object]:
        attempt.client_id = dict(fields).get("client_id", "")
        if tenant.lower() != self._directory.tenant_id:
            raise errors.tenant_not_found(tenant)
        form = token_request.check(fields)
        attempt.assertion = assertion = UnverifiedAssertion.read(form["client_assertion"])
        attempt.identity = identity = self._directory.find(form["client_id"])
        if identity is None:
            raise errors.application_not_found(form["client_id"], tenant)
        resource = token_request.resource_of(form)
        attempt.resource = resource.rstrip("/")
        if attempt.resource not in self._resources:
            raise errors.resource_not_found(resource, tenant)
        assertions.match(assertion, identity)
        await assertions.verify(assertion, self._issuers, self._clock)
        uti = secrets.token_urlsafe(16)
        self._audit.exchange(attempt.entry("ok", uti=uti))
        return {
            "token_type": "Bearer",
            "expires_in": _EXPIRES_IN,
            "ext_expires_in": _EXPIRES_IN,
            "access_token": self._access_token(identity, resource, uti),
        }

    def _access_token(self, identity: Identity, resource: str, uti: str) -> str:
        now = int(self._clock())
        tenant = self._directory.tenant_id
        claims = {
            "aud": resource,
            "iss": token_issuer(tenant),
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "appid": identity.client_id,
            "appidacr": "2",  # the client proved itself by an assertion
            "idp": token_issuer(tenant),
            "idtyp": "app",
            "oid": identity.principal_id,
            "sub": identity.principal_id,
            "tid": tenant,
            "uti": uti,
            "ver": "1.0",
        }
        key = self._keys.newest
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key, algorithms=["RS256"])


class _Attempt:
    """What is known of a request so far, for the trail: a refusal may come at any point."""

    def __init__(self) -> None:
        self.client_id = ""
        self.assertion: UnverifiedAssertion | None = None
        self.identity: Identity | None = None
        self.resource: str | None = None

    def entry(self, result: str, uti: str | None = None, detail: str | None = None) -> Exchange:
        assertion = self.assertion
        return Exchange(
            client_id=self.client_id,
            workload=self.identity.name if self.identity else None,
            pod=assertion.pod if assertion else None,
            issuer=assertion.issuer if assertion else None,
            subject=assertion.subject if assertion else None,
            resource=self.resource,
            result=result,
            uti=uti,
            detail=detail,
        )


def entra(endpoint: TokenEndpoint) -> Starlette:
    return Starlette(
        routes=[
            Route("/{tenant}/oauth2/v2.0/token", endpoint.token, methods=["POST"]),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", endpoint.configuration),
            Route("/{tenant}/discovery/v2.0/keys", endpoint.jwks),
        ]
    )
