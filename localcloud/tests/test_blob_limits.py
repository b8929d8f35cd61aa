"""Blob Storage's limits, each tried at its edge and beyond. The table is that of `docs/blob.md`."""

import base64
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from harness import tables
from harness.blob_wire import Answer, BlobWire
from localcloud.authorization.model import Entities
from localcloud.testing import RunningCloud
from pydantic import ValidationError

PAGE = (Path(__file__).parents[1] / "docs/blob.md").read_text()
BLOCK = ("x-ms-blob-type", "BlockBlob")
PAGES = ("x-ms-blob-type", "PageBlob")
UPDATE = ("x-ms-page-write", "update")
MIB = 1024 * 1024

Request = tuple[str, str, list[tuple[str, str]], bytes | None]


def put(name: str, *headers: tuple[str, str]) -> Request:
    return "PUT", f"/files/{quote(name)}", [BLOCK, *headers], b""


def page_blob(size: int) -> Request:
    return "PUT", "/files/sized", [PAGES, ("x-ms-blob-content-length", str(size))], b""


def pages(range_: str, size: int) -> Request:
    return "PUT", "/files/pages?comp=page", [UPDATE, ("x-ms-range", range_)], b"x" * size


def tags(**given: str) -> Request:
    named = ((name.replace("_s_", "/"), value) for name, value in given.items())
    document = "".join(f"<Tag><Key>{name}</Key><Value>{value}</Value></Tag>" for name, value in named)
    return "PUT", "/files/kept?comp=tags", [], f"<Tags><TagSet>{document}</TagSet></Tags>".encode()


def tagged(text: str) -> Request:
    return put("tagged", ("x-ms-tags", text))


def block(raw_id: bytes, content: bytes = b"x") -> Request:
    block_id = quote(base64.b64encode(raw_id), safe="")
    return "PUT", f"/files/blocks-{len(raw_id)}?comp=block&blockid={block_id}", [], content


def lease(action: str, name: str, value: str) -> Request:
    return "PUT", "/files/kept?comp=lease", [("x-ms-lease-action", action), (f"x-ms-lease-{name}", value)], b""


def listing(most: str) -> Request:
    return "GET", f"/files?restype=container&comp=list&maxresults={most}", [], None


def md5_of(*range_: str) -> Request:
    headers = [("x-ms-range", each) for each in range_]
    return "GET", "/files/kept", [*headers, ("x-ms-range-get-content-md5", "true")], None


ONE_LETTER_TAGS = {chr(97 + number): "v" for number in range(11)}

