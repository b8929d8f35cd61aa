"""Key Vault's secrets over HTTP, for the unmodified SDKs (https://learn.microsoft.com/rest/api/keyvault/secrets).

A grant counts on its secret alone; to list all secrets takes one on the whole vault, `keyVault/*`, as in Azure.
"""

import logging
import re
import sqlite3
import uuid
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.authorization.guard import Denied, Guard, Unauthenticated
from localcloud.database import is_outage
from localcloud.keyvault import actions, bodies, errors
from localcloud.keyvault.errors import KeyVaultError
from localcloud.keyvault.paging import page
from localcloud.keyvault.state import SecretStore, SecretVersion

API_VERSIONS = ("7.4", "7.5", "7.6", "2025-07-01", "2026-04-01")

_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_WHOLE_VAULT = "*"
_MAX_BODY = 256 * 1024  # bytes: the longest value with every character escaped

# Answered as unsupported, and to those only who would be allowed to: path, method, action.
_UNSUPPORTED = (
    ("/secrets/{name}", "DELETE", actions.DELETE),
    ("/secrets/{name}/backup", "POST", actions.BACKUP),
    ("/secrets/restore", "POST", actions.RESTORE),
    ("/deletedsecrets", "GET", actions.READ_METADATA),
    ("/deletedsecrets/{name}", "GET", actions.READ_METADATA),
    ("/deletedsecrets/{name}", "DELETE", actions.PURGE),
    ("/deletedsecrets/{name}/recover", "POST", actions.RECOVER),
)

_log = logging.getLogger(__name__)

_Body = TypeVar("_Body", bound=BaseModel)


class Vault:
    """`vault_url` is the vault's own URL and `authority_url` its tenant's, both without a trailing slash."""

    def __init__(self, guard: Guard, store: SecretStore, vault_url: str, authority_url: str) -> None:
        self._guard = guard
        self._store = store
        self._url = vault_url
        self._authority = authority_url

    async def list_secrets(self, request: Request) -> Response:
        self._authorize(request, actions.READ_METADATA, _WHOLE_VAULT)
        url = f"{self._url}/secrets"
        names, link = page(request, url, self._store.names, lambda name: name)
        latest = (self._existing(name) for name in names)
        return JSONResponse({"value": [bodies.item(self._url, secret) for secret in latest], "nextLink": link})

    async def list_versions(self, request: Request) -> Response:
        name = self._authorize(request, actions.READ_METADATA)
        url = f"{self._url}/secrets/{name}/versions"
        found, link = page(
            request, url, lambda after, limit: self._store.versions(name, after, limit), lambda secret: secret.version
        )
        return JSONResponse({"value": [bodies.properties(self._url, secret) for secret in found], "nextLink": link})

    async def get_secret(self, request: Request) -> Response:
        name = self._authorize(request, actions.GET_SECRET)
        secret = self._existing(name, request.path_params.get("version"))
        if not secret.enabled:
            raise errors.secret_disabled()
        return JSONResponse(bodies.bundle(self._url, secret))

    async def set_secret(self, request: Request) -> Response:
        name = self._authorize(request, actions.SET_SECRET)
        body = await _parse(bodies.NewSecret, request)
        version = self._store.put(
            name,
            body.value,
            body.tags,
            body.contentType,
            enabled=body.attributes.enabled is not False,
            not_before=body.attributes.nbf,
            expires=body.attributes.exp,
        )
        return JSONResponse(bodies.bundle(self._url, self._existing(name, version)))

    async def update_secret(self, request: Request) -> Response:
        name = self._authorize(request, actions.UPDATE)
        body = await _parse(bodies.PropertiesUpdate, request)
        secret = self._existing(name, request.path_params.get("version"))
        given = body.attributes
        updated = replace(
            secret,
            tags=secret.tags if body.tags is None else body.tags,
            content_type=secret.content_type if body.contentType is None else body.contentType,
            enabled=secret.enabled if given.enabled is None else given.enabled,
            not_before=secret.not_before if given.nbf is None else given.nbf,
            expires=secret.expires if given.exp is None else given.exp,
        )
        return JSONResponse(bodies.properties(self._url, self._store.update(updated)))

    def unsupported(self, path: str, method: str, action: str) -> Route:
        async def refuse(request: Request) -> Response:
            self._authorize(request, action, None if "name" in request.path_params else _WHOLE_VAULT)
            raise errors.not_supported(f"{method} {path}")

        return Route(path, refuse, methods=[method])

    def _authorize(self, request: Request, action: str, name: str | None = None) -> str:
        """The name of the secret that the caller may use so: its token is looked at before anything else is."""
        name = name or str(request.path_params["name"])
        scope = f"keyVault/{name}"
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        try:
            claims = self._guard.authenticate(bearer, action, scope)
        except Unauthenticated as error:
            raise errors.unauthorized(self._authority, error.reason if bearer else None) from error
        version = request.query_params.get("api-version", "")
        if version not in API_VERSIONS:
            raise errors.unknown_version(version, API_VERSIONS[-1])
        if "name" in request.path_params and not _NAME.fullmatch(name):
            raise errors.invalid_name(name)
        try:
            self._guard.check(claims, action, scope)
        except Denied as denied:
            vault = self._url.removeprefix("https://").partition(".")[0]
            raise errors.forbidden(claims, denied, vault, self._authority.rpartition("/")[2]) from denied
        return name

    def _existing(self, name: str, version: str | None = None) -> SecretVersion:
        secret = self._store.get(name, version)
        if secret is None:
            raise errors.secret_not_found(f"{name}/{version}" if version else name)
        return secret


