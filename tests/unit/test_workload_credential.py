"""The watched credential, for threads and for tasks, over real exchanges with the local cloud's Entra."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import WorkloadIdentityCredential
from azure.identity.aio import WorkloadIdentityCredential as AioWorkloadIdentityCredential
from localcloud.testing import RunningCloud
from structlog.testing import capture_logs

from workload import aio, credential
from workload.tokens import claims_of

VAULT, BLOB = "https://vault.azure.net/.default", "https://storage.azure.com/.default"

Ask = Callable[[dict[str, str], list[str]], list[Any]]
"""Asks a credential with these arguments for each of the scopes, all at once; the tokens, or the errors."""


def by_threads(identity: dict[str, str], scopes: list[str]) -> list[Any]:
    with credential.WatchedCredential(WorkloadIdentityCredential(**identity)) as watched:

        def ask(number: int) -> Any:
            return (watched.get_token if number % 2 else watched.get_token_info)(scopes[number])

        with ThreadPoolExecutor(len(scopes)) as pool:
            tokens = list(pool.map(ask, range(len(scopes))))
        assert {exchange.scope for exchange in watched.tokens.exchanges()} == set(scopes)
    return tokens


def by_tasks(identity: dict[str, str], scopes: list[str]) -> list[Any]:
    async def ask_all() -> list[Any]:
        async with aio.WatchedCredential(AioWorkloadIdentityCredential(**identity)) as watched:
            asking = [
                (watched.get_token if number % 2 else watched.get_token_info)(scope)
                for number, scope in enumerate(scopes)
            ]
            return await asyncio.gather(*asking)

    return asyncio.run(ask_all())


@pytest.fixture(params=[by_threads, by_tasks])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param


def test_callers_that_want_the_same_token_cause_one_exchange(cloud: RunningCloud, ask: Ask) -> None:
    """Sixteen callers at once get two tokens, one for each scope; each exchange would give another one."""
    with capture_logs() as logs:
        tokens = ask(cloud.workload_identity("frontend"), [VAULT, BLOB] * 8)
    assert len({token.token for token in tokens}) == 2
    assert sorted(line["uti"] for line in logs) == sorted({claims_of(token.token)["uti"] for token in tokens})


def test_a_token_is_logged_by_its_claims(cloud: RunningCloud, ask: Ask) -> None:
    """Unique id, principal, audience and expiry are logged, numbers as numbers; the token is not."""
    with capture_logs() as logs:
        (token,) = ask(cloud.workload_identity("frontend"), [VAULT])
    claims = claims_of(token.token)
    expected = {"event": "token.acquired", "log_level": "info"}
    assert logs == [expected | {name: claims[name] for name in ("uti", "oid", "aud", "exp")}]


def test_a_renewed_projected_token_is_used_as_soon_as_entra_has_refused_the_old_one(cloud: RunningCloud) -> None:
    """The SDK would present the one that it has read for ten minutes."""
    identity = cloud.workload_identity("frontend")
    file = cloud.token_file("frontend", lifetime_seconds=-3600)
    renewed = cloud.token_file("frontend").read_text()
    expired = file.read_text()

    watched = credential.WatchedCredential(WorkloadIdentityCredential(**identity | {"token_file_path": str(file)}))
    with pytest.raises(ClientAuthenticationError, match="AADSTS"):
        watched.get_token_info(VAULT)
    (refused,) = watched.tokens.exchanges()
    assert refused.failure is not None
    assert (refused.scope, refused.claims, refused.failure.code) == (VAULT, {}, "AADSTS700024")
    file.write_text(renewed)
    assert watched.get_token_info(VAULT).token
    (exchanged,) = watched.tokens.exchanges()
    assert exchanged.failure is None
    assert exchanged.claims["iat"] < exchanged.renewed < exchanged.claims["exp"]

    async def same_for_tasks() -> str:
        file.write_text(expired)
        inner = AioWorkloadIdentityCredential(**identity | {"token_file_path": str(file)})
        async with aio.WatchedCredential(inner) as watched:
            with pytest.raises(ClientAuthenticationError, match="AADSTS"):
                await watched.get_token(VAULT)
            assert [refused.failure is None for refused in watched.tokens.exchanges()] == [False]
            file.write_text(renewed)
            return (await watched.get_token(VAULT)).token

    assert asyncio.run(same_for_tasks())


@pytest.mark.parametrize("text", ["", "opaque", "a.b", "a.e30=.c", "a.bnVsbA.c", "..", "a.\u00e9.c"])
def test_what_is_no_jwt_has_no_claims(text: str) -> None:
    """An opaque token is possible, and no failure."""
    assert claims_of(text) == {}