# The limit's name and value in the table; requests at the edge; requests beyond it; how these are refused.
LIMITS: dict[tuple[str, str], tuple[list[Request], list[Request], int, str]] = {
    ("blob's name", "1024 characters"): (
        [put("x" * 1024), put("é" * 1024)],
        [put("x" * 1025), put("é" * 1025), ("GET", f"/files/{'x' * 1025}", [], None)],
        400,
        "OutOfRangeInput",
    ),
    ("segments of a blob's name", "254"): ([put("/".join("x" * 254))], [put("/".join("x" * 255))], 400, "InvalidUri"),
    ("metadata", "8 KiB"): (
        [put("m", ("x-ms-meta-a", "x" * 8191)), put("m", ("x-ms-meta-a", "x" * 4095), ("x-ms-meta-b", "x" * 4095))],
        [put("m", ("x-ms-meta-a", "x" * 8192)), put("m", ("x-ms-meta-a", "x" * 4096), ("x-ms-meta-b", "x" * 4095))],
        400,
        "MetadataTooLarge",
    ),
    ("name of metadata", "a C# identifier"): (
        [put("m", ("x-ms-meta-a_1", "x"))],
        [put("m", ("x-ms-meta-1a", "x")), put("m", ("x-ms-meta-a-b", "x"))],
        400,
        "InvalidMetadata",
    ),
    ("tags", "10"): (
        [tags(**dict(list(ONE_LETTER_TAGS.items())[:10])), tagged("&".join(f"{name}=v" for name in "abcdefghij"))],
        [tags(**ONE_LETTER_TAGS), tagged("&".join(f"{name}=v" for name in "abcdefghijk"))],
        400,
        "TagsTooLarge",
    ),
    ("tag's name", "1 to 128 characters"): (
        [tags(**{"k" * 128: "v"}), tagged(f"{'k' * 128}=v")],
        [tags(**{"k" * 129: "v"}), tagged(f"{'k' * 129}=v")],
        400,
        "TagsTooLarge",
    ),
    ("tag's value", "256 characters"): (
        [tags(k="v" * 256), tagged("k="), tagged(f"k={'v' * 256}")],
        [tags(k="v" * 257), tagged(f"k={'v' * 257}")],
        400,
        "TagsTooLarge",
    ),
    ("characters of a tag", "letters, digits, space and + - . / : = _"): (
        [tags(k_s_1="a b+c-d.e/f:g=h_i"), tagged("k%2F1=a%20b%2Bc-d.e/f:g%3Dh_i")],
        [tags(k="a$b"), tags(k="é"), tagged("k=a%24b"), tagged("%C3%A9=v")],
        400,
        "InvalidTag",
    ),
    ("block's id", "64 bytes before base64, the same for all blocks of a blob"): (
        [block(b"x" * 64)],
        [block(b"x" * 65)],
        400,
        "OutOfRangeInput",
    ),
    ("block", "1 byte to 4000 MiB"): ([block(b"x" * 63, b"x")], [block(b"x" * 63, b"")], 400, "InvalidHeaderValue"),
    ("list of blocks", "50,000"): (
        [],
        [
            (
                "PUT",
                "/files/kept?comp=blocklist",
                [],
                b"<BlockList>" + b"<Latest>MQ==</Latest>" * 50_001 + b"</BlockList>",
            )
        ],
        400,
        "BlockListTooLong",
    ),
    ("page blob", "8 TiB, in pages of 512 bytes"): (
        [page_blob(0), page_blob(512), page_blob(8 * MIB * MIB)],
        [page_blob(513), page_blob(8 * MIB * MIB + 512)],
        400,
        "InvalidHeaderValue",
    ),
    ("range of pages", "whole pages of the blob"): (
        [pages("bytes=0-511", 512), pages("bytes=512-1023", 512)],
        [pages("bytes=1-512", 512), pages("bytes=0-510", 511), pages("bytes=1024-1535", 512)],
        416,
        "InvalidPageRange",
    ),
    ("lease", "15 to 60 seconds, or -1"): (
        [],
        [lease("acquire", "duration", "14"), lease("acquire", "duration", "61"), lease("acquire", "duration", "0")],
        400,
        "InvalidHeaderValue",
    ),
    ("break of a lease", "0 to 60 seconds"): ([], [lease("break", "break-period", "61")], 400, "InvalidHeaderValue"),
    ("page of a list", "1 or more; 5000 are given at most"): (
        [listing("1"), listing("5000"), listing("5001")],
        [listing("0"), listing("-1"), listing("x")],
        400,
        "InvalidQueryParameterValue",
    ),
    ("range whose MD5 is given", "4 MiB"): (
        [md5_of("bytes=0-4194303")],
        [md5_of("bytes=0-4194304"), md5_of("bytes=0-")],
        400,
        "OutOfRangeInput",
    ),
}


@pytest.fixture(scope="module")
def owner(cloud: RunningCloud) -> Iterator[BlobWire]:
    with closing(BlobWire(cloud, "owner")) as wire:
        assert wire.send("PUT", "/files/kept", [BLOCK], b"kept").status == 201
        assert wire.send("PUT", "/files/pages", [PAGES, ("x-ms-blob-content-length", "1024")], b"").status == 201
        yield wire


@pytest.mark.parametrize("limit", LIMITS, ids="-".join)
def test_a_limit_is_azures_too(owner: BlobWire, limit: tuple[str, str]) -> None:
    """What is at the limit is taken, and what is beyond it is refused with the code for it."""
    within, beyond, status, code = LIMITS[limit]
    for request in within:
        answer = owner.send(*request)
        assert answer.status < 300, answer
    for request in beyond:
        answer = owner.send(*request)
        assert (answer.status, answer.code) == (status, code), answer


