"""Either end may go away in the middle: nothing half-done is left, and the terminal shows no traceback."""

import asyncio
import logging
import os
import resource
import signal
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import quote, urlsplit

import httpx
import pytest
from harness import MODEL
from harness.blob_wire import VERSION, BlobWire, access_token
from localcloud.authorization import audit
from localcloud.authorization.model import TENANT_ID
from localcloud.testing import RunningCloud

BLOCK = ("x-ms-blob-type", "BlockBlob")


@pytest.fixture(scope="module")
def cloud(start_cloud: Callable[..., RunningCloud]) -> RunningCloud:
    """A cloud whose Azurite may come to harm."""
    return start_cloud(MODEL)


@pytest.fixture(scope="module")
def owner(cloud: RunningCloud) -> Iterator[BlobWire]:
    with closing(BlobWire(cloud, "owner")) as wire:
        yield wire


class Said(logging.Handler):
    """What the server and its loop have logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def said() -> Iterator[Said]:
    """In no test a traceback is logged."""
    handler = Said()
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)
    assert [record for record in handler.records if record.exc_info] == []


def connect(cloud: RunningCloud, host: str) -> ssl.SSLSocket:
    """A TLS connection to one of the cloud's names, through its proxy."""
    proxy = urlsplit(cloud.cloud.proxy_url)
    plain = socket.create_connection((proxy.hostname, proxy.port), 20)
    plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    assert b" 200 " in plain.recv(1000)
    return ssl.create_default_context(cafile=cloud.ca_bundle).wrap_socket(plain, server_hostname=host)


def head(line: str, *headers: tuple[str, str]) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{line} HTTP/1.1\r\n{fields}\r\n".encode()


def to_blob(cloud: RunningCloud, owner: BlobWire, line: str, *headers: tuple[str, str]) -> bytes:
    return head(line, ("host", cloud.cloud.settings.blob_host), owner.authorization, VERSION, *headers)


def reset(connection: ssl.SSLSocket) -> None:
    """Ends a connection without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def received(connection: ssl.SSLSocket) -> bytes:
    """All that comes until the other end closes."""
    with closing(connection):
        return b"".join(iter(lambda: connection.recv(65536), b""))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def being_handled(cloud: RunningCloud) -> int:
    """How many requests the cloud is answering."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks(cloud.loop)]
    return sum("run_asgi" in getattr(coroutine, "__qualname__", "") for coroutine in coroutines)


def request_to(cloud: RunningCloud, service: str) -> tuple[str, str, list[tuple[str, str]]]:
    """The host, request line and headers of a request with a body of 1,000 bytes."""
    settings = cloud.cloud.settings
    match service:
        case "keyvault":
            token = access_token(cloud, "owner", "https://vault.azure.net")
            host, line = settings.vault_host, "PUT /secrets/alpha?api-version=2026-04-01"
            headers = [("authorization", f"Bearer {token}")]
        case "cosmos":
            token = access_token(cloud, "owner", "https://cosmos.azure.com")
            host, line = settings.cosmos_host, "POST /dbs/shop/colls/items/docs"
            headers = [("authorization", quote(f"type=aad&ver=1.0&sig={token}", safe=""))]
            headers += [("x-ms-version", "2020-07-15"), ("x-ms-documentdb-partitionkey", '["a"]')]
        case "entra":
            host, line = "login.microsoftonline.com", f"POST /{TENANT_ID}/oauth2/v2.0/token"
            headers = [("content-type", "application/x-www-form-urlencoded")]
        case _:
            token = access_token(cloud, "owner")
            host, line = settings.blob_host, f"PUT /files/torn{'?comp=blocklist' if service == 'blocklist' else ''}"
            headers = [("authorization", f"Bearer {token}"), VERSION, *([] if service == "blocklist" else [BLOCK])]
    return host, line, [("host", host), *headers, ("content-length", "1000")]


def revive(cloud: RunningCloud) -> None:
    """Waits until Azurite answers again, and makes the container that it may have forgotten."""

    def answers() -> bool:
        making = cloud.cloud._azurite.create_containers(["files"])
        try:
            asyncio.run_coroutine_threadsafe(making, cloud.loop).result()
        except httpx.TransportError:
            return False
        return True

    wait_until(answers)


