"""Each request needs its action on its container, or is refused in Blob Storage's own words."""

import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPSConnection
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobBlock, BlobServiceClient, ContainerClient
from localcloud.authorization.model import TENANT_ID


@pytest.fixture
def container(cloud: Any, credential: Callable[[str], Any]) -> Iterator[Callable[..., ContainerClient]]:
    """A container as one of the workloads sees it."""
    services = []

    def of(workload: str, name: str = "files") -> ContainerClient:
        services.append(BlobServiceClient(cloud.blob_url, credential(workload), retry_total=0))
        return services[-1].get_container_client(name)

    yield of
    for service in services:
        service.close()


@pytest.fixture(scope="module")
def http(cloud: Any) -> Iterator[httpx.Client]:
    tls = ssl.create_default_context(cafile=cloud.ca_bundle)
    with httpx.Client(base_url=cloud.blob_url, proxy=cloud.cloud.proxy_url, verify=tls) as client:
        yield client


@pytest.fixture(scope="module")
def bearer(credential: Callable[[str], Any]) -> Callable[[str], dict[str, str]]:
    def of(workload: str) -> dict[str, str]:
        token = credential(workload).get_token("https://storage.azure.com/.default").token
        return {"Authorization": f"Bearer {token}", "x-ms-version": "2025-11-05"}

    return of


def denied(call: Callable[[], object]) -> None:
    with pytest.raises(HttpResponseError) as refused:
        call()
    assert (refused.value.status_code, refused.value.error_code) == (403, "AuthorizationPermissionMismatch")


def test_reader_reads_and_lists_and_nothing_else(container: Callable[..., ContainerClient]) -> None:
    """Reading brings neither adding, nor overwriting, nor deleting, nor another container."""
    container("owner").upload_blob("read-me", b"x", overwrite=True)
    reader = container("reader")
    assert reader.download_blob("read-me").readall() == b"x"
    assert "read-me" in {blob.name for blob in reader.list_blobs()}
    denied(lambda: reader.upload_blob("new", b"x"))
    denied(lambda: reader.delete_blob("read-me"))
    denied(lambda: reader.get_blob_client("read-me").set_blob_metadata({"a": "b"}))
    denied(lambda: list(container("reader", "other").list_blobs()))
    denied(lambda: reader.get_container_properties())


def test_adder_adds_and_never_changes(container: Callable[..., ContainerClient]) -> None:
    """A caller with `add/action` alone creates blobs, and no kind of write changes one that is there."""
    adder = container("writer")
    container("owner").upload_blob("added", b"old", overwrite=True)
    container("owner").upload_blob("source", b"new", overwrite=True)
    blob = adder.get_blob_client("added")

    with pytest.raises(ResourceExistsError) as exists:
        blob.upload_blob(b"new")
    assert exists.value.error_code == "BlobAlreadyExists"
    denied(lambda: blob.upload_blob(b"new", overwrite=True))
    denied(lambda: blob.create_append_blob())
    denied(lambda: blob.create_page_blob(512))
    denied(lambda: blob.start_copy_from_url(adder.get_blob_client("source").url))
    denied(lambda: blob.start_copy_from_url(adder.get_blob_client("source").url, requires_sync=True))
    denied(lambda: blob.stage_block("MQ==", b"new"))
    denied(lambda: blob.commit_block_list([BlobBlock("MQ==")]))
    denied(lambda: blob.delete_blob())
    denied(lambda: blob.set_blob_metadata({"a": "b"}))
    denied(lambda: adder.upload_blob("tagged", b"x", tags={"a": "b"}))
    assert blob.download_blob().readall() == b"old"


def test_adder_creates_with_or_without_a_condition(container: Callable[..., ContainerClient]) -> None:
    """A new name is created whether or not the client says that it must be new."""
    owner, adder = container("owner"), container("writer")
    for name, overwrite in (("created-only", False), ("created-plain", True)):
        if owner.get_blob_client(name).exists():
            owner.delete_blob(name)
        adder.upload_blob(name, b"x", overwrite=overwrite)
        assert adder.download_blob(name).readall() == b"x"


def test_concurrent_adders_create_one_blob(container: Callable[..., ContainerClient]) -> None:
    """Of many that add the same name at once one succeeds, and its content stays."""
    owner, adder = container("owner"), container("writer")
    if owner.get_blob_client("contested").exists():
        owner.delete_blob("contested")

    def add(n: int) -> bytes | None:
        try:
            adder.upload_blob("contested", str(n).encode() * 100_000, overwrite=True)
        except HttpResponseError:
            return None
        return str(n).encode() * 100_000

    with ThreadPoolExecutor(8) as pool:
        written = [content for content in pool.map(add, range(8)) if content]

    assert len(written) == 1
    assert adder.download_blob("contested").readall() == written[0]


def test_account_scope_is_not_a_containers(
    cloud: Any, credential: Callable[[str], Any], http: httpx.Client, bearer: Callable[[str], dict[str, str]]
) -> None:
    """Listing and making containers takes a grant on the account; one on a container is not enough."""
    with BlobServiceClient(cloud.blob_url, credential("owner")) as owner:
        denied(lambda: list(owner.list_containers()))
        denied(lambda: owner.create_container("made-by-owner"))
    with BlobServiceClient(cloud.blob_url, credential("administrator")) as administrator:
        assert {"files", "other"} <= {container.name for container in administrator.list_containers()}
    listing = http.get("/?comp=list", headers=bearer("administrator")).text
    assert f'ServiceEndpoint="{cloud.blob_url}/"' in listing


