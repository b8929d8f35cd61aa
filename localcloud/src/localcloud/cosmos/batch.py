"""Many operations in one request: a transactional batch of one partition key, or a bulk of many keys.

Both are POSTs with `x-ms-cosmos-is-batch-request`; the header `x-ms-cosmos-batch-atomic` tells them apart.
https://learn.microsoft.com/azure/cosmos-db/nosql/transactional-batch,
https://learn.microsoft.com/azure/cosmos-db/nosql/how-to-migrate-from-bulk-executor-library
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.cosmos import actions, partition_keys
from localcloud.cosmos.errors import BadRequest, CosmosError, PartitionKeyMismatch
from localcloud.cosmos.items import Items, Preconditions
from localcloud.cosmos.state import Item

MOST_OPERATIONS = 100  # https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-request-limits
_ACTIONS = {
    "Create": actions.CREATE,
    "Upsert": actions.UPSERT,
    "Read": actions.READ,
    "Replace": actions.REPLACE,
    "Patch": actions.REPLACE,
    "Delete": actions.DELETE,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an operation. `body` is the item's JSON, None if there is none or it is not wanted."""

    status: int
    etag: str | None = None
    body: str | None = None
    substatus: int = 0

    @property
    def charge(self) -> int:
        """The request charge, which means nothing."""
        return 1 if self.status < 400 else 0

    @property
    def json(self) -> str:
        """The result as the array of an answer has it."""
        fields: dict[str, Any] = {"statusCode": self.status, "requestCharge": self.charge}
        if self.status >= 400:
            fields["subStatusCode"] = self.substatus
        if self.etag is not None:
            fields["eTag"] = self.etag
        written = json.dumps(fields)
        return written if self.body is None else f'{written[:-1]},"resourceBody":{self.body}}}'


_FAILED_DEPENDENCY = Result(424)


@dataclass(frozen=True, slots=True)
class BatchOperation:
    """One operation. `partition_key` is what it says of its key, which only a bulk asks for; `minimal` asks for no
    body of what it writes."""

    kind: str
    name: str
    body: Any
    conditions: Preconditions
    partition_key: Any
    minimal: bool

    @property
    def action(self) -> str:
        """The action that it needs."""
        return _ACTIONS[self.kind]

    def key(self, levels: int) -> str:
        """Read the operation's own partition key, such as the string `["p"]`; raises `BadRequest`."""
        if not isinstance(self.partition_key, str):
            raise BadRequest("An operation of a bulk names its partition key.")
        values = partition_keys.of_header(self.partition_key, levels)
        if len(values) < levels:
            raise PartitionKeyMismatch
        return partition_keys.join(values)

    def perform(self, items: Items, key: str) -> Result:
        """Do the operation; raises `CosmosError`."""
        status, item = self._done(items, key)
        if item is None:
            return Result(status)
        wants_body = self.kind == "Read" or not self.minimal
        return Result(status, item.etag, item.body if wants_body else None)

    def _done(self, items: Items, key: str) -> tuple[int, Item | None]:
        match self.kind:
            case "Create":
                return 201, items.create(key, self.body)
            case "Upsert":
                item, is_new = items.upsert(key, self.body, self.conditions)
                return (201 if is_new else 200), item
            case "Replace":
                return 200, items.replace(key, self.name, self.body, self.conditions)
            case "Patch":
                return 200, items.patch(key, self.name, self.body, self.conditions)
            case "Delete":
                items.delete(key, self.name, self.conditions)
                return 204, None
        item = items.read(key, self.name)
        return (304, None) if self.conditions.unmodified(item) else (200, item)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The operations' results, in their order."""

    succeeded: bool
    results: tuple[Result, ...]

    @property
    def json(self) -> str:
        return f"[{','.join(result.json for result in self.results)}]"


def read(body: Any, minimal: bool) -> list[BatchOperation]:
    """Read the operations of a request's body; raises `BadRequest`.

    `minimal` is the request's preference for them all.
    """
    if not isinstance(body, list) or not body:
        raise BadRequest("The batch request holds no operations.")
    if len(body) > MOST_OPERATIONS:
        raise BadRequest(f"Batch request has more operations than what is supported ({MOST_OPERATIONS}).")
    return [_operation(each, minimal) for each in body]


def run_transactional(items: Items, key: str, operations: Sequence[BatchOperation]) -> Outcome:
    """Do all operations or none, on items of one partition key."""
    results: list[Result] = []
    try:
        with items.store.transaction():
            for operation in operations:
                results.append(operation.perform(items, key))
    except CosmosError as error:
        failed = [_FAILED_DEPENDENCY] * len(operations)
        failed[len(results)] = _failure(error)
        return Outcome(False, tuple(failed))
    return Outcome(True, tuple(results))


def run_bulk(items: Items, operations: Sequence[BatchOperation], goes_on: bool) -> Outcome:
    """Do each operation by itself, under its own partition key. After a failure the others are done if it `goes_on`."""
    results: list[Result] = []
    succeeded = True
    for operation in operations:
        if not (succeeded or goes_on):
            results.append(_FAILED_DEPENDENCY)
            continue
        try:
            results.append(operation.perform(items, operation.key(items.container.levels)))
        except CosmosError as error:
            results.append(_failure(error))
            succeeded = False
    return Outcome(succeeded, tuple(results))


def _operation(given: Any, minimal: bool) -> BatchOperation:
    kind = given.get("operationType") if isinstance(given, dict) else None
    if not isinstance(kind, str) or kind not in _ACTIONS:
        raise BadRequest(f"A batch operation's operationType is one of {', '.join(_ACTIONS)}.")
    return BatchOperation(
        kind,
        str(given.get("id", "")),
        given.get("resourceBody"),
        Preconditions(given.get("ifMatch"), given.get("ifNoneMatch")),
        given.get("partitionKey"),
        minimal or given.get("minimalReturnPreference") is True,
    )


def _failure(error: CosmosError) -> Result:
    return Result(error.status, substatus=error.substatus)
