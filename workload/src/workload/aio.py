"""The credential of a process with an event loop: Entra Workload ID, each new token logged by its claims."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncSupportsTokenInfo, AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import WorkloadIdentityCredential

from workload.failure import SDK_ERRORS
from workload.tokens import TokenLog


class WatchedCredential(AsyncTokenCredential, AsyncSupportsTokenInfo):
    """Pass on the tokens of the SDK's credential, which caches them by scope and renews them in time.

    Tasks that ask for the same token at once cause one exchange: the others find it in the SDK's cache.
    `tokens` tells what came of the exchanges.
    """

    def __init__(self, credential: WorkloadIdentityCredential) -> None:
        self._credential = credential
        self._exchanges: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by scope
        self.tokens = TokenLog()

    async def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """Return a token. The older of the two calls that Azure's clients make."""
        scope = " ".join(scopes)
        async with self._exchanging(scope):
            token = await self._credential.get_token(*scopes, **kwargs)
        self.tokens.note(scope, token)
        return token

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Return a token. Raises `ClientAuthenticationError` if Entra refuses the exchange."""
        scope = " ".join(scopes)
        async with self._exchanging(scope):
            token = await self._credential.get_token_info(*scopes, options=options)
        self.tokens.note(scope, token)
        return token

    async def close(self) -> None:
        """Close the SDK's credential."""
        await self._credential.close()

    async def __aenter__(self) -> "WatchedCredential":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def _exchanging(self, scope: str) -> AsyncIterator[None]:
        """Let one task at a time ask for this scope. After a refusal, forget the projected token.

        azure-identity (1.27) keeps the projected token for ten minutes, even if Entra has refused it as expired. The
        next exchange must present the one that is in the file by then.
        """
        async with self._exchanges[scope]:
            try:
                yield
            except SDK_ERRORS as error:
                self.tokens.note_failure(scope, error)
                if isinstance(error, ClientAuthenticationError):
                    self._credential._last_read_time = 0
                raise