def test_request_without_a_token_is_told_the_tenant(http: httpx.Client) -> None:
    """The challenge names the tenant's authority and the resource, as Azure's does."""
    answer = http.get("/files/x")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == (
        f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT_ID}/oauth2/authorize "
        "resource_id=https://storage.azure.com"
    )
    assert answer.headers["x-ms-error-code"] == "NoAuthenticationInformation"
    assert "<Code>NoAuthenticationInformation</Code>" in answer.text


def test_forged_token_and_wrong_audience_are_refused(
    http: httpx.Client, bearer: Callable[[str], dict[str, str]], credential: Callable[[str], Any]
) -> None:
    """A forged signature and a token for Key Vault open nothing, and neither is quoted."""
    good = bearer("owner")["Authorization"]
    vault = credential("owner").get_token("https://vault.azure.net/.default").token
    for bad in (good.rpartition(".")[0] + "." + "A" * 342, f"Bearer {vault}"):
        answer = http.get("/files/x", headers={"Authorization": bad})
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (401, "InvalidAuthenticationInfo")
        assert bad.partition(" ")[2] not in answer.text


def test_keys_and_signatures_are_not_permitted(cloud: Any, http: httpx.Client, bearer: Callable[..., Any]) -> None:
    """An account key or a SAS is refused as by an account whose shared keys are off, also beside a token."""
    key = {"account_name": "any", "account_key": "a2V5"}
    with BlobServiceClient(cloud.blob_url, key, retry_total=0) as service:
        with pytest.raises(HttpResponseError) as refused:
            list(service.get_container_client("files").list_blobs())
        assert refused.value.status_code == 403
        assert refused.value.error_code == "KeyBasedAuthenticationNotPermitted"
    answer = http.get("/files/x?sv=2025-11-05&sig=abc", headers=bearer("owner"))
    assert answer.headers["x-ms-error-code"] == "KeyBasedAuthenticationNotPermitted"


def test_azurite_itself_is_of_no_use(cloud: Any, bearer: Callable[[str], dict[str, str]]) -> None:
    """Azurite's own port gives nothing: neither a token nor its well-known key opens it."""
    url = cloud.cloud._azurite.url
    host = {"Host": cloud.blob_url.removeprefix("https://")}
    with httpx.Client(trust_env=False) as direct:
        for path in ("/files/read-me", "/files?restype=container&comp=list"):
            for headers in (host, host | bearer("owner")):
                assert direct.get(f"{url}{path}", headers=headers).status_code in (401, 403)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", "/files/../other/x"),
        ("PUT", "/files/%2e%2e/other/x"),
        ("PUT", "/files/..%5Cother/x"),
        ("PUT", "//other/x"),
        ("PUT", "/files/x?comp=block&comp=blocklist"),
        ("PUT", "/files/x?comp[]=block"),
        ("PUT", "/files/%zz"),
        ("PUT", "/files/%ff"),
        ("POST", "/?comp=batch"),
        ("POST", "/files?restype=container&comp=batch"),
        ("PUT", "/files/x?comp=surprise"),
        ("DELETE", "/files/x?versionid=1"),
    ],
)
def test_what_is_not_understood_goes_no_further(
    cloud: Any, bearer: Callable[[str], dict[str, str]], method: str, target: str
) -> None:
    """A request that another parser might read differently is a 400 in Blob Storage's own shape, even for an owner."""
    proxy = httpx.URL(cloud.cloud.proxy_url)
    tls = ssl.create_default_context(cafile=cloud.ca_bundle)
    connection = HTTPSConnection(proxy.host, proxy.port, context=tls)  # it sends a target as it is
    connection.set_tunnel(cloud.blob_url.removeprefix("https://"), 443)
    with closing(connection):
        connection.request(method, target, b"", bearer("administrator"))
        answer = connection.getresponse()
        assert answer.status == 400
        assert b"<Code>" in answer.read()


def test_copy_takes_reading_its_source(container: Callable[..., ContainerClient]) -> None:
    """Adding a blob by copying needs the right to read what is copied, and nothing outside the account is fetched."""
    container("owner", "other").upload_blob("secret", b"x", overwrite=True)
    target = container("writer").get_blob_client("copied-across")
    denied(lambda: target.start_copy_from_url(container("owner", "other").get_blob_client("secret").url))
    with pytest.raises(HttpResponseError) as refused:
        target.start_copy_from_url("https://elsewhere.blob.core.windows.net/files/x")
    assert refused.value.error_code == "CannotVerifyCopySource"
    assert not target.exists()


def test_put_without_a_length_is_refused(http: httpx.Client, bearer: Callable[[str], dict[str, str]]) -> None:
    """Azure wants Content-Length; a chunked upload is told so."""
    answer = http.put("/files/x", headers=bearer("owner") | {"x-ms-blob-type": "BlockBlob"}, content=iter([b"x"]))
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (411, "MissingContentLengthHeader")
