"""Key Vault's secrets over HTTP, for the unmodified SDKs (https://learn.microsoft.com/rest/api/keyvault/secrets).

A grant counts on its secret alone; to list all secrets takes one on the whole vault, `keyVault/*`, as in Azure.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.authorization.guard import Guard
from localcloud.keyvault import actions, bodies, errors, limits
from localcloud.keyvault.authorization import Authorizer
from localcloud.keyvault.backup import Backups, NotABackup
from localcloud.keyvault.envelope import Envelope
from localcloud.keyvault.errors import KeyVaultError
from localcloud.keyvault.paging import page
from localcloud.keyvault.state import DeletedSecret, NameIsDeleted, NameIsTaken, SecretStore, SecretVersion

_MAX_BODY = 256 * 1024  # bytes: the longest value with every character escaped
_MAX_BACKUP = 64 * 1024 * 1024  # bytes: 500 versions of the longest value

_Body = TypeVar("_Body", bound=BaseModel)


class Operation(NamedTuple):
    """An operation of the REST reference, and the action that it takes.

    `does` answers an authorized request. It is given the name in the path, `*` if there is none.
    """

    name: str
    method: str
    path: str
    action: str
    does: Callable[[Request, str], Awaitable[Response]]


class Vault:
    """`vault_url` is the vault's own URL, without a trailing slash."""

    def __init__(self, store: SecretStore, backups: Backups, vault_url: str) -> None:
        self._store = store
        self._backups = backups
        self._url = vault_url

    def operations(self) -> tuple[Operation, ...]:
        """Return all of them, in the order in which the reference lists the paths."""
        return (
            Operation("Get Secrets", "GET", "/secrets", actions.READ_METADATA, self.list_secrets),
            Operation("Set Secret", "PUT", "/secrets/{name}", actions.SET_SECRET, self.set_secret),
            Operation("Restore Secret", "POST", "/secrets/restore", actions.RESTORE, self.restore_secret),
            Operation("Delete Secret", "DELETE", "/secrets/{name}", actions.DELETE, self.delete_secret),
            Operation("Get Secret", "GET", "/secrets/{name}", actions.GET_SECRET, self.get_secret),
            Operation("Update Secret", "PATCH", "/secrets/{name}", actions.UPDATE, self.update_secret),
            Operation(
                "Get Secret Versions", "GET", "/secrets/{name}/versions", actions.READ_METADATA, self.list_versions
            ),
            Operation("Backup Secret", "POST", "/secrets/{name}/backup", actions.BACKUP, self.back_up_secret),
            Operation("Get Secret", "GET", "/secrets/{name}/{version}", actions.GET_SECRET, self.get_secret),
            Operation("Update Secret", "PATCH", "/secrets/{name}/{version}", actions.UPDATE, self.update_secret),
            Operation("Get Deleted Secrets", "GET", "/deletedsecrets", actions.READ_METADATA, self.list_deleted),
            Operation("Get Deleted Secret", "GET", "/deletedsecrets/{name}", actions.READ_METADATA, self.get_deleted),
            Operation("Purge Deleted Secret", "DELETE", "/deletedsecrets/{name}", actions.PURGE, self.purge_deleted),
            Operation(
                "Recover Deleted Secret",
                "POST",
                "/deletedsecrets/{name}/recover",
                actions.RECOVER,
                self.recover_deleted,
            ),
        )

    async def list_secrets(self, request: Request, _whole: str) -> Response:
        names, link = page(request, f"{self._url}/secrets", self._store.names, lambda name: name)
        latest = (self._existing(name) for name in names)
        return JSONResponse({"value": [bodies.item(self._url, secret) for secret in latest], "nextLink": link})

    async def list_versions(self, request: Request, name: str) -> Response:
        found, link = page(
            request,
            f"{self._url}/secrets/{name}/versions",
            lambda after, limit: self._store.versions(name, after, limit),
            lambda secret: secret.version,
        )
        return JSONResponse({"value": [bodies.properties(self._url, secret) for secret in found], "nextLink": link})

    async def get_secret(self, request: Request, name: str) -> Response:
        secret = self._existing(name, request.path_params.get("version"))
        if not secret.enabled:
            raise errors.secret_disabled()
        return JSONResponse(bodies.bundle(self._url, secret))

    async def set_secret(self, request: Request, name: str) -> Response:
        body = await _parse(bodies.NewSecret, request)
        try:
            version = self._store.put(
                name,
                body.value,
                body.tags,
                body.contentType,
                enabled=body.attributes.enabled is not False,
                not_before=body.attributes.nbf,
                expires=body.attributes.exp,
            )
        except NameIsDeleted as error:
            raise errors.name_is_deleted(name) from error
        return JSONResponse(bodies.bundle(self._url, self._existing(name, version)))

    async def update_secret(self, request: Request, name: str) -> Response:
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

    async def back_up_secret(self, _request: Request, name: str) -> Response:
        versions = self._store.in_order(self._existing(name).name)
        if len(versions) > limits.VERSIONS_IN_BACKUP:
            raise errors.too_many_versions(name, limits.VERSIONS_IN_BACKUP)
        return JSONResponse({"value": self._backups.make(versions)})

    async def restore_secret(self, request: Request, _whole: str) -> Response:
        body = await _parse(bodies.Backup, request, _MAX_BACKUP)
        try:
            versions = self._backups.read(body.value)
        except NotABackup as error:
            raise errors.bad_parameter("The value is no backup of this key vault.") from error
        name = versions[0].name
        try:
            restored = self._store.restore(versions)
        except NameIsDeleted as error:
            raise errors.name_is_deleted(name) from error
        except NameIsTaken as error:
            raise errors.name_is_taken(f"{self._url}/secrets/{name}") from error
        return JSONResponse(bodies.properties(self._url, restored))

    async def delete_secret(self, _request: Request, name: str) -> Response:
        deleted = self._store.delete(name)
        if deleted is None:
            raise errors.secret_not_found(name)
        return JSONResponse(bodies.deleted_bundle(self._url, deleted))

    async def list_deleted(self, request: Request, _whole: str) -> Response:
        names, link = page(request, f"{self._url}/deletedsecrets", self._store.deleted_names, lambda name: name)
        deleted = (self._deleted(name) for name in names)
        return JSONResponse({"value": [bodies.deleted_item(self._url, secret) for secret in deleted], "nextLink": link})

    async def get_deleted(self, _request: Request, name: str) -> Response:
        return JSONResponse(bodies.deleted_bundle(self._url, self._deleted(name)))

    async def recover_deleted(self, _request: Request, name: str) -> Response:
        recovered = self._store.recover(name)
        if recovered is None:
            raise errors.deleted_secret_not_found(name)
        return JSONResponse(bodies.properties(self._url, recovered))

    async def purge_deleted(self, _request: Request, name: str) -> Response:
        if not self._store.purge(name):
            raise errors.deleted_secret_not_found(name)
        return Response(status_code=204)

    def _existing(self, name: str, version: str | None = None) -> SecretVersion:
        secret = self._store.get(name, version)
        if secret is None:
            raise errors.secret_not_found(f"{name}/{version}" if version else name)
        return secret

    def _deleted(self, name: str) -> DeletedSecret:
        deleted = self._store.get_deleted(name)
        if deleted is None:
            raise errors.deleted_secret_not_found(name)
        return deleted


