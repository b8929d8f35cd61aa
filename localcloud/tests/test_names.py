"""Azure's own names: every SDK, unmodified, reaches its service under its real name with TLS verification on."""

import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from azure.core.exceptions import AzureError
from azure.cosmos import CosmosClient
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient, TransportType
from azure.storage.blob import BlobServiceClient
from localcloud.cloud import Cloud

Call = Callable[[object, WorkloadIdentityCredential, str], object]


def entra(_cloud, credential, _bundle) -> object:
    return credential.get_token("https://vault.azure.net/.default")


def key_vault(cloud, credential, _bundle) -> object:
    with SecretClient(cloud.vault_url, credential, retry_total=0) as client:
        return list(client.list_properties_of_secret_versions("alpha"))


def cosmos(cloud, credential, _bundle) -> object:
    with CosmosClient(cloud.cosmos_url, credential, retry_total=0, connection_timeout=5) as client:
        return client.get_database_client("shop").get_container_client("items").read()


def blob(cloud, credential, _bundle) -> object:
    with BlobServiceClient(cloud.blob_url, credential, retry_total=0) as client:
        return list(client.get_container_client("files").list_blob_names())


def service_bus(cloud, credential, bundle) -> object:
    client = ServiceBusClient(
        cloud.namespace,
        credential,
        custom_endpoint_address=cloud.amqp_endpoint,
        transport_type=TransportType.Amqp,
        connection_verify=bundle,
        retry_total=0,
    )
    with client, client.get_queue_receiver("jobs") as receiver:
        return receiver.peek_messages(1)


ALL = pytest.mark.parametrize("call", [entra, key_vault, cosmos, blob, service_bus], ids=lambda call: call.__name__)


@ALL
def test_a_service_is_reached_under_its_own_name(cloud, call: Call) -> None:
    """With the local cloud's CA as the only trust, each call succeeds."""
    with WorkloadIdentityCredential(enable_azure_proxy=True, **cloud.workload_identity("owner")) as credential:
        assert call(cloud, credential, cloud.ca_bundle) is not None


@ALL
def test_another_ca_is_not_trusted(cloud, call: Call, tmp_path: Path, monkeypatch) -> None:
    """With another CA each call fails on the certificate: verification is on, under every name."""
    with WorkloadIdentityCredential(enable_azure_proxy=True, **cloud.workload_identity("owner")) as credential:
        if call is not entra:
            _warm(credential)  # so that what fails below is the service's certificate, not Entra's
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(str(other))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
        with pytest.raises(AzureError) as failure:
            call(cloud, credential, str(other))
    assert "CERTIFICATE_VERIFY_FAILED" in _whole(failure.value)


def test_the_proxy_refuses_every_other_name(cloud) -> None:
    """A name that is not the local cloud's is answered 403 with a sentence: nothing leaves this machine."""
    running: Cloud = cloud.cloud
    with closing(socket.create_connection(("127.0.0.1", running.proxy_port), 5)) as connection:
        connection.sendall(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
        answer = connection.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 403 ")
    assert "example.com:443 is not part of the local cloud" in answer


def test_the_proxys_refusals_cannot_paint_or_fill_the_terminal(cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """A target is shown as it is written, on one line, cut if it is long; repeats are counted."""
    attacks = (b"\x1b[2J\x1b]0;title\x07evil:443", b"\xe2\x80\xaeeslaf:443", b"\x85fake:443", b"a" * 15_000 + b":443")
    for target in attacks * 3:
        with closing(socket.create_connection(("127.0.0.1", cloud.cloud.proxy_port), 5)) as connection:
            connection.sendall(b"CONNECT " + target + b" HTTP/1.1\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")
    said = [line for line in capsys.readouterr().out.split("\n") if line]
    assert len(said) == len(attacks)
    assert all(line.startswith("✗ the proxy refused ") and line.isprintable() for line in said)
    assert max(map(len, said)) < 4100


def test_the_proxy_leads_to_no_other_port(cloud) -> None:
    """Azure's names are reached on port 443 alone."""
    with closing(socket.create_connection(("127.0.0.1", cloud.cloud.proxy_port), 5)) as connection:
        connection.sendall(f"CONNECT {cloud.cloud.settings.vault_host}:22 HTTP/1.1\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")


def _warm(credential: WorkloadIdentityCredential) -> None:
    resources = ("vault.azure.net", "cosmos.azure.com", "storage.azure.com", "servicebus.azure.net")
    for resource in (*resources, "localcloud.documents.azure.com"):
        credential.get_token(f"https://{resource}/.default")


def _whole(error: BaseException | None) -> str:
    """The texts of an exception and of all its causes."""
    texts = []
    while error is not None:
        texts.append(repr(error))
        error = error.__cause__ or error.__context__
    return "\n".join(texts)
