"""The credential of a process with threads: Entra Workload ID, each new token logged by its claims."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, SupportsTokenInfo, TokenCredential, TokenRequestOptions
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential

from workload.failure import SDK_ERRORS
from workload.tokens import TokenLog

_PATIENCE = 3.0  # seconds to wait for another thread's exchange, so that threads do not queue up while Entra is down


class WatchedCredential(TokenCredential, SupportsTokenInfo):
    """Pass on the tokens of the SDK's credential, which caches them by scope and renews them in time.

    Threads that ask for the same token at once cause one exchange: the others find it in the SDK's cache.
    `tokens` tells what came of the exchanges.
    """

    def __init__(self, credential: WorkloadIdentityCredential) -> None:
        self._credential = credential
        self._lock = threading.Lock()
        self._exchanges: dict[str, threading.Lock] = {}  # by scope
        self.tokens = TokenLog()

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """Return a token. The older of the two calls that Azure's clients make."""
        scope = " ".join(scopes)
        with self._exchanging(scope):
            token = self._credential.get_token(*scopes, **kwargs)
        self.tokens.note(scope, token)
        return token

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Return a token. Raises `ClientAuthenticationError` if Entra refuses the exchange."""
        scope = " ".join(scopes)
        with self._exchanging(scope):
            token = self._credential.get_token_info(*scopes, options=options)
        self.tokens.note(scope, token)
        return token

    def close(self) -> None:
        """Close the SDK's credential."""
        self._credential.close()

    def __enter__(self) -> "WatchedCredential":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _exchanging(self, scope: str) -> Iterator[None]:
        """Let one thread at a time ask for this scope. After a refusal, forget the projected token.

        azure-identity (1.27) keeps the projected token for ten minutes, even if Entra has refused it as expired. The
        next exchange must present the one that is in the file by then.
        """
        with self._lock:
            exchange = self._exchanges.setdefault(scope, threading.Lock())
        held = exchange.acquire(timeout=_PATIENCE)
        try:
            yield
        except SDK_ERRORS as error:
            self.tokens.note_failure(scope, error)
            if isinstance(error, ClientAuthenticationError):
                self._credential._last_read_time = 0
            raise
        finally:
            if held:
                exchange.release()
