"""Entra's token endpoint for federated client assertions, and the documents by which its tokens are verified.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, case 3: a federated credential.
"""

import secrets
import time
from collections.abc import Callable

from joserfc import jwt
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.audit import Audit, Exchange
from localcloud.entra import assertions, errors
from localcloud.entra.assertions import UnverifiedAssertion
from localcloud.entra.directory import Directory, Identity
from localcloud.entra.errors import EntraError
from localcloud.entra.issuers import Issuers
from localcloud.entra.signing_keys import SigningKeys

HOST = "login.microsoftonline.com"
AUTHORITY = f"https://{HOST}"
TOKEN_LIFETIME = 3599  # seconds, as Entra says `expires_in`
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MOST_FIELDS = 50
_NO_RESOURCE = {"openid", "profile", "offline_access", "email"}


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
        form = await _form(request)
        attempt = _Attempt(form)
        try:
            body = await self._exchange(str(request.path_params["tenant"]), form, attempt)
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

    async def _exchange(self, tenant: str, form: dict[str, str], attempt: "_Attempt") -> dict[str, object]:
        if tenant.lower() != self._directory.tenant_id:
            raise errors.tenant_not_found(tenant)
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                raise errors.parameter_missing(name)
        if form["grant_type"] != "client_credentials":
            raise errors.grant_not_supported(form["grant_type"])
        if not form.get("client_assertion") or form.get("client_assertion_type") != _JWT_BEARER:
            raise errors.assertion_missing()
        attempt.assertion = assertion = UnverifiedAssertion.read(form["client_assertion"])
        attempt.identity = identity = self._directory.find(form["client_id"])
        if identity is None:
            raise errors.application_not_found(form["client_id"], tenant)
        resource = self._resource(form["scope"], tenant)
        attempt.resource = resource.rstrip("/")
        assertions.match(assertion, identity)
        await assertions.verify(assertion, self._issuers, self._clock)
        uti = secrets.token_urlsafe(16)
        self._audit.exchange(attempt.entry("ok", uti=uti))
        return {
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME,
            "ext_expires_in": TOKEN_LIFETIME,
            "access_token": self._access_token(identity, resource, uti),
        }

    def _resource(self, scope: str, tenant: str) -> str:
        """The resource of a scope such as `https://vault.azure.net/.default`, as the client wrote it.

        Scopes are an unordered set; OpenID Connect's own name no resource.
        """
        for value in scope.split():
            if value in _NO_RESOURCE:
                continue
            resource, default, rest = value.partition("/.default")
            if not default or rest:
                raise errors.scope_invalid(value)
            if resource.rstrip("/") not in self._resources:
                raise errors.resource_not_found(resource, tenant)
            return resource
        raise errors.scope_invalid(scope)

    def _access_token(self, identity: Identity, resource: str, uti: str) -> str:
        now = int(self._clock())
        tenant = self._directory.tenant_id
        claims = {
            "aud": resource,
            "iss": token_issuer(tenant),
            "iat": now,
            "nbf": now,
            "exp": now + TOKEN_LIFETIME + 1,
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

    def __init__(self, form: dict[str, str]) -> None:
        self.client_id = form.get("client_id", "")
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


async def _form(request: Request) -> dict[str, str]:
    try:
        return {key: str(value) for key, value in (await request.form(max_fields=_MOST_FIELDS)).items()}
    except HTTPException:  # what is no form has no parameters, which is then what the answer says
        return {}


def entra(endpoint: TokenEndpoint) -> Starlette:
    return Starlette(
        routes=[
            Route("/{tenant}/oauth2/v2.0/token", endpoint.token, methods=["POST"]),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", endpoint.configuration),
            Route("/{tenant}/discovery/v2.0/keys", endpoint.jwks),
        ]
    )
