"""The cluster's token proxy: it takes a pod's request for a token, and asks Entra in the pod's place.

It asks four questions: is the token this cluster's, is it for the proxy, is there a binding, and may the service
account use the identity? Then it replaces the token by an assertion of the binding's issuer, and hands Entra's answer
on.
"""

from collections.abc import Callable
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.authorization.audit import Audit, ExchangeEntry
from localcloud.authorization.issuer import Issuer
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cluster.bindings import refusals, token_review
from localcloud.cluster.bindings.cluster_roles import ClusterRoles
from localcloud.cluster.bindings.issuer import BindingIssuer
from localcloud.cluster.bindings.refusals import ExchangeRefused
from localcloud.entra import token_request
from localcloud.entra.assertions import UnverifiedAssertion
from localcloud.entra.discovery import AUTHORITY
from localcloud.entra.errors import EntraError
from localcloud.entra.federation import Federation

_ENTRA = f"{AUTHORITY}/{TENANT_ID}/oauth2/v2.0/token"
_HANDED_ON = ("content-type", "retry-after", "cache-control", "pragma")


class TokenProxy:
    """`client` reaches Entra. `clock` is the cluster's, which may differ from Azure's."""

    def __init__(
        self,
        issuer: Issuer,
        binding_issuer: BindingIssuer,
        federation: Federation,
        roles: ClusterRoles,
        client: httpx.AsyncClient,
        audit: Audit,
        clock: Callable[[], float],
    ) -> None:
        self._issuer = issuer
        self._binding_issuer = binding_issuer
        self._federation = federation
        self._roles = roles
        self._client = client
        self._audit = audit
        self._clock = clock

    def app(self) -> Starlette:
        """Take requests under any path: clients differ in what they write after the proxy's address."""
        return Starlette(routes=[Route("/{path:path}", self._token, methods=["POST"])])

    async def _token(self, request: Request) -> Response:
        claims: UnverifiedAssertion | None = None
        form: dict[str, str] = {}
        try:
            form = dict(await token_request.read(request))
            for field in ("client_id", "client_assertion"):
                if not form.get(field):
                    raise refusals.request_malformed(field)
            claims = token_review.read(form["client_assertion"])
            assertion = self._authorized(claims, form["client_id"])
            return await self._ask_entra(form | {"client_assertion": assertion})
        except ExchangeRefused as error:
            self._audit.exchange(_entry(form, claims, error))
            return error.response()
        except EntraError as error:  # the form is too large
            return error.response(self._clock())

    def _authorized(self, claims: UnverifiedAssertion, requested: str) -> str:
        """Return the assertion for Entra. Raises `ExchangeRefused` at the first question whose answer is no."""
        reviewed = token_review.review(claims, self._issuer, self._clock())
        workload = self._federation.bound(requested)
        if workload is None:
            raise refusals.no_binding(requested)
        client = client_id(workload)
        if not self._roles.may_use(reviewed.namespace, reviewed.service_account, client):
            raise refusals.not_authorized(reviewed.account, client)
        return self._binding_issuer.assertion(client, reviewed.namespace, reviewed.service_account, reviewed.pod)

    async def _ask_entra(self, form: dict[str, str]) -> Response:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = await self._client.post(_ENTRA, content=urlencode(form), headers=headers)
        except httpx.HTTPError as error:
            raise refusals.entra_unreachable() from error
        handed_on = {name: value for name, value in answer.headers.items() if name in _HANDED_ON}
        return Response(answer.content, answer.status_code, handed_on)


def _entry(form: dict[str, str], claims: UnverifiedAssertion | None, error: ExchangeRefused) -> ExchangeEntry:
    return ExchangeEntry(
        client_id=form.get("client_id", ""),
        workload=None,
        pod=claims.pod if claims else None,
        issuer=claims.issuer if claims else None,
        subject=claims.subject if claims else None,
        resource=None,
        result=error.name,
        uti=None,
        detail=error.text,
    )
