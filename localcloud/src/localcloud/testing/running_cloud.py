"""A local cloud in a thread of the test's process."""

import asyncio
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp.connector
import pytest

from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cloud import Cloud
from localcloud.cluster.webhook import AUDIENCE
from localcloud.entra.discovery import AUTHORITY
from localcloud.settings import Settings

_PATIENCE = 60.0  # seconds for a start or a stop


@dataclass(frozen=True)
class RunningCloud:
    """A started cloud in a loop of its own, and its services as the settings of a pod name them.

    `folder` is removed at the end.
    """

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

    def token_file(self, workload: str, **claims: Any) -> Path:
        """Write a projected token of the workload's service account to a file of its own.

        `claims` replace arguments of `Issuer.issue_token`, such as `audience` or `lifetime_seconds`.
        """
        account = self.cloud.model().workloads[workload]
        arguments: dict[str, Any] = {
            "namespace": account.namespace,
            "service_account": account.serviceAccount,
            "service_account_uid": f"uid-of-{workload}",
            "pod_name": f"{workload}-0",
            "pod_uid": f"uid-of-{workload}-0",
            "audience": AUDIENCE,
            "lifetime_seconds": 3600,
        }
        file = self.folder / f"token-{uuid.uuid4().hex}"
        file.touch(mode=0o600)
        file.write_text(self.cloud.issuer.issue_token(**arguments | claims))
        return file

    def workload_identity(self, workload: str) -> dict[str, str]:
        """The arguments of a `WorkloadIdentityCredential`, which the webhook puts into a pod's environment."""
        return {
            "tenant_id": TENANT_ID,
            "client_id": client_id(workload),
            "token_file_path": str(self.token_file(workload)),
        }


@contextmanager
def running_cloud(access: Path, **settings: Any) -> Iterator[RunningCloud]:
    """Start a cloud with this access model on free ports; stop it and remove its folder at the end.

    `settings` are those of `localcloud.settings.Settings`.
    """
    folder = Path(tempfile.mkdtemp(prefix="cloud-"))
    free_ports = {"proxy_port": 0, "amqp_port": 0}
    cloud = Cloud(Settings(**{"access": access, "state": folder / "state", **free_ports, **settings}), report=_ignore)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="localcloud", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(cloud.start(), loop).result(_PATIENCE)
        yield RunningCloud(cloud, loop, folder)
    finally:
        asyncio.run_coroutine_threadsafe(cloud.close(), loop).result(_PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE)
        shutil.rmtree(folder)


@contextmanager
def reached_as_from_a_pod(running: RunningCloud) -> Iterator[pytest.MonkeyPatch]:
    """Lead Azure's names in this process to the cloud, and trust its CA under them."""
    environment = {
        "HTTPS_PROXY": running.cloud.proxy_url,
        "HTTP_PROXY": running.cloud.proxy_url,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "REQUESTS_CA_BUNDLE": running.ca_bundle,
        "SSL_CERT_FILE": running.ca_bundle,
        "AZURE_AUTHORITY_HOST": f"{AUTHORITY}/",
    }
    # aiohttp reads SSL_CERT_FILE when it is imported. In a test's process that is before the cloud has a CA.
    aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(running.ca_bundle)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("https_proxy", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield patch


def _ignore(_line: str) -> None:
    """A test reads the audit trail; the terminal's lines would only stand between its own."""
