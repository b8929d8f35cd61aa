"""Transactional batch: up to 100 operations on items of one partition, all done or none.

https://learn.microsoft.com/azure/cosmos-db/nosql/transactional-batch
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.cosmos import actions
from localcloud.cosmos.errors import BadRequest, CosmosError
from localcloud.cosmos.items import Items, Preconditions
from localcloud.cosmos.state import Item

_MOST_OPERATIONS = 100
_FAILED_DEPENDENCY = 424

_ACTIONS = {
    "Create": actions.CREATE,
    "Upsert": actions.UPSERT,
    "Read": actions.READ,
    "Replace": actions.REPLACE,
    "Patch": actions.REPLACE,
    "Delete": actions.DELETE,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`body` is the JSON array of the operations' results, in their order."""

    succeeded: bool
    body: str


def run(items: Items, partition: str, operations: Any, require: Callable[[str], None], minimal: bool) -> Outcome:
    """Runs the batch; `require` raises for an action that the caller does not hold. Raises `BadRequest`."""
    if not isinstance(operations, list) or not operations:
        raise BadRequest("The batch request holds no operations.")
    if len(operations) > _MOST_OPERATIONS:
        raise BadRequest(f"Batch request has more operations than what is supported ({_MOST_OPERATIONS}).")
    for operation in operations:
        require(_action(operation))
    results: list[str] = []
    try:
        with items.store.transaction():
            for operation in operations:
                results.append(_result(*_perform(items, partition, operation), minimal=minimal))
    except CosmosError as error:
        statuses = [_FAILED_DEPENDENCY] * len(operations)
        statuses[len(results)] = error.status
        failed = [{"statusCode": status, "requestCharge": 0} for status in statuses]
        failed[len(results)]["subStatusCode"] = error.substatus
        return Outcome(False, json.dumps(failed))
    return Outcome(True, f"[{','.join(results)}]")


def _action(operation: Any) -> str:
    kind = operation.get("operationType") if isinstance(operation, dict) else None
    if not isinstance(kind, str) or kind not in _ACTIONS:
        raise BadRequest(f"A batch operation's operationType is one of {', '.join(_ACTIONS)}.")
    return _ACTIONS[kind]


def _perform(items: Items, partition: str, operation: dict[str, Any]) -> tuple[int, Item | None]:
    name, document = str(operation.get("id", "")), operation.get("resourceBody")
    conditions = Preconditions(operation.get("ifMatch"), operation.get("ifNoneMatch"))
    match operation["operationType"]:
        case "Create":
            return 201, items.create(partition, document)
        case "Upsert":
            item, is_new = items.upsert(partition, document, conditions)
            return (201 if is_new else 200), item
        case "Replace":
            return 200, items.replace(partition, name, document, conditions)
        case "Patch":
            return 200, items.patch(partition, name, document, conditions)
        case "Delete":
            items.delete(partition, name, conditions)
            return 204, None
    item = items.read(partition, name)
    return (304, None) if conditions.unmodified(item) else (200, item)


def _result(status: int, item: Item | None, minimal: bool) -> str:
    result = json.dumps({"statusCode": status, "requestCharge": 1} | ({"eTag": item.etag} if item else {}))
    if item is None or minimal:
        return result
    return f'{result[:-1]},"resourceBody":{item.body}}}'
