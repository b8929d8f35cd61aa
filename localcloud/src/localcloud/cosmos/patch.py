"""Partial document update: up to ten operations on paths of a document, under a condition.

https://learn.microsoft.com/azure/cosmos-db/partial-document-update
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.cosmos.containers import ItemContainer
from localcloud.cosmos.errors import BadRequest
from localcloud.cosmos.execution import predicate
from localcloud.cosmos.partition_keys import Path

_MOST_OPERATIONS = 10
_SYSTEM_PROPERTIES = {"id", "_rid", "_self", "_etag", "_attachments", "_ts"}


@dataclass(frozen=True, slots=True)
class PatchOperation:
    """`value` is what to set or add, or the number to add for `incr`; `source` is where `move` takes it from."""

    kind: str
    path: tuple[str, ...]
    value: Any
    source: tuple[str, ...]

    def apply(self, document: Any) -> None:
        """Change the document; raises `BadRequest` if it has no such place."""
        value = copy.deepcopy(self.value)  # one operation's value may be changed by the next
        if self.kind == "move":
            value = _remove(*_parent(document, self.source))
        parent, key = _parent(document, self.path)
        if self.kind == "remove":
            _remove(parent, key)
        elif self.kind == "incr":
            _increment(parent, key, value)
        elif isinstance(parent, list):
            _put_in_array(parent, key, value, self.kind)
        else:
            if self.kind == "replace" and key not in parent:
                raise _no_such_place(key)
            parent[key] = value


@dataclass(frozen=True, slots=True)
class Specification:
    """A checked patch request. `condition` says whether it applies to a document."""

    condition: Callable[[Any], bool]
    operations: tuple[PatchOperation, ...]

    def apply(self, document: dict[str, Any]) -> None:
        for operation in self.operations:
            operation.apply(document)


def specification(request: Any, container: ItemContainer) -> Specification:
    """Read `{"condition": "from c where …", "operations": […]}` or the bare list; raises `BadRequest`."""
    if isinstance(request, list):
        request = {"operations": request}
    operations = request.get("operations") if isinstance(request, dict) else None
    if not isinstance(operations, list) or not operations:
        raise BadRequest("The patch request holds no operations.")
    if len(operations) > _MOST_OPERATIONS:
        raise BadRequest(f"The number of patch operations can't exceed '{_MOST_OPERATIONS}'.")
    condition = request.get("condition")
    if condition is None:
        applies: Callable[[Any], bool] = lambda _: True  # noqa: E731
    elif isinstance(condition, str):
        applies = predicate(f"SELECT * {condition}")
    else:
        raise BadRequest("The condition of a patch is a text, such as 'from c where c.state = \"open\"'.")
    fixed = {(name,) for name in _SYSTEM_PROPERTIES} | set(container.partition_key)
    return Specification(applies, tuple(_operation(operation, fixed) for operation in operations))


def _operation(operation: Any, fixed: set[Path]) -> PatchOperation:
    if not isinstance(operation, dict):
        raise BadRequest("A patch operation is an object.")
    kind = operation.get("op")
    if kind not in ("add", "set", "replace", "remove", "incr", "move"):
        raise BadRequest(f"The patch operation '{str(kind)[:20]}' is not one of add, set, replace, remove, incr, move.")
    path = _path(operation.get("path"), fixed)
    source = _path(operation.get("from"), fixed) if kind == "move" else ()
    if kind == "move" and path[: len(source)] == source:
        raise BadRequest("The path to move to can't be within the one moved from.")
    if kind in ("add", "set", "replace", "incr") and "value" not in operation:
        raise BadRequest(f"The patch operation '{kind}' needs a value.")
    if kind == "incr" and not _is_number(operation["value"]):
        raise BadRequest("The patch operation 'incr' needs a number.")
    return PatchOperation(kind, path, operation.get("value"), source)


def _path(text: Any, fixed: set[Path]) -> Path:
    if not isinstance(text, str) or not text.startswith("/") or text == "/":
        raise BadRequest("A patch operation's path begins with '/' and names a property.")
    path = tuple(step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/"))
    for other in fixed:
        shorter = min(len(path), len(other))
        if path[:shorter] == other[:shorter]:
            raise BadRequest(f"The property '{'/'.join(other)}' can't be patched.")
    return path


def _parent(document: Any, path: tuple[str, ...]) -> tuple[Any, str]:
    place = document
    for step in path[:-1]:
        if isinstance(place, dict) and step in place:
            place = place[step]
        elif isinstance(place, list):
            place = place[_index(step, len(place))]
        else:
            raise _no_such_place(step)
    if not isinstance(place, dict | list):
        raise _no_such_place(path[-1])
    return place, path[-1]


def _remove(parent: Any, key: str) -> Any:
    if isinstance(parent, list):
        return parent.pop(_index(key, len(parent)))
    if key not in parent:
        raise _no_such_place(key)
    return parent.pop(key)


def _increment(parent: Any, key: str, by: Any) -> None:
    place: Any = _index(key, len(parent)) if isinstance(parent, list) else key
    current = parent[place] if isinstance(parent, list) else parent.get(place, 0)
    if not _is_number(current):
        raise BadRequest(f"The value at '{key[:100]}' is not a number.")
    total = current + by
    if abs(total) > 1.7e308:
        raise BadRequest(f"The value at '{key[:100]}' would be too large a number.")
    parent[place] = total


def _put_in_array(array: list[Any], key: str, value: Any, kind: str) -> None:
    """Put the value at an index, or at `-`: the place behind the last element, where there is nothing to replace."""
    if key == "-" and kind != "replace":
        array.append(value)
    elif kind in ("add", "move"):
        array.insert(_index(key, len(array) + 1), value)
    else:
        array[_index(key, len(array))] = value


def _index(step: str, length: int) -> int:
    if not (step.isascii() and step.isdigit()) or len(step) > 9 or int(step) >= length:
        raise _no_such_place(step)
    return int(step)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _no_such_place(step: str) -> BadRequest:
    return BadRequest(f"The path of a patch operation does not exist in the document: '{step[:100]}'.")
