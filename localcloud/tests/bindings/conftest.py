"""A cloud whose identities are bound to its cluster, and a program that exchanges a token there."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.identity import WorkloadIdentityCredential
from azure.identity.aio import WorkloadIdentityCredential as AioWorkloadIdentityCredential
from harness.bindings import let
from localcloud.entra.federation import Way
from localcloud.testing import RunningCloud, reached_as_from_a_pod

MODEL = Path(__file__).parent / "access.yaml"
SCOPE = "https://vault.azure.net/.default"


@pytest.fixture(scope="session")
def bound_cloud(start_cloud: Callable[..., RunningCloud]) -> RunningCloud:
    """The cloud that these tests share."""
    return start_cloud(MODEL, federation="bindings")


@pytest.fixture(scope="module")
def cloud(bound_cloud: RunningCloud) -> Iterator[RunningCloud]:
    """The cloud, reached as from a pod. The environment of other files stays."""
    with reached_as_from_a_pod(bound_cloud):
        yield bound_cloud


@pytest.fixture(autouse=True)
def complete(cloud: RunningCloud) -> None:
    """Before each test every service account may use its own identity, and nothing is broken."""
    let(cloud, *cloud.cloud.model().workloads)
    cloud.cloud.federation.way = Way.BINDINGS
    for service in cloud.cloud.faults.services:
        cloud.cloud.faults.end(service)


@pytest.fixture(params=["sync", "aio"])
def exchange(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], str]:
    """Exchanges a token as a program with these variables does, without retries, by both flavours of the SDK."""

    def sync() -> str:
        with WorkloadIdentityCredential(enable_azure_proxy=True, retry_total=0) as credential:
            return credential.get_token(SCOPE).token

    async def aio() -> str:
        async with AioWorkloadIdentityCredential(enable_azure_proxy=True, retry_total=0) as credential:
            return (await credential.get_token(SCOPE)).token

    def run(variables: dict[str, str]) -> str:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return sync() if request.param == "sync" else asyncio.run(aio())

    return run
