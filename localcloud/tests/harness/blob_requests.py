"""A good request for every operation of Blob Storage, and every header and parameter that any of them takes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from localcloud.blob.operation import Body, Operation
from localcloud.blob.operations import OPERATIONS

_GUID = "11111111-1111-1111-1111-111111111111"
_DATE = "Fri, 26 Jun 2020 23:39:12 GMT"

# A value of each header and parameter that is in order.
_VALUES = {
    "blockid": "MQ==",
    "blocklisttype": "all",
    "content-md5": "rL0Y20zC+Fzt72VPzMSk2A==",
    "content-type": "text/forged",
    "copyid": _GUID,
    "delimiter": "/",
    "if-match": "*",
    "if-modified-since": _DATE,
    "if-none-match": '"0x1"',
    "if-unmodified-since": _DATE,
    "include": "metadata",
    "marker": "x",
    "maxresults": "5",
    "prefix": "x",
    "range": "bytes=0-511",
    "snapshot": "2020-01-01T00:00:00.0000000Z",
    "startfrom": "x",
    "timeout": "30",
    "where": "forged='1'",
    "x-ms-access-tier": "Cool",
    "x-ms-blob-cache-control": "forged",
    "x-ms-blob-condition-appendpos": "0",
    "x-ms-blob-condition-maxsize": "5",
    "x-ms-blob-content-disposition": "forged",
    "x-ms-blob-content-encoding": "forged",
    "x-ms-blob-content-language": "forged",
    "x-ms-blob-content-length": "512",
    "x-ms-blob-content-md5": "rL0Y20zC+Fzt72VPzMSk2A==",
    "x-ms-blob-content-type": "text/forged",
    "x-ms-blob-sequence-number": "5",
    "x-ms-content-crc64": "AAAAAAAAAAA=",
    "x-ms-copy-source": "https://localcloud.blob.core.windows.net/files/source",
    "x-ms-copy-source-tag-option": "COPY",
    "x-ms-delete-snapshots": "include",
    "x-ms-if-sequence-number-eq": "0",
    "x-ms-if-sequence-number-le": "9",
    "x-ms-if-sequence-number-lt": "9",
    "x-ms-if-tags": "forged='1'",
    "x-ms-lease-break-period": "0",
    "x-ms-lease-duration": "15",
    "x-ms-lease-id": _GUID,
    "x-ms-meta-": "forged",
    "x-ms-proposed-lease-id": _GUID,
    "x-ms-range": "bytes=0-511",
    "x-ms-range-get-content-md5": "true",
    "x-ms-rehydrate-priority": "High",
    "x-ms-sequence-number-action": "max",
    "x-ms-source-if-match": "*",
    "x-ms-source-if-modified-since": _DATE,
    "x-ms-source-if-none-match": '"0x1"',
    "x-ms-source-if-tags": "forged='1'",
    "x-ms-source-if-unmodified-since": _DATE,
    "x-ms-tags": "forged=1",
}
_BODIES = {
    Body.NONE: b"",
    Body.BYTES: b"forged".ljust(512, b"!"),
    Body.TAGS: b"<Tags><TagSet><Tag><Key>forged</Key><Value>1</Value></Tag></TagSet></Tags>",
    Body.BLOCK_LIST: b"<BlockList/>",
    Body.SERVICE_PROPERTIES: b"<StorageServiceProperties><Cors/></StorageServiceProperties>",
}


@dataclass(frozen=True)
class Good:
    """A request that an operation takes; its target is made of its path and parameters."""

    method: str
    path: str
    parameters: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes | None

    @property
    def target(self) -> str:
        return f"{self.path}?{urlencode(self.parameters)}" if self.parameters else self.path

    def with_parameter(self, parameter: tuple[str, str]) -> "Good":
        return replace(self, parameters=(*self.parameters, parameter))

    def with_header(self, header: tuple[str, str]) -> "Good":
        return replace(self, headers=(*self.headers, header))


def good(operation: Operation, container: str, blob: str) -> Good:
    """A request for an operation that carries what it must and nothing else."""
    path = operation.resource.replace("/container", f"/{container}").replace("/blob", f"/{blob}")
    return Good(
        operation.method,
        path,
        tuple((name, value or _VALUES[name]) for name, value in operation.query.items()),
        tuple((name, value or _VALUES[name]) for name, value in operation.given.items()),
        _BODIES[operation.body] if operation.method in ("PUT", "POST") else None,
    )


def headers_of(operation: Operation) -> Iterator[tuple[str, str]]:
    """Every header that an operation may carry, each with a value."""
    for name in sorted(operation.headers):
        yield (f"{name}forged" if name.endswith("-") else name), _VALUES[name]


def parameters_of(operation: Operation) -> Iterator[tuple[str, str]]:
    """Every parameter that an operation may carry, each with a value."""
    for name in sorted(operation.parameters):
        yield name, _VALUES[name]


def all_headers() -> list[tuple[str, str]]:
    """Every header that some operation takes or is recognised by, with each value by which one is."""
    given = {(name, value or _VALUES[name]) for operation in OPERATIONS for name, value in operation.given.items()}
    return sorted(given.union(*(headers_of(operation) for operation in OPERATIONS)))


def all_parameters() -> list[tuple[str, str]]:
    """Every parameter that some operation takes or is recognised by, with each value by which one is."""
    query = {(name, value or _VALUES[name]) for operation in OPERATIONS for name, value in operation.query.items()}
    return sorted(query.union(*(parameters_of(operation) for operation in OPERATIONS)))
