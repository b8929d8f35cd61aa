"""Blob Storage through its own SDK: what goes in comes out, whatever its size and name."""

import os
from collections.abc import Iterator

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import ContainerClient
from conformance.targets import Target

NAMES = ["a b/ü.txt", "100%.txt", "a+b", "what?", "ä/日本.json", "%41", "a#b", "a&b=c", "'quoted'", "..hidden", "a:b@c"]


@pytest.fixture
def files(target: Target) -> Iterator[ContainerClient]:
    with target.blobs(retry_total=0) as service:
        yield service.get_container_client("files")


@pytest.mark.parametrize("name", NAMES)
def test_any_name_comes_back_as_given(files: ContainerClient, name: str) -> None:
    """A name with spaces, percent signs or other scripts is one name, in reading and in listing."""
    files.upload_blob(name, name.encode(), overwrite=True)
    assert files.download_blob(name).readall() == name.encode()
    assert name in {blob.name for blob in files.list_blobs()}


def test_ten_megabytes_in_blocks(target: Target) -> None:
    """A large blob is sent in blocks, read in ranges, and arrives whole."""
    content = os.urandom(10_000_000)
    pieces = {"max_single_put_size": 1 << 20, "max_block_size": 1 << 20, "max_chunk_get_size": 1 << 20}
    with target.blobs(**pieces) as service:
        blob = service.get_blob_client("files", "large")
        blob.upload_blob(content, overwrite=True, max_concurrency=4)
        assert blob.download_blob(max_concurrency=4).readall() == content


def test_range_is_read_alone(files: ContainerClient) -> None:
    """A range gives its bytes and no others."""
    files.upload_blob("range", b"0123456789", overwrite=True)
    assert files.download_blob("range", offset=3, length=4).readall() == b"3456"


def test_properties_metadata_and_conditions(files: ContainerClient) -> None:
    """Metadata and entity tags work as in Azure: a stale condition is a 412."""
    blob = files.get_blob_client("conditions")
    first = blob.upload_blob(b"1", overwrite=True, metadata={"kind": "test"})
    assert blob.get_blob_properties().metadata == {"kind": "test"}
    blob.upload_blob(b"2", overwrite=True)
    with pytest.raises(HttpResponseError) as stale:
        blob.upload_blob(b"3", overwrite=True, etag=first["etag"], match_condition=MatchConditions.IfNotModified)
    assert stale.value.status_code == 412


def test_create_only_upload_finds_the_name_taken(files: ContainerClient) -> None:
    """An upload without overwrite onto a name that exists is a conflict, and changes nothing."""
    files.upload_blob("taken", b"first", overwrite=True)
    with pytest.raises(ResourceExistsError):
        files.upload_blob("taken", b"second")
    assert files.download_blob("taken").readall() == b"first"


def test_missing_blob_is_not_found(files: ContainerClient) -> None:
    """A blob that is not there is `BlobNotFound`, for HEAD too."""
    with pytest.raises(ResourceNotFoundError) as missing:
        files.download_blob("absent")
    assert missing.value.error_code == "BlobNotFound"
    assert not files.get_blob_client("absent").exists()


def test_deleted_blob_is_gone(files: ContainerClient) -> None:
    """Deleting takes a blob away."""
    files.upload_blob("deleted", b"x", overwrite=True)
    files.delete_blob("deleted")
    assert not files.get_blob_client("deleted").exists()


def test_copy_within_the_account(target: Target) -> None:
    """A blob is copied from another container of the account, under the name that callers know."""
    with target.blobs() as service:
        source = service.get_blob_client("other", "a b?")
        source.upload_blob(b"copied", overwrite=True)
        target = service.get_blob_client("files", "copy")
        target.start_copy_from_url(source.url)
        assert target.download_blob().readall() == b"copied"
        assert target.get_blob_properties().copy.source == source.url


async def test_asyncio_client_streams_both_ways(target: Target) -> None:
    """The asyncio flavour of the SDK uploads, lists and reads."""
    async with target.aio_blobs() as service:
        container = service.get_container_client("files")
        await container.upload_blob("aio/1", b"x" * 300_000, overwrite=True)
        assert [blob.name async for blob in container.list_blobs(name_starts_with="aio/")] == ["aio/1"]
        assert await (await container.download_blob("aio/1")).readall() == b"x" * 300_000