LENGTHS = {
    ("content of a blob in one piece", "5000 MiB"): ("/files/large", [BLOCK], 5000),
    ("block", "1 byte to 4000 MiB"): ("/files/large?comp=block&blockid=MQ%3D%3D", [], 4000),
    ("block of an append blob", "100 MiB"): ("/files/large?comp=appendblock", [], 100),
    ("pages in one piece", "4 MiB"): ("/files/pages?comp=page", [UPDATE, ("x-ms-range", "bytes=0-511")], 4),
}


@pytest.mark.parametrize("limit", LENGTHS, ids="-".join)
def test_a_body_is_as_long_as_azure_takes(cloud: RunningCloud, owner: BlobWire, limit: tuple[str, str]) -> None:
    """A longer one is refused by its announced length, before any of it is read."""
    target, headers, size = LENGTHS[limit]
    length = ("content-length", str(size * MIB + 1))
    with closing(BlobWire(cloud, "owner")) as wire:
        answer: Answer = wire.send("PUT", target, [*headers, length])
    assert (answer.status, answer.code) == (413, "RequestBodyTooLarge")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (tags(**{"": "v"}), "EmptyTagName"),
        (tagged("=v"), "EmptyTagName"),
        (tagged("k=a&k=b"), "DuplicateTagNames"),
        (("PUT", "/files/kept?comp=tags", [], tags(k="a")[3] + b" "), ""),
        (
            (
                "PUT",
                "/files/kept?comp=tags",
                [],
                b"<Tags><TagSet><Tag><Key>k</Key><Value>a</Value></Tag><Tag><Key>k</Key><Value>b</Value></Tag></TagSet></Tags>",
            ),
            "DuplicateTagNames",
        ),
        (
            ("PUT", "/files/kept?comp=tags", [], b"<Tags><TagSet><Tag><Key>k</Key></Tag></TagSet></Tags>"),
            "MissingRequiredXmlNode",
        ),
        (
            (
                "PUT",
                "/files/kept?comp=tags",
                [],
                b"<Tags><TagSet><Tag><Value>k</Value><Key>v</Key></Tag></TagSet></Tags>",
            ),
            "InvalidXmlDocument",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_tags_have_names_of_their_own(owner: BlobWire, request_: Request, code: str) -> None:
    """A tag without a name, or a name twice, is refused in a header and in a document."""
    assert owner.send(*request_).code == code


def test_blocks_of_a_blob_have_ids_of_one_length(owner: BlobWire) -> None:
    """An id that is longer than the first block's is refused."""
    for block_id, code in (("MQ%3D%3D", ""), ("MTI%3D", "InvalidBlobOrBlock")):
        assert owner.send("PUT", f"/files/uneven?comp=block&blockid={block_id}", [], b"x").code == code


NAMES = {
    ("container's name", "3 to 63 characters"): (["abc", "x" * 63], ["ab", "x" * 64]),
    ("characters of a container's name", "lower-case letters, digits and single hyphens between them"): (
        ["a-b", "1-2-3"],
        ["a--b", "-abc", "abc-", "Abc", "a_b", "a.b", "é-é"],
    ),
}


@pytest.mark.parametrize("limit", NAMES, ids="-".join)
def test_containers_have_names_that_azure_takes(cloud: RunningCloud, limit: tuple[str, str]) -> None:
    """The access file is refused with another name, and so is a request by a caller who may make containers."""
    within, beyond = NAMES[limit]
    for name in within:
        Entities.model_validate({"blob": {name: {}}})
    with closing(BlobWire(cloud, "administrator")) as administrator:
        for name in beyond:
            with pytest.raises(ValidationError):
                Entities.model_validate({"blob": {name: {}}})
            answer = administrator.send("PUT", f"/{quote(name)}?restype=container", [], b"")
            assert (answer.status, answer.code in ("OutOfRangeInput", "InvalidResourceName")) == (400, True), answer


def test_the_page_lists_the_limits_that_are_tried() -> None:
    """Each row of the page's table is a row of a table here, with the same value, and the other way round."""
    section = PAGE[PAGE.index("## Limits") :].split("\n## ")[0]
    rows = {(row[0], row[1]) for row in tables.rows(section)} - {("limit", "here")}
    assert {row for row in rows if not row[0].startswith("-")} == LIMITS.keys() | LENGTHS.keys() | NAMES.keys()
