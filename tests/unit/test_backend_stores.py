"""Receipts and documents are created once and read back, with every answer that Azure may give to a repeat.

The blob client is the real one, over TLS to a server that answers as told; Cosmos DB's container is a fake, since
its client wants a whole account to talk to.
"""

import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceExistsError, CosmosResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from backend.dependencies.dependency import Unavailable
from backend.orders.order_documents import OrderDocuments
from backend.orders.receipt_blobs import ReceiptBlobs
from contract import Order, OrderDocument

ORDER = Order(product="Lantern", quantity=1)
DOCUMENT = OrderDocument.model_validate(
    {
        "id": "a" * 32,
        "customerId": "b" * 32,
        "order": ORDER,
        "digest": ORDER.digest(),
        "acceptedAt": "2026-11-24T12:00:00Z",
        "receiptedAt": "2026-11-24T12:00:01Z",
        "receipt": "r",
    }
)


class BlobService:
    """One container. If `refusal` is set, it is the answer to an upload."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.refusal: tuple[int, str] | None = None
        self.missing = "BlobNotFound"
        self.conditions: list[str | None] = []

    async def answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if request.method == "PUT":
            self.conditions.append(request.headers.get("If-None-Match"))
            if self.refusal:
                return _error(*self.refusal)
            self.blobs[name] = await request.read()
            return web.Response(status=201, headers={"ETag": '"1"', "Last-Modified": "Tue, 24 Nov 2026 12:00:00 GMT"})
        if name not in self.blobs:
            return _error(404, self.missing)
        size = len(self.blobs[name])
        headers = {"ETag": '"1"', "x-ms-blob-type": "BlockBlob"}
        if request.method == "HEAD":
            return web.Response(headers=headers)
        headers["Content-Range"] = f"bytes 0-{size - 1}/{size}"
        return web.Response(body=self.blobs[name], status=206, headers=headers)


def _error(status: int, code: str) -> web.Response:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>said so</Message></Error>"
    return web.Response(text=body, status=status, content_type="application/xml", headers={"x-ms-error-code": code})


class Token:
    """A credential with a made-up token."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("made.up.token", int(time.time()) + 3600)

    async def close(self) -> None: ...


@pytest.fixture
def service() -> BlobService:
    return BlobService()


@pytest.fixture
async def receipts(
    service: BlobService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ReceiptBlobs]:
    authority = trustme.CA()
    ca = str(tmp_path / "ca.pem")
    authority.cert_pem.write_to_path(ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    app = web.Application()
    app.router.add_route("*", "/account/receipts/{name:.+}", service.answer)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=context)
    url = f"https://127.0.0.1:{server.port}/account/receipts"
    async with ContainerClient.from_container_url(
        url, cast(Any, Token()), retry_total=0, connection_verify=ca
    ) as container:
        yield ReceiptBlobs(container)
    await server.close()


async def test_a_receipt_is_stored_only_where_there_is_none(service: BlobService, receipts: ReceiptBlobs) -> None:
    """The upload is conditional, so that not even a race can overwrite a receipt."""
    assert await receipts.add("a/1.jws", "signed") == "signed"
    assert service.blobs == {"a/1.jws": b"signed"}
    assert service.conditions == ["*"]


@pytest.mark.parametrize("refusal", [(409, "BlobAlreadyExists"), (403, "AuthorizationPermissionMismatch")])
async def test_the_receipt_that_is_there_is_kept(
    service: BlobService, receipts: ReceiptBlobs, refusal: tuple[int, str]
) -> None:
    """Azure refuses a second upload with 409 or 403. Both give the receipt that was stored first."""
    service.blobs["a/1.jws"] = b"first"
    service.refusal = refusal
    assert await receipts.add("a/1.jws", "second") == "first"


async def test_a_missing_role_is_told_from_a_repeat(service: BlobService, receipts: ReceiptBlobs) -> None:
    """If no receipt is there after a 403, the role is missing, and readiness shows the refusal."""
    service.refusal = (403, "AuthorizationPermissionMismatch")
    with pytest.raises(Unavailable, match="AuthorizationPermissionMismatch") as caught:
        await receipts.add("a/1.jws", "signed")
    assert caught.value.dependency == "Blob Storage"
    assert caught.value.refused