@pytest.mark.parametrize("end", [ssl.SSLSocket.close, reset], ids=["closed", "reset"])
@pytest.mark.parametrize("service", ["keyvault", "cosmos", "entra", "blob", "blocklist"])
def test_a_request_that_breaks_off_says_nothing(
    cloud: RunningCloud, service: str, end: Callable[[ssl.SSLSocket], None], said: Said
) -> None:
    """No service prints a word when its client goes away in the middle of a body."""
    host, line, headers = request_to(cloud, service)
    connection = connect(cloud, host)
    connection.sendall(head(line, *headers) + b"a part")
    wait_until(lambda: being_handled(cloud) == 1)
    end(connection)
    wait_until(lambda: being_handled(cloud) == 0)
    assert said.records == []


@pytest.mark.parametrize("end", [ssl.SSLSocket.close, reset], ids=["closed", "reset"])
@pytest.mark.parametrize("part", [0, 1, 5_000_000, 9_999_999])
def test_an_upload_that_breaks_off_leaves_no_blob(
    cloud: RunningCloud, owner: BlobWire, part: int, end: Callable[[ssl.SSLSocket], None]
) -> None:
    """Of a part there is neither a blob nor a block, and what is uploaded after it arrives whole."""
    connection = connect(cloud, cloud.cloud.settings.blob_host)
    length = ("content-length", "10000000")
    connection.sendall(to_blob(cloud, owner, "PUT /files/torn", BLOCK, length) + b"x" * part)
    wait_until(lambda: being_handled(cloud) == 1)
    end(connection)
    wait_until(lambda: being_handled(cloud) == 0)
    listed = owner.send("GET", "/files?restype=container&comp=list&include=uncommittedblobs&prefix=torn")
    assert (listed.status, b"<Blob>" in listed.body) == (200, False)
    for number in range(3):
        content = bytes([number]) * 100_000
        assert owner.send("PUT", "/files/next", [BLOCK], content).status == 201
        assert owner.send("GET", "/files/next").body == content