def keyvault(guard: Guard, store: SecretStore, backups: Backups, vault_url: str, authority_url: str) -> Starlette:
    """Return the vault's application. Neither URL, the vault's and its tenant's, ends in a slash."""
    authorizer = Authorizer(guard, store, vault_url, authority_url)

    def route(operation: Operation) -> Route:
        async def answer(request: Request) -> Response:
            return await operation.does(request, authorizer.authorize(request, operation.action))

        return Route(operation.path, answer, methods=[operation.method])

    async def unknown(request: Request, _error: Exception | None = None) -> Response:
        asked = f"{request.method} {request.url.path}"
        authorizer.authenticate(request, asked, "keyVault/*")
        raise errors.not_supported(asked)

    return Starlette(
        routes=[
            *(route(operation) for operation in Vault(store, backups, vault_url).operations()),
            Route("/{rest:path}", unknown, methods=["GET", "PUT", "POST", "PATCH", "DELETE"]),
        ],
        middleware=[Middleware(Envelope)],
        exception_handlers={405: unknown},
    )


async def _parse(model: type[_Body], request: Request, most: int = _MAX_BODY) -> _Body:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise KeyVaultError(413, "RequestEntityTooLarge", "The request body is too large.")
    try:
        return model.model_validate_json(bytes(content))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]  # what was sent may be a secret
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise errors.bad_parameter(f"Property {where} has an invalid value: {first['msg']}") from error
