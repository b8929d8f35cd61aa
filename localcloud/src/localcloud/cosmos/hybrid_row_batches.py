"""Batches and bulks in HybridRow, as the .NET client and newer Java clients send them.

https://github.com/Azure/azure-cosmos-dotnet-v3/blob/master/Microsoft.Azure.Cosmos/src/Batch/HybridRowBatchSchemas.json
"""

from collections.abc import Iterable
from typing import Any

from localcloud.cosmos import bodies, hybrid_row
from localcloud.cosmos.batch import Result
from localcloud.cosmos.errors import BadRequest

_OPERATION = hybrid_row.Schema(
    2145473648,
    ("operationType", "resourceType"),
    ("partitionKey", "effectivePartitionKey", "id", "binaryId", "resourceBody"),
    ("indexingDirective", "ifMatch", "ifNoneMatch", "timeToLiveInSeconds", "minimalReturnPreference"),
)
_RESULT = hybrid_row.Schema(
    2145473649, ("statusCode", "subStatusCode"), ("eTag", "resourceBody"), ("retryAfterMilliseconds", "requestCharge")
)
_KINDS = {0: "Create", 1: "Patch", 2: "Read", 4: "Delete", 5: "Replace", 20: "Upsert"}


def read_operations(body: bytes) -> list[dict[str, Any]]:
    """Read a request's operations, each as its JSON would be; raises `BadRequest`."""
    try:
        return [_operation(hybrid_row.read_row(_OPERATION, row)) for row in hybrid_row.read_records(body)]
    except ValueError as error:
        raise BadRequest(f"The request body is not valid HybridRow: {error}.") from error


def write_results(results: Iterable[Result]) -> bytes:
    """Write the operations' results."""
    return hybrid_row.write_records(hybrid_row.write_row(_RESULT, _fields(result)) for result in results)


def _operation(row: dict[str, Any]) -> dict[str, Any]:
    operation = {**row, "operationType": _KINDS.get(row.get("operationType", -1))}
    for name in ("partitionKey", "id"):
        if name in row:
            operation[name] = row[name].decode()
    if "resourceBody" in row:
        operation["resourceBody"] = bodies.parse(row["resourceBody"])
    return operation


def _fields(result: Result) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "statusCode": result.status,
        "subStatusCode": result.substatus,
        "requestCharge": float(result.charge),
    }
    if result.etag is not None:
        fields["eTag"] = result.etag.encode()
    if result.body is not None:
        fields["resourceBody"] = result.body.encode()
    return fields
