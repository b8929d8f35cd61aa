"""The worker's one identity: Microsoft Entra Workload ID, one exchange at a time, a log line for each new token.

Azure's own audit trail names a token by its `uti` (`AADManagedIdentitySignInLogs.UniqueTokenIdentifier`), so these
lines join what the worker did to what Entra saw. A token itself is never logged.
"""

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any

import structlog
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import WorkloadIdentityCredential

_log = structlog.get_logger(__name__)


def workload_identity() -> "ObservedCredential":
    """The credential that the webhook's variables describe; through AKS's token proxy where there is one.

    Raises `ValueError`, naming what is missing, where the webhook did not mutate the pod. It retries once: each
    client retries a request with the token in it, so more would keep an error from being seen for a long time.
    """
    return ObservedCredential(WorkloadIdentityCredential(enable_azure_proxy=True, retry_total=1))


class ObservedCredential:
    """Passes on the tokens of the SDK's credential, which caches them per scope, and logs the claims of each new one.

    Tasks that ask for the same token at once cause one exchange: the others find it in the SDK's cache.
    """

    def __init__(self, credential: WorkloadIdentityCredential) -> None:
        self._credential = credential
        self._exchanges: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by scope
        self._newest: dict[str, dict[str, Any]] = {}  # scope: its newest token's claims

    async def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        scope = " ".join(scopes)
        async with self._exchanging(scope):
            token = await self._credential.get_token(*scopes, **kwargs)
        self._note(scope, token.token)
        return token

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        scope = " ".join(scopes)
        async with self._exchanging(scope):
            token = await self._credential.get_token_info(*scopes, options=options)
        self._note(scope, token.token)
        return token

    async def close(self) -> None:
        await self._credential.close()

    async def __aenter__(self) -> "ObservedCredential":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def _exchanging(self, scope: str) -> AsyncIterator[None]:
        """One at a time; and after a refusal the next one shows Entra the projected token that is in the file then.

        azure-identity (1.27) keeps what it has read for ten minutes, even if Entra has refused it as expired.
        """
        async with self._exchanges[scope]:
            try:
                yield
            except ClientAuthenticationError:
                self._credential._last_read_time = 0
                raise

    def _note(self, scope: str, token: str) -> None:
        claims = claims_of(token)
        if self._newest.get(scope) != claims:
            self._newest[scope] = claims
            _log.info("token.acquired", **{name: claims.get(name) for name in ("uti", "oid", "aud", "exp")})


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, its signature NOT verified: its audience does that. {} for a token that is no JWT."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


_: type[AsyncTokenCredential] = ObservedCredential  # mypy: it is a credential to every SDK
