"""The worker's one identity: Microsoft Entra Workload ID, with a log line for each new token.

Azure's own audit trail names a token by its `uti` (`AADManagedIdentitySignInLogs.UniqueTokenIdentifier`), so these
lines join what the worker did to what Entra saw. A token itself is never logged.
"""

import base64
import json
from types import TracebackType
from typing import Any

import structlog
from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import WorkloadIdentityCredential

log = structlog.get_logger()


def workload_identity() -> "ObservedCredential":
    """The credential that the webhook's variables describe; through AKS's token proxy where there is one.

    Raises `ValueError`, naming what is missing, where the webhook did not mutate the pod. It retries once: each
    client retries a request with the token in it, so more would keep an error from being seen for a long time.
    """
    return ObservedCredential(WorkloadIdentityCredential(enable_azure_proxy=True, retry_total=1))


class ObservedCredential:
    """Passes on another credential's tokens and logs the facts of each new one."""

    def __init__(self, credential: WorkloadIdentityCredential) -> None:
        self._credential = credential
        self._seen: dict[str, str] = {}  # the last `uti` of each audience

    async def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        token = await self._credential.get_token(*scopes, **kwargs)
        self._note(token.token)
        return token

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        token = await self._credential.get_token_info(*scopes, options=options)
        self._note(token.token)
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

    def _note(self, token: str) -> None:
        facts = token_facts(token)
        if facts and self._seen.get(facts["aud"]) != facts["uti"]:
            self._seen[facts["aud"]] = facts["uti"]
            log.info("token acquired", **facts)


def token_facts(token: str) -> dict[str, str]:
    """`aud`, `oid`, `uti` and `exp` of an access token, not verified (its audience does that); {} where unreadable."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return {name: str(claims[name]) for name in ("aud", "oid", "uti", "exp")}
    except (IndexError, KeyError, TypeError, ValueError):
        return {}


_: type[AsyncTokenCredential] = ObservedCredential  # mypy: it is a credential to every SDK
