"""Fetches an issuer's discovery document and JWKS over HTTPS, as Entra does, and keeps them for a while.

https://openid.net/specs/openid-connect-discovery-1_0.html, section 4.
"""

import time
from collections.abc import Callable

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from localcloud.entra import errors

_LIFETIME = 24 * 3600.0  # seconds


class Issuers:
    """Keeps the signing keys of each issuer. `client` fetches them."""

    def __init__(self, client: httpx.AsyncClient, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._known: dict[str, tuple[float, KeySet]] = {}

    async def keys(self, issuer: str, kid: str | None) -> KeySet:
        """Return the issuer's keys. They are fetched again if `kid` is not among them, as after a rotation.

        Raises `EntraError` AADSTS90061 if the documents can't be fetched, AADSTS7000272 if they lack the key.
        """
        fetched, known = self._known.get(issuer, (float("-inf"), None))
        if known is None or self._clock() - fetched > _LIFETIME or not _has(known, kid):
            known = await self._fetch(issuer)
            self._known[issuer] = (self._clock(), known)
        if not _has(known, kid):
            raise errors.key_not_published(kid or "", issuer)
        return known

    async def _fetch(self, issuer: str) -> KeySet:
        try:
            configuration = await self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if configuration.get("issuer") != issuer:
                raise errors.issuer_unreachable()
            return KeySet.import_key_set(await self._get(str(configuration["jwks_uri"])))  # type: ignore[arg-type]
        except (httpx.HTTPError, ValueError, KeyError, TypeError, JoseError) as error:
            raise errors.issuer_unreachable() from error

    async def _get(self, url: str) -> dict[str, object]:
        response = (await self._client.get(url)).raise_for_status()
        document = response.json()
        if not isinstance(document, dict):
            raise TypeError("not a JSON object")
        return document


def _has(keys: KeySet, kid: str | None) -> bool:
    return any(key.kid == kid for key in keys.keys)
