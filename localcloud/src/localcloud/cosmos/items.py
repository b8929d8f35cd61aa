"""What may be done with one item: create, read, upsert, replace, patch and delete, each under its preconditions.

https://learn.microsoft.com/rest/api/cosmos-db/documents
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from localcloud.cosmos import json_text, partition_keys, patch
from localcloud.cosmos.containers import ItemContainer
from localcloud.cosmos.errors import BadRequest, Conflict, NotFound, PreconditionFailed, TooLarge
from localcloud.cosmos.state import SYSTEM_PROPERTIES, Item, ItemStore

LARGEST = 2 * 1024 * 1024  # bytes, https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-item-limits
_LONGEST_ID = 1023  # bytes, and what it may not hold: the same page
_ILLEGAL_IN_ID = re.compile(r"[/\\\ud800-\udfff]")
_LONGEST_TTL = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The `If-Match` and `If-None-Match` headers: an etag, or `*`, or None."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, item: Item) -> None:
        """Raise `PreconditionFailed` unless the stored item is the one that the caller means to change."""
        if self.if_match not in (None, "*", item.etag) or self.if_none_match in ("*", item.etag):
            raise PreconditionFailed

    def unmodified(self, item: Item) -> bool:
        """Whether a reader has this state of the item already."""
        return self.if_none_match in ("*", item.etag)


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one container. `partition` is the partition key's text, as `partition_keys` makes it."""

    store: ItemStore
    container: ItemContainer

    def read(self, partition: str, name: str) -> Item:
        item = self.store.find(self.container, partition, name)
        if item is None:
            raise NotFound
        return item

    def create(self, partition: str, document: Any) -> Item:
        checked = self._checked(document, partition)
        if self.store.find(self.container, partition, checked["id"]) is not None:
            raise Conflict
        return self._write(partition, checked, None)

    def upsert(self, partition: str, document: Any, conditions: Preconditions) -> tuple[Item, bool]:
        """Store the document; return the item, and whether it is new."""
        checked = self._checked(document, partition)
        existing = self.store.find(self.container, partition, checked["id"])
        if existing is not None:
            conditions.check(existing)
        return self._write(partition, checked, existing), existing is None

    def replace(self, partition: str, name: str, document: Any, conditions: Preconditions) -> Item:
        checked = self._checked(document, partition)
        existing = self.read(partition, name)
        conditions.check(existing)
        if checked["id"] != existing.id:
            raise BadRequest("The id in the document does not match the id of the item to replace.")
        return self._write(partition, checked, existing)

    def patch(self, partition: str, name: str, request: Any, conditions: Preconditions) -> Item:
        specification = patch.specification(request, self.container)
        existing = self.read(partition, name)
        conditions.check(existing)
        document = json.loads(existing.body)
        if not specification.condition(document):
            raise PreconditionFailed(substatus=1110)
        specification.apply(document)
        return self._write(partition, self._checked(document, partition), existing)

    def delete(self, partition: str, name: str, conditions: Preconditions) -> None:
        existing = self.read(partition, name)
        conditions.check(existing)
        self.store.delete(self.container, existing)

    def _write(self, partition: str, document: dict[str, Any], replaced: Item | None) -> Item:
        """Store the document; raises `CosmosError` if it is too large or too deep.

        Its size and its depth are those that its caller sees, without the system's properties.
        """
        own = {name: value for name, value in document.items() if name not in SYSTEM_PROPERTIES}
        try:
            json_text.check_depth(own)
        except json_text.TooDeepError as error:
            raise BadRequest(str(error)) from error
        if json_text.size(own) > LARGEST:
            raise TooLarge
        return self.store.write(self.container, partition, document, replaced)

    def _checked(self, document: Any, partition: str) -> dict[str, Any]:
        if not isinstance(document, dict):
            raise BadRequest("The request payload is invalid. Ensure to provide a valid request payload.")
        check_id(document.get("id"))
        _check_ttl(document.get("ttl"))
        if partition_keys.of_document(document, self.container.partition_key) != partition:
            raise BadRequest(
                "PartitionKey extracted from document doesn't match the one specified in the header. "
                "Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value",
                substatus=1001,
            )
        return document


def check_id(value: Any) -> None:
    """Raise `BadRequest` for an id that Azure refuses."""
    if not isinstance(value, str) or not value:
        raise BadRequest("The input content is invalid because the required properties - 'id; ' - are missing")
    if illegal := _ILLEGAL_IN_ID.search(value):
        raise BadRequest(f"The resource name presented contains invalid character '{illegal[0]}'.")
    if len(value.encode()) > _LONGEST_ID:
        raise BadRequest(
            f"The input name '{value[:100]}…' is invalid. Ensure to provide a unique non-empty string less than "
            f"'{_LONGEST_ID + 1}' characters."
        )


def _check_ttl(value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not (value == -1 or 0 < value <= _LONGEST_TTL):
        raise BadRequest(
            f"The input ttl '{str(value)[:20]}' is invalid. Ensure to provide a nonzero positive integer less than or "
            "equal to '2147483647', or '-1' which means never expire."
        )
