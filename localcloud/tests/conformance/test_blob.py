"""Blob Storage through its own SDK: what goes in comes out, whatever its size and name."""

import os
from collections.abc import Iterator

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, ContainerClient, ContentSettings, StandardBlobTier
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


def test_properties_of_an_upload_come_back(files: ContainerClient) -> None:
    """What is said of a blob when it is uploaded is said of it when it is read, and its checksum is compared."""
    blob = files.get_blob_client("described")
    told = ContentSettings("text/plain", "identity", "de", "inline", "no-cache")
    blob.upload_blob(
        b"content",
        overwrite=True,
        content_settings=told,
        standard_blob_tier=StandardBlobTier.COOL,
        validate_content=True,
    )
    properties = blob.get_blob_properties()
    assert (properties.blob_tier, properties.size) == ("Cool", 7)
    for name in ("content_type", "content_encoding", "content_language", "content_disposition", "cache_control"):
        assert properties.content_settings[name] == told[name]
    blob.set_http_headers(ContentSettings("text/html"))
    blob.set_standard_blob_tier(StandardBlobTier.HOT)
    blob.set_blob_metadata({"kind": "other"})
    properties = blob.get_blob_properties()
    assert (properties.content_settings.content_type, properties.blob_tier) == ("text/html", "Hot")
    assert properties.metadata == {"kind": "other"}
    assert blob.download_blob(validate_content=True).readall() == b"content"


def test_tags_are_set_with_a_blob_and_after(files: ContainerClient) -> None:
    """Tags come with an upload or by themselves, and a condition on them holds."""
    blob = files.get_blob_client("tagged")
    blob.upload_blob(b"x", overwrite=True, tags={"kind": "first", "a b": "c=d"})
    assert blob.get_blob_tags() == {"kind": "first", "a b": "c=d"}
    blob.set_blob_tags({"kind": "second"}, validate_content=True)
    assert blob.get_blob_tags() == {"kind": "second"}
    assert blob.download_blob(if_tags_match_condition="\"kind\"='second'").readall() == b"x"
    with pytest.raises(HttpResponseError) as unmet:
        blob.set_blob_metadata({}, if_tags_match_condition="\"kind\"='first'")
    assert unmet.value.status_code == 412


def test_lease_keeps_others_from_writing(files: ContainerClient) -> None:
    """A leased blob is written with its lease alone, until that is released or broken."""
    blob = files.get_blob_client("leased")
    blob.upload_blob(b"1", overwrite=True)
    lease = blob.acquire_lease(15)
    lease.renew()
    lease.change("11111111-1111-1111-1111-111111111111")
    with pytest.raises(HttpResponseError) as leased:
        blob.upload_blob(b"2", overwrite=True)
    assert (leased.value.status_code, leased.value.error_code) == (412, "LeaseIdMissing")
    blob.upload_blob(b"3", overwrite=True, lease=lease)
    lease.release()
    blob.acquire_lease().break_lease(0)
    blob.upload_blob(b"4", overwrite=True)
    assert blob.download_blob().readall() == b"4"


def test_blocks_are_a_blob_when_they_are_committed(files: ContainerClient) -> None:
    """Blocks are staged in any order; the list says which make the blob."""
    blob = files.get_blob_client("blocks")
    blob.upload_blob(b"before", overwrite=True)
    blob.stage_block("Mg==", b"two", validate_content=True)
    blob.stage_block("MQ==", b"one")
    assert {block.id for block in blob.get_block_list("uncommitted")[1]} == {"MQ==", "Mg=="}
    assert blob.download_blob().readall() == b"before"
    blob.commit_block_list([BlobBlock("MQ=="), BlobBlock("Mg==")], metadata={"kind": "blocks"}, validate_content=True)
    assert blob.download_blob().readall() == b"onetwo"
    assert [block.id for block in blob.get_block_list()[0]] == ["MQ==", "Mg=="]


def test_append_blob_grows(files: ContainerClient) -> None:
    """What is appended stands at the end, if the end is where the client says."""
    blob = files.get_blob_client("appended")
    blob.create_append_blob(metadata={"kind": "log"})
    blob.append_block(b"one", appendpos_condition=0, validate_content=True)
    with pytest.raises(HttpResponseError) as moved:
        blob.append_block(b"again", appendpos_condition=0)
    assert (moved.value.status_code, moved.value.error_code) == (412, "AppendPositionConditionNotMet")
    blob.append_block(b"two")
    assert blob.download_blob().readall() == b"onetwo"


