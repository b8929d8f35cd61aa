"""The worker's credential: one exchange a token, one log line a token, and never the token itself."""

import asyncio
import base64
import json
from typing import cast

import pytest
from azure.core.credentials import AccessToken
from azure.identity.aio import WorkloadIdentityCredential
from backend.credential import ObservedCredential, claims_of
from structlog.testing import capture_logs

EXPIRY = 2_000_000_000


class SdkCredential:
    """Caches as the SDK does: tasks that find nothing all go and exchange."""

    def __init__(self) -> None:
        self.cached: dict[str, AccessToken] = {}
        self.exchanges: list[str] = []
        self.under_way: set[str] = set()
        self.both = asyncio.Event()

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        scope = scopes[0]
        if scope not in self.cached:
            self.exchanges.append(scope)
            self.under_way.add(scope)
            if len(self.under_way) == 2:
                self.both.set()
            await self.both.wait()  # the way to Entra and back: at once for two scopes, or never
            claims = {"aud": scope, "oid": "o", "uti": f"u-{scope}", "exp": EXPIRY, "name": "private"}
            payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
            self.cached[scope] = AccessToken(f"e30.{payload}.SIGNATURE", EXPIRY)
        return self.cached[scope]

    get_token_info = get_token


async def test_tasks_that_want_the_same_token_cause_one_exchange() -> None:
    """A start explains itself by process and audience: one exchange for each audience, different ones side by side."""
    inner = SdkCredential()
    credential = ObservedCredential(cast(WorkloadIdentityCredential, inner))
    async with asyncio.timeout(10):
        with capture_logs() as logs:
            await asyncio.gather(
                *(credential.get_token(scope) for scope in ("vault", "blob") * 8),
                *(credential.get_token_info(scope) for scope in ("vault", "blob") * 8),
            )
    assert sorted(inner.exchanges) == ["blob", "vault"]
    assert sorted(log["aud"] for log in logs) == ["blob", "vault"]


async def test_a_token_is_logged_by_its_claims() -> None:
    """Unique id, principal, audience and expiry are logged, numbers as numbers; the token is not."""
    inner = SdkCredential()
    inner.both.set()
    with capture_logs() as logs:
        await ObservedCredential(cast(WorkloadIdentityCredential, inner)).get_token("vault")
    (line,) = logs
    assert {
        "event": "token.acquired",
        "uti": "u-vault",
        "oid": "o",
        "aud": "vault",
        "exp": EXPIRY,
    }.items() <= line.items()
    for secret in ("SIGNATURE", "e30.", "private"):
        assert secret not in repr(logs)


@pytest.mark.parametrize("text", ["", "opaque", "a.b", "a.e30=.c", "a.bnVsbA.c", "a.\u00e9.c"])
def test_what_is_no_jwt_has_no_claims(text: str) -> None:
    """An opaque token is possible, and no failure."""
    assert claims_of(text) == {}
