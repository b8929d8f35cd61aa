"""Liveness and readiness, and the checks that feed them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from backend.dependencies.checks import DependencyChecks
from backend.dependencies.dependency import Unavailable
from backend.dependencies.health import Health, health_app
from workload.failure import Failure

DENIED = "AADSTS700213: No matching federated identity record found for presented assertion subject"


@dataclass
class Probed:
    """A worker's health and a kubelet to probe it."""

    health: Health
    get: Callable[[str], Awaitable[aiohttp.ClientResponse]]


@pytest.fixture
async def probed() -> AsyncIterator[Probed]:
    health = Health()
    async with TestClient(TestServer(health_app(health))) as client:
        yield Probed(health, client.get)


async def test_ready_when_nothing_is_missing(probed: Probed) -> None:
    """200 if no dependency is missing."""
    assert (await probed.get("/readyz")).status == 200


async def test_unready_names_what_is_missing(probed: Probed) -> None:
    """503 as problem+json with the service's own sentence. The process is still alive."""
    probed.health.mark_missing("check", "Key Vault", DENIED)
    answer = await probed.get("/readyz")
    assert (answer.status, answer.content_type) == (503, "application/problem+json")
    problem = await answer.json()
    assert problem["missing"] == {"Key Vault": DENIED}
    assert problem["detail"] == f"Key Vault: {DENIED}"
    assert (await probed.get("/healthz")).status == 200


async def test_ready_again_when_the_last_one_waits_no_more(probed: Probed) -> None:
    """If two messages wait for a dependency, it is missing until neither does."""
    probed.health.mark_missing(1, "Cosmos DB", "down")
    probed.health.mark_missing(2, "Cosmos DB", "down")
    probed.health.mark_available(1)
    assert (await probed.get("/readyz")).status == 503
    probed.health.mark_available(2)
    assert (await probed.get("/readyz")).status == 200


async def test_a_stuck_loop_is_not_alive() -> None:
    """Liveness fails if the receive loop has not turned for longer than any wait in it may last.

    Without an identity the loop does not begin, and the process stays alive to say so.
    """
    now = 0.0
    health = Health(lambda: now)
    async with TestClient(TestServer(health_app(health))) as client:
        now = 1000.0
        assert (await client.get("/healthz")).status == 200
        health.turn()
        now = 1119.0
        assert (await client.get("/healthz")).status == 200
        now = 1121.0
        assert (await client.get("/healthz")).status == 503
        health.turn()
        assert (await client.get("/healthz")).status == 200


async def test_access_is_asked_for_until_it_is_there() -> None:
    """Each dependency is missing until its check passes, with the reason, and recovers by itself."""
    denied = [DENIED, DENIED]

    async def check() -> None:
        if denied:
            raise Unavailable("Key Vault", Failure(401, "AADSTS700213", denied.pop()))

    async def good() -> None:
        pass

    health = Health()
    checks = DependencyChecks({"Key Vault": check, "Cosmos DB": good}, health)
    assert health.missing == {"Key Vault": "not reached yet", "Cosmos DB": "not reached yet"}
    confirming = asyncio.create_task(checks.wait_for_all())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert health.missing == {"Key Vault": DENIED}
    async with asyncio.timeout(10):
        await confirming
    assert health.missing == {}
