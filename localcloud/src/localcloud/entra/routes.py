"""Entra's endpoints: tokens for federated client assertions, discovery, and the keys by which its tokens are verified.

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

from localcloud.authorization.audit import Audit, ExchangeEntry
from localcloud.authorization.tokens import LIFETIME
from localcloud.entra import access_tokens, assertions, discovery, errors, token_request
from localcloud.entra.assertions import UnverifiedAssertion
from localcloud.entra.directory import Directory, Identity
from localcloud.entra.errors import EntraError
from localcloud.entra.issuers import Issuers
from localcloud.entra.signing_keys import SigningKeys

_EXPIRES_IN = LIFETIME - 1  # as Entra says it


class Entra:
    """One tenant. `services` are the resources of the four services: their application ID URIs and client ids."""

    def __init__(
        self,
        directory: Directory,
        issuers: Issuers,
        signing_keys: SigningKeys,
        services: frozenset[str],
        audit: Audit,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._issuers = issuers
        self._keys = signing_keys
        self._services = services
        self._audit = audit
        self._clock = clock

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/common/discovery/instance", self._instance),
                *(route for version in (1, 2) for route in self._routes(version)),
                Route("/{rest:path}", self._not_done, methods=["GET", "POST"]),
            ],
            exception_handlers={EntraError: self._refused},
        )

    def _routes(self, version: int) -> list[Route]:
        """The same four endpoints, under the paths of either version."""

        async def token(request: Request) -> Response:
            return await self._token(request, version)

        async def configuration(request: Request) -> Response:
            return JSONResponse(discovery.openid_configuration(self._authority(request), version))

        v2 = "/v2.0" if version == 2 else ""
        return [
            Route(f"/{{tenant}}/oauth2{v2}/token", token, methods=["POST"]),
            Route(f"/{{tenant}}{v2}/.well-known/openid-configuration", configuration),
            Route(f"/{{tenant}}/discovery{v2}/keys", self._jwks),
        ]

    async def _instance(self, request: Request) -> Response:
        query = request.query_params
        return JSONResponse(discovery.instance(query.get("api-version", ""), query.get("authorization_endpoint", "")))

    async def _jwks(self, request: Request) -> Response:
        self._authority(request)
        return JSONResponse(self._keys.jwks())

    async def _not_done(self, request: Request) -> Response:
        return errors.not_done(request.method, request.url.path)

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, EntraError)  # noqa: S101 - it is registered for nothing else
        return error.response(self._clock(), request.headers.get("client-request-id"))

    async def _token(self, request: Request, version: int) -> Response:
        attempt = _Attempt()
        try:
            form = await token_request.read(request)
            body = await self._exchange(str(request.path_params["tenant"]), form, version, attempt)
        except EntraError as error:
            self._audit.exchange(attempt.entry(f"AADSTS{error.code}", detail=error.text))
            raise
        return JSONResponse(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _authority(self, request: Request) -> str:
        """The tenant of the path, or the authority of every tenant; raises `EntraError` AADSTS90002."""
        tenant = str(request.path_params["tenant"])
        if tenant.lower() not in (self._directory.tenant_id, *discovery.TENANT_INDEPENDENT):
            raise errors.tenant_not_found(tenant)
        return tenant.lower()

    async def _exchange(
        self, tenant: str, fields: token_request.Fields, version: int, attempt: "_Attempt"
    ) -> dict[str, object]:
        attempt.client_id = dict(fields).get("client_id", "")
        if tenant.lower() in discovery.TENANT_INDEPENDENT:
            raise errors.tenant_not_said()
        if tenant.lower() != self._directory.tenant_id:
            raise errors.tenant_not_found(tenant)
        form = token_request.check(fields, version)
        attempt.assertion = assertion = UnverifiedAssertion.read(form["client_assertion"])
        attempt.identity = identity = self._directory.find(form["client_id"])
        if identity is None:
            raise errors.application_not_found(form["client_id"], tenant)
        resource = token_request.resource_of(form, version)
        attempt.resource = resource.rstrip("/")
        api = self._directory.api(attempt.resource)
        if api is None and attempt.resource not in self._services:
            raise errors.resource_not_found(resource, tenant)
        assertions.match(assertion, identity)
        await assertions.verify(assertion, self._issuers, self._clock)
        uti, now = secrets.token_urlsafe(16), int(self._clock())
        self._audit.exchange(attempt.entry("ok", uti=uti))
        key = self._keys.newest
        claims = access_tokens.claims(identity, resource, api, self._directory.tenant_id, uti, now)
        token = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key, algorithms=["RS256"])
        return _answer(token, resource, now, version)


def _answer(token: str, resource: str, now: int, version: int) -> dict[str, object]:
    """The body of a granted request. Version 1 writes numbers as text and says for what and from when to when."""
    if version == 2:
        return {
            "token_type": "Bearer",
            "expires_in": _EXPIRES_IN,
            "ext_expires_in": _EXPIRES_IN,
            "access_token": token,
        }
    return {
        "token_type": "Bearer",
        "expires_in": str(_EXPIRES_IN),
        "ext_expires_in": str(_EXPIRES_IN),
        "expires_on": str(now + LIFETIME),
        "not_before": str(now),
        "resource": resource,
        "access_token": token,
    }


class _Attempt:
    """Collects what is known of a request, for the trail: a refusal may come at any point."""

    def __init__(self) -> None:
        self.client_id = ""
        self.assertion: UnverifiedAssertion | None = None
        self.identity: Identity | None = None
        self.resource: str | None = None

    def entry(self, result: str, uti: str | None = None, detail: str | None = None) -> ExchangeEntry:
        assertion = self.assertion
        return ExchangeEntry(
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
