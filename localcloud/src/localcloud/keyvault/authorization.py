"""Authorizes a request to the vault: the bearer token, the API version, the name and the role."""

from starlette.requests import Request

from localcloud.authorization.guard import Denied, Guard, Unauthenticated
from localcloud.authorization.tokens import AccessClaims
from localcloud.keyvault import errors, limits
from localcloud.keyvault.state import SecretStore

API_VERSIONS = ("2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01")
WHOLE_VAULT = "*"


class Authorizer:
    """Asks each request the same questions in the same order: the token, the API version, the name, the role."""

    def __init__(self, guard: Guard, store: SecretStore, vault_url: str, authority_url: str) -> None:
        self._guard = guard
        self._store = store
        self._url = vault_url
        self._authority = authority_url

    def authorize(self, request: Request, action: str) -> str:
        """Return the name of the secret in the path, as the vault spells it; `*` if the path names none.

        Raises `KeyVaultError` 401, 400 or 403.
        """
        given = request.path_params.get("name")
        name = WHOLE_VAULT if given is None else self._store.spelled(str(given))
        scope = f"keyVault/{name}"
        claims = self.authenticate(request, action, scope)
        version = request.query_params.get("api-version", "")
        if version not in API_VERSIONS:
            raise errors.unknown_version(version, API_VERSIONS[-1])
        if given is not None and not limits.NAME.fullmatch(name):
            raise errors.invalid_name(name)
        try:
            self._guard.check(claims, action, scope)
        except Denied as denied:
            vault = self._url.removeprefix("https://").partition(".")[0]
            raise errors.forbidden(claims, denied, vault, self._authority.rpartition("/")[2]) from denied
        return name

    def authenticate(self, request: Request, action: str, scope: str) -> AccessClaims:
        """Return the claims of a good token; raise `KeyVaultError` 401 with the challenge."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        try:
            return self._guard.authenticate(bearer, action, scope)
        except Unauthenticated as error:
            raise errors.unauthorized(self._authority, error.reason if bearer else None) from error
