"""The items, in SQLite: one row each, holding the very text that is sent.

Every write of a container takes the next number of its log (`lsn`). The number under which an item was created stays
its own (`sequence`): it is in the resource id, and the order in which items are listed.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.authorization.model import CosmosContainer
from localcloud.cosmos import json_text, resource_ids
from localcloud.cosmos.containers import Catalog, ItemContainer
from localcloud.cosmos.feed_ranges import EVERYTHING, FeedRange
from localcloud.database import open_database, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS logs (container TEXT PRIMARY KEY, lsn INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    container TEXT NOT NULL, partition TEXT NOT NULL, id TEXT NOT NULL, sequence INTEGER NOT NULL,
    lsn INTEGER NOT NULL, timestamp INTEGER NOT NULL, expires INTEGER, body TEXT NOT NULL,
    UNIQUE (container, partition, id));
CREATE UNIQUE INDEX IF NOT EXISTS items_by_sequence ON items (container, sequence);
CREATE INDEX IF NOT EXISTS items_of_partition ON items (container, partition, sequence);
CREATE UNIQUE INDEX IF NOT EXISTS items_by_lsn ON items (container, lsn);
CREATE INDEX IF NOT EXISTS items_by_expiry ON items (expires) WHERE expires IS NOT NULL;
"""

SYSTEM_PROPERTIES = ("_rid", "_self", "_etag", "_attachments", "_ts")
_COLUMNS = "partition, id, sequence, lsn, timestamp, body"
_ALIVE = "(expires IS NULL OR expires > ?)"


@dataclass(frozen=True, slots=True)
class Item:
    """A stored item. `body` is its JSON, with Cosmos DB's own properties; `timestamp` (`_ts`) is in Unix seconds."""

    partition: str
    id: str
    sequence: int
    lsn: int
    timestamp: int
    body: str

    @property
    def etag(self) -> str:
        return _etag(self.lsn, self.timestamp)


class ItemStore:
    """The items of every container; `clock` gives the Unix time that `_ts` and expiry go by."""

    def __init__(
        self, database: Path, containers: Mapping[str, CosmosContainer], clock: Callable[[], float] = time.time
    ) -> None:
        self.catalog = Catalog(containers)
        self._clock = clock
        self._sql = open_database(database, _SCHEMA)

    def close(self) -> None:
        self._sql.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Write everything in this context, or nothing if it raises. Transactions nest."""
        return transaction(self._sql)

    def lsn(self, container: ItemContainer) -> int:
        """Get the number of the container's latest write, 0 before the first."""
        row = self._sql.execute("SELECT lsn FROM logs WHERE container = ?", (container.path,)).fetchone()
        return int(row[0]) if row else 0

    def find(self, container: ItemContainer, partition: str, name: str) -> Item | None:
        """Find the item of this id, or of this resource id, in the partition."""
        where = f"container = ? AND partition = ? AND id = ? AND {_ALIVE}"
        item = self._one(where, (container.path, partition, name, self._clock()))
        sequence = resource_ids.document_sequence(container.rid, name) if item is None else None
        if sequence is None:
            return item
        where = f"container = ? AND partition = ? AND sequence = ? AND {_ALIVE}"
        return self._one(where, (container.path, partition, sequence, self._clock()))

    def write(self, container: ItemContainer, partition: str, document: dict[str, Any], replaced: Item | None) -> Item:
        """Store the document as a new item, or in the place of `replaced`; raises `ValueError` if it has no JSON.

        Sets the document's system properties; the expiry follows its `ttl` and the container's.
        """
        now = int(self._clock())
        with self.transaction():
            self._sql.execute("DELETE FROM items WHERE expires <= ?", (now,))
            lsn = self._next_lsn(container)
            sequence = replaced.sequence if replaced else lsn
            rid = resource_ids.encode(resource_ids.document_rid(container.rid, sequence))
            document["_rid"] = rid
            document["_self"] = f"{container.self_link}docs/{rid}/"
            document["_etag"] = _etag(lsn, now)
            document["_attachments"] = "attachments/"
            document["_ts"] = now
            item = Item(partition, document["id"], sequence, lsn, now, json_text.write(document))
            self._sql.execute(
                "INSERT OR REPLACE INTO items (container, partition, id, sequence, lsn, timestamp, expires, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (container.path, partition, item.id, sequence, lsn, now, _expiry(container, document, now), item.body),
            )
        return item

    def delete(self, container: ItemContainer, item: Item) -> None:
        with self.transaction():
            self._next_lsn(container)
            self._sql.execute("DELETE FROM items WHERE container = ? AND sequence = ?", (container.path, item.sequence))

    def scan(self, container: ItemContainer, part: FeedRange = EVERYTHING, after: int = 0) -> Iterator[Item]:
        """Read the items of the feed range in order of creation, from the one after this sequence number on."""
        return self._several(container, part, "sequence > ?", (after,), "sequence")

    def changes(self, container: ItemContainer, part: FeedRange, after: int, since: float) -> Iterator[Item]:
        """Read the items of the feed range that were written after this log number and at or after this time.

        They come in the order of their latest writes.
        """
        return self._several(container, part, "lsn > ? AND timestamp >= ?", (after, since), "lsn")

    def _several(
        self, container: ItemContainer, part: FeedRange, condition: str, values: tuple[object, ...], order: str
    ) -> Iterator[Item]:
        of_key, key = _of_key(part)
        rows = self._sql.execute(
            f"SELECT {_COLUMNS} FROM items"  # noqa: S608 (made of constants)
            f" WHERE container = ? AND {of_key} AND {condition} AND {_ALIVE} ORDER BY {order}",
            (container.path, *key, *values, self._clock()),
        )
        return (Item(*row) for row in rows if part.includes(row[0]))

    def _one(self, where: str, values: tuple[object, ...]) -> Item | None:
        row = self._sql.execute(f"SELECT {_COLUMNS} FROM items WHERE {where}", values).fetchone()  # noqa: S608
        return Item(*row) if row else None

    def _next_lsn(self, container: ItemContainer) -> int:
        row = self._sql.execute(
            "INSERT INTO logs VALUES (?, 1) ON CONFLICT (container) DO UPDATE SET lsn = lsn + 1 RETURNING lsn",
            (container.path,),
        ).fetchone()
        return int(row[0])


def _of_key(part: FeedRange) -> tuple[str, tuple[object, ...]]:
    """Write the condition in SQL that a feed range's partition key makes, and the values in it."""
    if not part.names_key:
        return "TRUE", ()
    if not part.is_prefix:
        return "partition = ?", (part.key,)
    beginning = f"{part.key},"
    return "substr(partition, 1, ?) = ?", (len(beginning), beginning)


def _etag(lsn: int, timestamp: int) -> str:
    return f'"{lsn & 0xFFFFFFFF:08x}-{lsn >> 32 & 0xFFFF:04x}-0000-0000-{timestamp:08x}0000"'


def _expiry(container: ItemContainer, document: dict[str, Any], now: int) -> int | None:
    """Compute when a document expires. Its own `ttl` counts only if the container has a default
    (https://learn.microsoft.com/azure/cosmos-db/nosql/time-to-live)."""
    if container.default_ttl is None:
        return None
    ttl = document.get("ttl", container.default_ttl)
    return None if ttl == -1 else now + int(ttl)
