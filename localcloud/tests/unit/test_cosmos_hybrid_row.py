"""Batches in HybridRow: what the SDKs send is read, and what Azure answers is written."""

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localcloud.cosmos.batch import Result
from localcloud.cosmos.errors import BadRequest
from localcloud.cosmos.hybrid_row import is_hybrid_row
from localcloud.cosmos.hybrid_row_batches import read_operations, write_results

# As the .NET client wrote them, in the tests of a peer:
# https://github.com/floci-io/floci-az/blob/main/src/test/java/io/floci/az/services/cosmos/CosmosHybridRowBatchCodecTest.java
PATCH = (
    "gfDY/38BCgAAAIHx2P9/dAAAAM44guiBcFThf1MBAAAAAgAAAANvbmVheyJvcGVyYXRpb25zIjpbeyJvcCI6InNldCIsInBhdGgiOiIva2luZCIs"
    "InZhbHVlIjoieiJ9LHsib3AiOiJpbmNyIiwicGF0aCI6Ii9jb3VudCIsInZhbHVlIjoxMH1dfQ=="
)
REPLACE_DELETE = (
    "gfDY/38BCgAAAIHx2P9/TQAAAJKKVRCBcFThf1MFAAAAAgAAAANvbmU6eyJpZCI6Im9uZSIsInRlbmFudCI6InUxIiwia2luZCI6InJlcGxhY2Vt"
    "ZW50IiwiY291bnQiOjk5fYHx2P9/FgAAAAtBUkGBcFThfxMEAAAAAgAAAAdtaXNzaW5n"
)
DELETE_IF_MATCH = "gfDY/38BCgAAAIHx2P9/GgAAADpfNJeBcFThfxMEAAAAAgAAAANvbmUUCQVzdGFsZQ=="
CREATE_READ_UPSERT = (
    "gfDY/38BCgAAAIHx2P9/MgAAAIy0GfCBcFThf0MAAAAAAgAAACN7ImlkIjoiY3JlYXRlZCIsInBrIjoicCIsInZhbHVlIjoxfYHx2P9/FgAAAI7k"
    "XlCBcFThfxMCAAAAAgAAAAdjcmVhdGVkgfHY/38yAAAAJIqEvIFwVOF/QxQAAAACAAAAI3siaWQiOiJjcmVhdGVkIiwicGsiOiJwIiwidmFsdWUi"
    "OjJ9"
)
SENT: dict[str, list[dict[str, Any]]] = {
    PATCH: [
        {
            "operationType": "Patch",
            "id": "one",
            "resourceBody": {
                "operations": [
                    {"op": "set", "path": "/kind", "value": "z"},
                    {"op": "incr", "path": "/count", "value": 10},
                ]
            },
        }
    ],
    REPLACE_DELETE: [
        {
            "operationType": "Replace",
            "id": "one",
            "resourceBody": {"id": "one", "tenant": "u1", "kind": "replacement", "count": 99},
        },
        {"operationType": "Delete", "id": "missing"},
    ],
    DELETE_IF_MATCH: [{"operationType": "Delete", "id": "one", "ifMatch": "stale"}],
    CREATE_READ_UPSERT: [
        {"operationType": "Create", "resourceBody": {"id": "created", "pk": "p", "value": 1}},
        {"operationType": "Read", "id": "created"},
        {"operationType": "Upsert", "resourceBody": {"id": "created", "pk": "p", "value": 2}},
    ],
}
# As Azure answered, in the Java client's tests:
# https://github.com/Azure/azure-sdk-for-java/blob/main/sdk/cosmos/azure-cosmos-tests/src/test/java/com/azure/cosmos/implementation/batch/hybridrow/HybridRowBatchCodecTest.java
ANSWERED = (
    "81f0d8ff7f010a00000081f1d8ff7f3f000000d5437d92817154e17f07c80000000000000026223030303061303431"
    "2d303030302d303830302d303030302d3661353736316231303030302210065555555555552540"
)


@pytest.mark.parametrize("sent", SENT, ids=["patch", "replace and delete", "delete if match", "create, read, upsert"])
def test_operations_are_read_as_dotnet_sends_them(sent: str) -> None:
    """Each kind of operation, its body and its condition are those that the client was given."""
    body = base64.b64decode(sent)
    assert is_hybrid_row(body)
    read = [{name: value for name, value in each.items() if name != "resourceType"} for each in read_operations(body)]
    assert read == SENT[sent]


def test_results_are_written_as_azure_writes_them() -> None:
    """A result is the very bytes that Azure has sent for it, but for the request charge, which means nothing here."""
    written = write_results([Result(200, etag='"0000a041-0000-0800-0000-6a5761b10000"')])
    azures = bytes.fromhex(ANSWERED)
    assert len(written) == len(azures)
    assert written[:15] == azures[:15]
    assert written[23:-8] == azures[23:-8]  # behind the length, the checksum covers the charge


@pytest.mark.parametrize(
    "broken",
    [
        b"\x81",
        base64.b64decode(PATCH)[:-1],
        base64.b64decode(PATCH)[:-1] + b"?",
        base64.b64decode(PATCH) + b"\x81\xf1\xd8\xff\x7f",
        bytes.fromhex("81f0d8ff7f01ff000000"),
        bytes.fromhex("81f1d8ff7f") + b"\xff" * 8,
    ],
    ids=["a byte", "an end missing", "a wrong checksum", "half a record", "a long segment", "a negative length"],
)
def test_a_broken_stream_is_refused(broken: bytes) -> None:
    """What is no whole record of a whole row is a 400."""
    with pytest.raises(BadRequest, match="not valid HybridRow"):
        read_operations(broken)


@given(
    place=st.integers(0, 200), byte=st.integers(0, 255), sent=st.sampled_from(list(SENT)), tail=st.binary(max_size=20)
)
def test_no_bytes_break_the_reader(place: int, byte: int, sent: str, tail: bytes) -> None:
    """Any bytes are read or refused."""
    body = bytearray(base64.b64decode(sent))
    body[place % len(body)] = byte
    for given_ in (bytes(body), bytes(body) + tail, b"\x81" + tail):
        with suppress(BadRequest):
            read_operations(given_)