def keyvault(guard: Guard, store: SecretStore, vault_url: str, authority_url: str) -> Starlette:
    vault = Vault(guard, store, vault_url, authority_url)
    return Starlette(
        routes=[
            *(vault.unsupported(*operation) for operation in _UNSUPPORTED),
            Route("/secrets", vault.list_secrets),
            Route("/secrets/{name}", vault.get_secret),
            Route("/secrets/{name}", vault.set_secret, methods=["PUT"]),
            Route("/secrets/{name}", vault.update_secret, methods=["PATCH"]),
            Route("/secrets/{name}/versions", vault.list_versions),
            Route("/secrets/{name}/{version}", vault.get_secret),
            Route("/secrets/{name}/{version}", vault.update_secret, methods=["PATCH"]),
            Route("/{rest:path}", _unknown, methods=["GET", "PUT", "POST", "PATCH", "DELETE"]),
        ],
        middleware=[Middleware(_Envelope)],
        exception_handlers={405: _unknown},
    )


async def _unknown(request: Request, _error: Exception | None = None) -> Response:
    raise errors.not_supported(f"{request.method} {request.url.path}")


class _Envelope:
    """Around every request: a trailing slash does not count, a refusal is answered, no answer is kept by a cache."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [
                    (b"x-ms-request-id", str(uuid.uuid4()).encode()),
                    (b"cache-control", b"no-cache"),
                ]
            await send(message)

        try:
            await self._app({**scope, "path": scope["path"].rstrip("/") or "/"}, receive, with_headers)
        except KeyVaultError as error:
            await error.response()(scope, receive, with_headers)
        except sqlite3.Error as error:
            if not is_outage(error):
                raise
            _log.warning("Key Vault can store nothing at the moment: %s", error)
            await errors.unavailable().response()(scope, receive, with_headers)


async def _parse(model: type[_Body], request: Request) -> _Body:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MAX_BODY:
            raise KeyVaultError(413, "RequestEntityTooLarge", "The request body is too large.")
    try:
        return model.model_validate_json(bytes(content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]  # what was sent may be a secret
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise errors.bad_parameter(f"Property {where} has an invalid value: {first['msg']}") from error
