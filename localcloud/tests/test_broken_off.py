"""Clients that go away in the middle of something: that is their right, and nothing is logged about it."""

import asyncio
import logging
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from azure.identity import WorkloadIdentityCredential
from harness.clusters import running
from localcloud.authorization.model import TENANT_ID
from localcloud.servicebus.amqp.frames import AMQP_HEADER, SASL_HEADER
from localcloud.testing import RunningCloud

HALF = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nhalf a body'
VAULT, COSMOS, ENTRA = "localcloud.vault.azure.net", "localcloud.documents.azure.com", "login.microsoftonline.com"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Any:
    server = logging.getLogger("uvicorn.error")  # heard directly: whether it propagates is uvicorn's to configure
    server.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING):
        yield
    server.removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.get_records("call")] == []


def vanish(connection: socket.socket) -> None:
    """Reset the connection, as the system does for a program that was killed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def tunnel(cloud: RunningCloud, host: str) -> ssl.SSLSocket:
    """A TLS connection to one of Azure's names, through the proxy."""
    plain = socket.create_connection(("127.0.0.1", cloud.cloud.proxy_port), 5)
    plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
    assert plain.recv(1000).startswith(b"HTTP/1.1 200")
    return ssl.create_default_context(cafile=cloud.ca_bundle).wrap_socket(plain, server_hostname=host)


Token = Callable[[str], str]
REQUESTS: dict[str, Callable[[Token], tuple[str, str, str, dict[str, str]]]] = {
    "a document": lambda token: (
        COSMOS,
        "POST",
        "/dbs/shop/colls/items/docs",
        {
            "authorization": quote(f"type=aad&ver=1.0&sig={token('https://cosmos.azure.com')}", safe=""),
            "x-ms-documentdb-partitionkey": '["a"]',
        },
    ),
    "a query": lambda token: (
        COSMOS,
        "POST",
        "/dbs/shop/colls/items/docs",
        {
            "authorization": quote(f"type=aad&ver=1.0&sig={token('https://cosmos.azure.com')}", safe=""),
            "x-ms-documentdb-isquery": "True",
        },
    ),
    "a secret": lambda token: (
        VAULT,
        "PUT",
        "/secrets/alpha?api-version=7.6",
        {"authorization": f"Bearer {token('https://vault.azure.net')}"},
    ),
    "a token request": lambda _: (
        ENTRA,
        "POST",
        f"/{TENANT_ID}/oauth2/v2.0/token",
        {"content-type": "application/x-www-form-urlencoded"},
    ),
    "a form of parts": lambda _: (
        ENTRA,
        "POST",
        f"/{TENANT_ID}/oauth2/v2.0/token",
        {"content-type": "multipart/form-data; boundary=b"},
    ),
    "a request for nobody": lambda _: ("localcloud.oic.prod-aks.azure.com", "POST", "/", {}),
}


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS.keys())
@pytest.mark.parametrize("orderly", [True, False], ids=["closed", "reset"])
def test_a_request_that_is_broken_off_is_no_fault(
    cloud: RunningCloud,
    credential: Callable[[str], WorkloadIdentityCredential],
    request_of: Callable[[Token], tuple[str, str, str, dict[str, str]]],
    orderly: bool,
) -> None:
    """In its body or before it, with or without a farewell: no line, and the next request is answered."""
    host, method, target, headers = request_of(
        lambda resource: credential("owner").get_token(f"{resource}/.default").token
    )
    head = "".join(
        f"{name}: {value}\r\n" for name, value in {"host": host, "content-length": "1000", **headers}.items()
    )
    whole = f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode()
    for said in (whole[:20], whole, whole + HALF):
        connection = tunnel(cloud, host)
        connection.sendall(said)
        connection.close() if orderly else vanish(connection)
    with httpx.Client(proxy=cloud.cloud.proxy_url, verify=cloud.cloud.certificates.client_context()) as client:
        for _ in range(3):
            assert client.get(f"https://{VAULT}/secrets/alpha?api-version=7.6").status_code == 401


@pytest.mark.parametrize(
    "said", [b"", SASL_HEADER, SASL_HEADER[:3], SASL_HEADER + b"\x00\x00\x01", AMQP_HEADER], ids=str
)
def test_an_amqp_connection_that_is_broken_off_is_no_fault(cloud: RunningCloud, said: bytes) -> None:
    """In a header or in a frame, and before TLS has come about as well."""
    tls = ssl.create_default_context(cafile=cloud.ca_bundle)
    plain = socket.create_connection(("127.0.0.1", cloud.cloud.amqp_port), 5)
    plain.sendall(b"\x16\x03\x01")
    vanish(plain)
    plain = socket.create_connection(("127.0.0.1", cloud.cloud.amqp_port), 5)
    connection = tls.wrap_socket(plain, server_hostname=cloud.namespace)
    connection.sendall(said)
    vanish(connection)
    again = socket.create_connection(("127.0.0.1", cloud.cloud.amqp_port), 5)
    with closing(tls.wrap_socket(again, server_hostname=cloud.namespace)) as alive:
        alive.sendall(SASL_HEADER)
        assert alive.recv(8) == SASL_HEADER


@pytest.mark.parametrize(
    "said", [b"", b"CONN", b"CONNECT localcloud.vault.azure.net:443 HTTP/1.1\r\n\r\n", b"x" * 20_000]
)
def test_a_tunnel_that_is_broken_off_is_no_fault(cloud: RunningCloud, said: bytes) -> None:
    """Before its request is whole, or when it stands."""
    for _ in range(3):
        connection = socket.create_connection(("127.0.0.1", cloud.cloud.proxy_port), 5)
        connection.sendall(said)
        vanish(connection)
    tunnel(cloud, VAULT).close()


async def test_a_service_of_the_cluster_does_not_mind(tmp_path: Path) -> None:
    """A client that breaks its upload to a pod off costs nothing, and the next one is answered."""
    async with running(tmp_path / "state") as web:
        address = urlsplit(web.cluster.service_url("web"))
        for said in (b"POST / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf a body"):
            _, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(said)
            await writer.drain()
            writer.transport.abort()
        async with httpx.AsyncClient(base_url=address.geturl()) as client:
            for _ in range(3):
                assert (await client.get("/")).status_code == 200