def test_a_download_that_breaks_off_disturbs_no_other(cloud: RunningCloud, owner: BlobWire, said: Said) -> None:
    """A client that goes away while it is answered is not answered further, and nothing is said of it."""
    content = os.urandom(32_000_000)
    assert owner.send("PUT", "/files/large", [BLOCK], content).status == 201
    for end in (ssl.SSLSocket.close, reset):
        connection = connect(cloud, cloud.cloud.settings.blob_host)
        connection.sendall(to_blob(cloud, owner, "GET /files/large"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        end(connection)
        wait_until(lambda: being_handled(cloud) == 0)
    assert owner.send("GET", "/files/large").body == content
    assert said.records == []


def test_an_answer_that_azurite_breaks_off_is_no_whole_one(cloud: RunningCloud, owner: BlobWire, said: Said) -> None:
    """If Azurite dies in the middle of a download, the caller's connection ends before the length that was told."""
    assert owner.send("PUT", "/files/large", [BLOCK], b"x" * 32_000_000).status == 201
    connection = connect(cloud, cloud.cloud.settings.blob_host)
    connection.sendall(to_blob(cloud, owner, "GET /files/large"))
    beginning = connection.recv(1000)
    assert b"content-length: 32000000" in beginning.lower()
    os.kill(cloud.cloud._azurite.pid, signal.SIGKILL)
    assert len(beginning + received(connection)) < 32_000_000
    assert len(said.records) <= 1
    revive(cloud)


def test_an_upload_that_azurite_breaks_off_may_be_repeated(cloud: RunningCloud, owner: BlobWire) -> None:
    """If Azurite dies in the middle of an upload, the answer is a 503, upon which the SDKs try again."""
    connection = connect(cloud, cloud.cloud.settings.blob_host)
    length = ("content-length", "10000000")
    connection.sendall(to_blob(cloud, owner, "PUT /files/torn", BLOCK, length) + b"x" * 5_000_000)
    wait_until(lambda: being_handled(cloud) == 1)
    os.kill(cloud.cloud._azurite.pid, signal.SIGKILL)
    connection.sendall(b"x" * 5_000_000)
    assert connection.recv(1000).startswith(b"HTTP/1.1 503 ")
    connection.close()
    revive(cloud)
    assert owner.send("HEAD", "/files/torn").status == 404
    assert owner.send("PUT", "/files/torn", [BLOCK], b"x").status == 201


def test_what_is_longer_than_its_length_is_another_request(cloud: RunningCloud, owner: BlobWire) -> None:
    """What follows a body is no part of it: a request of its own, with no token of its own."""
    connection = connect(cloud, cloud.cloud.settings.blob_host)
    first = to_blob(cloud, owner, "PUT /files/longer", BLOCK, ("content-length", "5")) + b"01234"
    second = head(
        "PUT /files/longer",
        ("host", cloud.cloud.settings.blob_host),
        VERSION,
        BLOCK,
        ("content-length", "0"),
        ("connection", "close"),
    )
    connection.sendall(first + second)
    answers = received(connection)
    assert answers.count(b"HTTP/1.1 ") == 2
    assert (b"HTTP/1.1 201 " in answers, b"HTTP/1.1 401 " in answers) == (True, True)
    assert owner.send("GET", "/files/longer").body == b"01234"


@pytest.mark.parametrize("tail", [b"56789", b"\r\n\r\n\0"])
def test_what_is_longer_and_no_request_ends_the_connection(cloud: RunningCloud, owner: BlobWire, tail: bytes) -> None:
    """Bytes after a body that are no request are answered by closing, and stand in no blob."""
    connection = connect(cloud, cloud.cloud.settings.blob_host)
    told = ("content-length", "5")
    connection.sendall(to_blob(cloud, owner, "PUT /files/tailed", BLOCK, told) + b"01234" + tail)
    received(connection)
    wait_until(lambda: being_handled(cloud) == 0)
    assert owner.send("GET", "/files/tailed").body in (b"01234", owner.send("GET", "/files/absent").body)


@pytest.mark.parametrize("length", [[], [("content-length", "1")]], ids=["alone", "with a length"])
def test_a_chunked_upload_is_refused(cloud: RunningCloud, owner: BlobWire, length: list[tuple[str, str]]) -> None:
    """Blob Storage wants a body's length, and there is no choice between two."""
    connection = connect(cloud, cloud.cloud.settings.blob_host)
    chunked = [("transfer-encoding", "chunked"), ("connection", "close"), *length]
    connection.sendall(to_blob(cloud, owner, "PUT /files/chunked", BLOCK, *chunked) + b"1\r\nx\r\n0\r\n\r\n")
    assert received(connection)[:13] in (b"HTTP/1.1 411 ", b"HTTP/1.1 400 ")
    assert owner.send("HEAD", "/files/chunked").status == 404


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="another process's limits can be set on Linux alone")
def test_a_full_disk_is_no_fault_of_the_callers(cloud: RunningCloud, owner: BlobWire) -> None:
    """If Azurite can't write, the answer is a 500 in Azure's form, upon which the SDKs try again."""
    assert owner.send("PUT", "/files/before", [BLOCK], b"before").status == 201
    trail = cloud.cloud.settings.state / "audit.jsonl"
    lines = len(audit.read(trail))
    azurite, unlimited = cloud.cloud._azurite.pid, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(azurite, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        answer = owner.send("PUT", "/files/full", [BLOCK], b"x" * 100_000)
    finally:
        resource.prlimit(azurite, resource.RLIMIT_FSIZE, unlimited)
    assert (answer.status, answer.code) == (500, "InternalError")
    assert b"<Code>InternalError</Code>" in answer.body
    assert [(entry["workload"], entry["action"].rpartition("/")[2]) for entry in audit.read(trail)[lines:]] == [
        ("owner", "write")
    ]
    assert owner.send("HEAD", "/files/full").status == 404
    assert owner.send("GET", "/files/before").body == b"before"
    assert owner.send("PUT", "/files/full", [BLOCK], b"x" * 100_000).status == 201