async def test_an_outage_of_blob_storage_is_unavailable(service: BlobService, receipts: ReceiptBlobs) -> None:
    """A 5xx is an outage and no refusal."""
    service.refusal = (503, "ServerBusy")
    with pytest.raises(Unavailable) as caught:
        await receipts.add("a/1.jws", "signed")
    assert not caught.value.refused


async def test_a_receipt_is_there_or_not(service: BlobService, receipts: ReceiptBlobs) -> None:
    """A missing blob is told from a missing container, and the receipt itself is not read."""
    service.blobs["a/1.jws"] = b"signed"
    assert await receipts.has("a/1.jws")
    assert not await receipts.has("a/2.jws")
    service.missing = "ContainerNotFound"
    with pytest.raises(Unavailable, match="ContainerNotFound"):
        await receipts.has("a/2.jws")


async def test_the_check_asks_for_a_blob_that_is_not_there(service: BlobService, receipts: ReceiptBlobs) -> None:
    """The check passes if the blob is missing, and fails if the container is."""
    await receipts.check()
    service.missing = "ContainerNotFound"
    with pytest.raises(Unavailable, match="ContainerNotFound"):
        await receipts.check()


class Container:
    """A Cosmos DB container with one partition. The next call raises `failure`."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.failure: Exception | None = None

    def _fail(self) -> None:
        failure, self.failure = self.failure, None
        if failure:
            raise failure

    async def read_item(self, item: str, partition_key: str) -> dict[str, Any]:
        self._fail()
        if item not in self.items:
            raise CosmosResourceNotFoundError(status_code=404, message="no such item")
        assert self.items[item]["customerId"] == partition_key
        return {**self.items[item], "_etag": "e", "_ts": 1}

    async def create_item(self, body: dict[str, Any]) -> None:
        self._fail()
        if body["id"] in self.items:
            raise CosmosResourceExistsError(status_code=409, message="Conflict")
        self.items[body["id"]] = body


@pytest.fixture
def container() -> Container:
    return Container()


@pytest.fixture
def documents(container: Container) -> OrderDocuments:
    return OrderDocuments(cast(ContainerProxy, container))


async def test_a_document_reads_back_as_it_was_created(documents: OrderDocuments) -> None:
    """The properties that Cosmos DB adds to an item are ignored."""
    assert await documents.read(DOCUMENT.id, DOCUMENT.customerId) is None
    assert await documents.create(DOCUMENT) == DOCUMENT
    assert await documents.read(DOCUMENT.id, DOCUMENT.customerId) == DOCUMENT


async def test_the_document_that_is_there_is_kept(documents: OrderDocuments) -> None:
    """A second document for the same order is not stored, and the first one is returned."""
    await documents.create(DOCUMENT)
    assert await documents.create(DOCUMENT.model_copy(update={"receipt": "another"})) == DOCUMENT


@pytest.mark.parametrize(
    ("status", "refused"),
    [(401, True), (403, True), (408, False), (429, False), (449, False), (500, False), (503, False)],
)
async def test_what_may_pass_is_unavailable(
    container: Container, documents: OrderDocuments, status: int, refused: bool
) -> None:
    """Refusals and outages raise `Unavailable`, so that the order is tried again."""
    container.failure = CosmosHttpResponseError(status_code=status, message="not now")
    with pytest.raises(Unavailable, match="not now") as caught:
        await documents.create(DOCUMENT)
    assert (caught.value.dependency, caught.value.refused) == ("Cosmos DB", refused)


@pytest.mark.parametrize("status", [400, 413])
async def test_what_is_wrong_with_the_order_itself_is_raised_as_it_came(
    container: Container, documents: OrderDocuments, status: int
) -> None:
    """A repeat would not help, so the message is handled as one that fails."""
    container.failure = CosmosHttpResponseError(status_code=status, message="too large")
    with pytest.raises(CosmosHttpResponseError):
        await documents.create(DOCUMENT)


async def test_a_missing_container_is_not_a_missing_document(container: Container, documents: OrderDocuments) -> None:
    """Sub-status 1003 says that the container is missing. It must not read as an order without a document."""
    gone = CosmosResourceNotFoundError(status_code=404, message="Owner resource does not exist")
    gone.sub_status = 1003
    container.failure = gone
    with pytest.raises(Unavailable, match="Owner resource"):
        await documents.check()
