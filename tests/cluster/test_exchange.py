"""A token that a real API server has issued becomes an identity, and the identity opens what it is granted."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.cloud import Cloud
from localcloud.settings import Settings

from tests.cluster.api_server import ApiServer
from tests.infra.manifests import outputs, rendered

VAULT = "https://keyless.vault.azure.net"


@pytest.fixture(scope="module")
def cloud(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud with the API server as a further issuer, reached as from a pod."""
    applied = api.apply(rendered("kind"))  # among it, who may read the issuer's keys
    assert applied.returncode == 0, applied.stderr
    state = tmp_path_factory.mktemp("cloud")
    settings = Settings(
        name="keyless", access=Path("infra/access.yaml"), state=state, proxy_port=0, amqp_port=0, issuers=[api.issuer]
    )
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(api.ca))  # by which the cloud knows the issuer, as on kind
        running = Cloud(settings, report=lambda _line: None)
        asyncio.run_coroutine_threadsafe(running.start(), loop).result(60)
        environment.setenv("HTTPS_PROXY", running.proxy_url)
        environment.setenv("REQUESTS_CA_BUNDLE", str(running.ca_bundle))
        running.secrets.put("frontend-signing-key", "a made-up value", {}, None)
        running.secrets.put("receipt-signing-key", "a made-up value", {}, None)
        yield running
    asyncio.run_coroutine_threadsafe(running.close(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)


def token(api: ApiServer, folder: Path, account: str, audience: str = "api://AzureADTokenExchange") -> Path:
    """A TokenRequest's answer in a file, as the kubelet would project it."""
    made = api.kubectl("--namespace=keyless", "create", "token", account, f"--audience={audience}", "--duration=1h")
    assert made.returncode == 0, made.stderr
    file = folder / f"{account}.jwt"
    file.write_text(made.stdout.strip())
    return file


def vault(workload: str, file: Path) -> SecretClient:
    credential = WorkloadIdentityCredential(
        tenant_id=TENANT_ID, client_id=client_id(workload), token_file_path=str(file)
    )
    return SecretClient(VAULT, credential, retry_total=0)


def test_a_service_account_of_the_cluster_becomes_its_identity(api: ApiServer, cloud: Cloud, tmp_path: Path) -> None:
    """The token of `keyless:frontend` is exchanged by the keys that the API server publishes, and reads its secret."""
    assert outputs("kind")["frontendClientId"] == client_id("frontend")
    secrets = vault("frontend", token(api, tmp_path, "frontend"))
    assert secrets.get_secret("frontend-signing-key").value == "a made-up value"
    with pytest.raises(HttpResponseError, match="Forbidden"):
        secrets.get_secret("receipt-signing-key")


@pytest.mark.parametrize(
    ("account", "audience", "code"),
    [
        ("backend", "api://AzureADTokenExchange", "AADSTS700213"),
        ("frontend", "https://kubernetes.default.svc", "AADSTS700212"),
    ],
)
def test_another_account_or_audience_is_refused(
    api: ApiServer, cloud: Cloud, tmp_path: Path, account: str, audience: str, code: str
) -> None:
    """A real token of this cluster is not enough: its subject and its audience have to be the federated ones."""
    with pytest.raises(ClientAuthenticationError, match=code):
        vault("frontend", token(api, tmp_path, account, audience)).get_secret("frontend-signing-key")
