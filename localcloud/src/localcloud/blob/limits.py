"""Blob Storage's limits, as far as Azurite takes more than Azure does.

https://learn.microsoft.com/azure/storage/blobs/scalability-targets and the pages of the operations in
https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from localcloud.blob import errors, values
from localcloud.blob.operation import Operation

MIB = 1024 * 1024

LONGEST_NAME = 1024  # characters of a blob's name
MOST_SEGMENTS = 254  # of a blob's name, between slashes
LARGEST_METADATA = 8 * 1024  # bytes of all names and values
LARGEST_PAGE_BLOB = 8 * 1024 * 1024 * MIB
MOST_BLOCKS = 50_000  # of a blob
MOST_TAGS = 10
LONGEST_TAG_NAME, LONGEST_TAG_VALUE = 128, 256  # characters
LARGEST_MD5_RANGE = 4 * MIB  # of which Get Blob gives the MD5
LARGEST_BODIES = {  # bytes, in the latest versions of the service
    "Put Blob": 5000 * MIB,
    "Put Block": 4000 * MIB,
    "Append Block": 100 * MIB,
    "Put Page": 4 * MIB,
}

_PAGE = 512  # bytes
_TAG = re.compile(r"[A-Za-z0-9 +\-./:=_]*")
_METADATA = "x-ms-meta-"


def check(operation: Operation, blob: str, headers: dict[str, str]) -> None:
    """Raise `BlobError` for a request that is beyond a limit, by the blob's name or by a header."""
    if len(blob) > LONGEST_NAME:
        raise errors.name_too_long()
    if blob.count("/") >= MOST_SEGMENTS:
        raise errors.invalid_uri()
    if _size_of_metadata(headers) > LARGEST_METADATA:
        raise errors.metadata_too_large()
    if "x-ms-tags" in headers:
        check_tags(_tags_in_header(headers["x-ms-tags"]))
    _check_length(operation, int(headers.get("content-length", "0")))
    _check_page_blob(headers.get("x-ms-blob-content-length"))
    _check_md5_range(headers)
    if operation.name == "Put Page":
        _check_pages(headers)


def check_tags(tags: Iterable[tuple[str, str]]) -> None:
    """Raise `BlobError` unless Azure takes these tags: their number, their lengths and their characters."""
    given = list(tags)
    names = [name for name, _ in given]
    if "" in names:
        raise errors.empty_tag_name()
    if len(set(names)) < len(names):
        raise errors.duplicate_tag_names()
    if len(given) > MOST_TAGS or any(
        len(name) > LONGEST_TAG_NAME or len(value) > LONGEST_TAG_VALUE for name, value in given
    ):
        raise errors.tags_too_large()
    if not all(_TAG.fullmatch(text) for tag in given for text in tag):
        raise errors.invalid_tag()


def _size_of_metadata(headers: dict[str, str]) -> int:
    of_metadata = (
        (name.removeprefix(_METADATA), value) for name, value in headers.items() if name.startswith(_METADATA)
    )
    return sum(len(name) + len(value) for name, value in of_metadata)


def _tags_in_header(header: str) -> list[tuple[str, str]]:
    pairs = (pair.partition("=") for pair in header.split("&") if pair)
    return [(unquote(name.replace("+", " ")), unquote(value.replace("+", " "))) for name, _, value in pairs]


def _check_length(operation: Operation, length: int) -> None:
    if length > LARGEST_BODIES.get(operation.name, length):
        raise errors.body_too_large()
    if operation.name == "Put Block" and length == 0:
        raise errors.invalid_header("content-length")


def _check_page_blob(size: str | None) -> None:
    if size is not None and (int(size) > LARGEST_PAGE_BLOB or int(size) % _PAGE):
        raise errors.invalid_header("x-ms-blob-content-length")


def _check_md5_range(headers: dict[str, str]) -> None:
    if headers.get("x-ms-range-get-content-md5", "").lower() != "true":
        return
    range_ = _range(headers)
    if range_ is None:
        raise errors.missing_header("range")
    start, end = range_
    if end is None or end - start + 1 > LARGEST_MD5_RANGE:
        raise errors.out_of_range_input()


def _check_pages(headers: dict[str, str]) -> None:
    range_ = _range(headers)
    if range_ is None:
        return
    start, end = range_
    if start % _PAGE or (end is not None and (end + 1) % _PAGE):
        raise errors.invalid_page_range()


def _range(headers: dict[str, str]) -> tuple[int, int | None] | None:
    return values.bounds(headers.get("x-ms-range") or headers.get("range", ""))
