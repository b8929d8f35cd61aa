"""A running local cloud for the tests of its services, and real credentials for its workloads."""

import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp.connector
import pytest
from azure.identity import WorkloadIdentityCredential
from azure.identity.aio import WorkloadIdentityCredential as AioWorkloadIdentityCredential
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cloud import Cloud
from localcloud.settings import Settings

AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True)
class RunningCloud:
    """A cloud in a loop of its own; `names` are the settings that a pod's SDKs would see."""

    cloud: Cloud
    loop: asyncio.AbstractEventLoop
    folder: Path

    @property
    def vault_url(self) -> str:
        return f"https://{self.cloud.settings.vault_host}"

    @property
    def cosmos_url(self) -> str:
        return f"https://{self.cloud.settings.cosmos_host}:443/"

    @property
    def blob_url(self) -> str:
        return f"https://{self.cloud.settings.blob_host}"

    @property
    def namespace(self) -> str:
        return self.cloud.settings.servicebus_host

    @property
    def amqp_endpoint(self) -> str:
        return f"sb://127.0.0.1:{self.cloud.amqp_port}"

    @property
    def ca_bundle(self) -> str:
        return str(self.cloud.ca_bundle)

    def token_file(self, workload: str, **claims: object) -> Path:
        """A projected token of this workload's service account, in a file of its own."""
        account = self.cloud.model().workloads[workload]
        token = self.cloud.issuer.issue_token(
            **{
                "namespace": account.namespace,
                "service_account": account.serviceAccount,
                "service_account_uid": f"uid-of-{workload}",
                "pod_name": f"{workload}-0",
                "pod_uid": f"uid-of-{workload}-0",
                "audience": AUDIENCE,
                "lifetime_seconds": 3600,
                **claims,
            }  # type: ignore[arg-type]
        )
        handle, name = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(handle, "w") as file:
            file.write(token)
        return Path(name)

    def workload_identity(self, workload: str) -> dict[str, str]:
        """The arguments of a `WorkloadIdentityCredential`, which the webhook would put into the environment."""
        return {
            "tenant_id": TENANT_ID,
            "client_id": client_id(workload),
            "token_file_path": str(self.token_file(workload)),
        }


@pytest.fixture(scope="session")
def azurite() -> Path:
    """Where Azurite is installed: `make` puts it there once for the whole checkout."""
    return Path(__file__).parents[2] / ".tools" / "azurite"


@pytest.fixture(scope="session")
def start_cloud(azurite: Path) -> Iterator[Callable[..., RunningCloud]]:
    """Starts a cloud with settings of one's own; all are stopped at the end of the session."""
    running: list[RunningCloud] = []

    def start(**settings: object) -> RunningCloud:
        folder = Path(tempfile.mkdtemp(prefix="cloud-"))
        values = {
            "access": Path(__file__).parent / "access.yaml",
            "state": folder / "state",
            "azurite": azurite,
            "proxy_port": 0,
            "amqp_port": 0,
            **settings,
        }
        cloud = Cloud(Settings(**values), report=lambda _line: None)  # type: ignore[arg-type]
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(cloud.start(), loop).result(60)
        running.append(RunningCloud(cloud, loop, folder))
        return running[-1]

    yield start
    for one in running:
        asyncio.run_coroutine_threadsafe(one.cloud.close(), one.loop).result(60)
        one.loop.call_soon_threadsafe(one.loop.stop)
        shutil.rmtree(one.folder)


@pytest.fixture(scope="session")
def cloud(start_cloud: Callable[..., RunningCloud]) -> Iterator[RunningCloud]:
    """The cloud that most tests share, reached as from a pod: through its proxy, trusting its CA alone."""
    running = start_cloud()
    with reached_as_from_a_pod(running):
        yield running


@contextmanager
def reached_as_from_a_pod(running: RunningCloud) -> Iterator[pytest.MonkeyPatch]:
    """Azure's names lead this process to the cloud, and what it trusts under them is the cloud's CA."""
    environment = {
        "HTTPS_PROXY": running.cloud.proxy_url,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "REQUESTS_CA_BUNDLE": running.ca_bundle,
        "SSL_CERT_FILE": running.ca_bundle,
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
    }
    # aiohttp reads SSL_CERT_FILE when it is imported, which here is before the cloud has a CA.
    aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(running.ca_bundle)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("https_proxy", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield patch


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
