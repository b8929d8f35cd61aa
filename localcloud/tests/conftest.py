"""A running local cloud for the tests of its services, and real credentials for its workloads."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.identity import WorkloadIdentityCredential
from azure.identity.aio import WorkloadIdentityCredential as AioWorkloadIdentityCredential
from harness import MODEL
from localcloud.settings import Settings
from localcloud.testing import RunningCloud, reached_as_from_a_pod


def pytest_configure() -> None:
    """What the tests reach is on this machine, whatever proxy its downloads go through."""
    os.environ["LOCALCLOUD_DASHBOARD_PORT"] = "0"  # many local clouds run at once
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost")))


@pytest.fixture(scope="session")
def azurite() -> Path:
    """The folder in which Azurite is installed (`localcloud install`)."""
    return Settings().azurite


@pytest.fixture(scope="session")
def cloud(start_cloud: Callable[..., RunningCloud]) -> Iterator[RunningCloud]:
    """The cloud that most tests share, reached as from a pod: through its proxy, trusting its CA alone."""
    running = start_cloud(MODEL)
    with reached_as_from_a_pod(running):
        yield running


@pytest.fixture(scope="session")
def credential(cloud: RunningCloud) -> Iterator[Callable[[str], WorkloadIdentityCredential]]:
    """The real credential of a workload, as its pod would have it."""
    made: dict[str, WorkloadIdentityCredential] = {}

    def of(workload: str) -> WorkloadIdentityCredential:
        if workload not in made:
            made[workload] = WorkloadIdentityCredential(enable_azure_proxy=True, **cloud.workload_identity(workload))
        return made[workload]

    yield of
    for one in made.values():
        one.close()


@pytest.fixture(scope="session")
def aio_credential(cloud: RunningCloud) -> Callable[[str], AioWorkloadIdentityCredential]:
    """The asyncio flavour; its user closes it."""

    def of(workload: str) -> AioWorkloadIdentityCredential:
        return AioWorkloadIdentityCredential(enable_azure_proxy=True, **cloud.workload_identity(workload))

    return of