def test_page_blob_is_written_page_by_page(files: ContainerClient) -> None:
    """Pages are written and cleared by themselves, and only those that hold something are listed."""
    blob = files.get_blob_client("pages")
    blob.create_page_blob(2048, sequence_number=1)
    blob.upload_page(b"a" * 512, 0, 512, validate_content=True)
    blob.upload_page(b"b" * 512, 1024, 512, if_sequence_number_lte=1)
    blob.clear_page(0, 512)
    blob.set_sequence_number("increment")
    assert [(page.start, page.end) for page in blob.list_page_ranges()] == [(1024, 1535)]
    assert blob.download_blob().readall() == bytes(1024) + b"b" * 512 + bytes(512)


def test_snapshot_keeps_what_was(files: ContainerClient) -> None:
    """A snapshot is read as the blob was, is listed, and is deleted with the blob only if that is said."""
    blob = files.get_blob_client("snapped")
    blob.upload_blob(b"before", overwrite=True)
    snapshot = files.get_blob_client("snapped", snapshot=blob.create_snapshot()["snapshot"])
    blob.upload_blob(b"after", overwrite=True)
    assert snapshot.download_blob().readall() == b"before"
    listed = files.list_blobs(name_starts_with="snapped", include=["snapshots", "metadata"])
    assert [bool(each.snapshot) for each in listed] == [True, False]
    with pytest.raises(HttpResponseError) as kept:
        blob.delete_blob()
    assert kept.value.error_code == "SnapshotsPresent"
    blob.delete_blob(delete_snapshots="include")
    assert not snapshot.exists()


def test_listing_goes_by_prefix_delimiter_and_page(files: ContainerClient) -> None:
    """Names are listed under a prefix, folder by folder, and in pages of the size asked for."""
    for name in ("tree/a", "tree/b/1", "tree/b/2", "tree/c"):
        files.upload_blob(name, b"", overwrite=True)
    assert {each.name for each in files.walk_blobs("tree/")} == {"tree/a", "tree/b/", "tree/c"}
    pages = files.list_blobs(name_starts_with="tree/", results_per_page=3).by_page()
    assert [len(list(page)) for page in pages] == [3, 1]


def test_copy_at_once_with_metadata_and_tags(files: ContainerClient) -> None:
    """A copy that is over when it is answered takes metadata and tags of its own."""
    source = files.get_blob_client("copied-from")
    source.upload_blob(b"copied", overwrite=True)
    copy = files.get_blob_client("copied-to")
    copy.start_copy_from_url(source.url, requires_sync=True, metadata={"kind": "copy"}, tags={"kind": "copy"})
    assert copy.download_blob().readall() == b"copied"
    assert (copy.get_blob_properties().metadata, copy.get_blob_tags()) == ({"kind": "copy"}, {"kind": "copy"})


async def test_asyncio_client_streams_both_ways(target: Target) -> None:
    """The asyncio flavour of the SDK uploads, lists and reads."""
    async with target.aio_blobs() as service:
        container = service.get_container_client("files")
        await container.upload_blob("aio/1", b"x" * 300_000, overwrite=True)
        assert [blob.name async for blob in container.list_blobs(name_starts_with="aio/")] == ["aio/1"]
        assert await (await container.download_blob("aio/1")).readall() == b"x" * 300_000


async def test_asyncio_client_does_what_the_other_does(target: Target) -> None:
    """Metadata, tags, leases, blocks, pages, appended blocks, snapshots and copies through the asyncio flavour."""
    async with target.aio_blobs() as service:
        container = service.get_container_client("files")
        blob = container.get_blob_client("aio/2")
        await blob.upload_blob(b"1", overwrite=True, metadata={"a": "b"}, tags={"c": "d"})
        lease = await blob.acquire_lease(15)
        await blob.set_blob_metadata({"e": "f"}, lease=lease)
        await lease.release()
        assert (await blob.get_blob_properties()).metadata == {"e": "f"}
        assert await blob.get_blob_tags() == {"c": "d"}
        await blob.create_snapshot()
        await blob.stage_block("MQ==", b"block")
        await blob.commit_block_list([BlobBlock("MQ==")])
        assert await (await blob.download_blob(offset=1, length=3)).readall() == b"loc"
        await container.get_blob_client("aio/3").start_copy_from_url(blob.url)
        appended, paged = container.get_blob_client("aio/4"), container.get_blob_client("aio/5")
        await appended.create_append_blob()
        await appended.append_block(b"x")
        await paged.create_page_blob(512)
        await paged.upload_page(b"x" * 512, 0, 512)
        for name, size in (("aio/3", 5), ("aio/4", 1), ("aio/5", 512)):
            assert len(await (await container.download_blob(name)).readall()) == size
        await blob.delete_blob(delete_snapshots="include")
        assert not await blob.exists()
