"""Feed ranges, as the SDKs call them: the part of a container that a query or a feed is about.

https://learn.microsoft.com/azure/cosmos-db/nosql/change-feed-pull-model#use-feedrange-for-parallelization
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.cosmos import partition_keys
from localcloud.cosmos.containers import ItemContainer
from localcloud.cosmos.effective_partition_keys import effective
from localcloud.cosmos.errors import BadRequest, PartitionKeyRangeGone

_FIRST, _LAST = "", "FF"  # of the effective partition keys; the last one is no key's


@dataclass(frozen=True, slots=True)
class FeedRange:
    """The items whose partition key is `key` (if `is_prefix`: begins with the values of `key`), and whose effective
    partition key is from `start` on and before `end`."""

    key: str = ""
    is_prefix: bool = True
    start: str = _FIRST
    end: str = _LAST

    @property
    def names_key(self) -> bool:
        """Whether it is a single partition key, or the keys with the same first values."""
        return bool(self.key)

    def includes(self, partition: str) -> bool:
        """Whether it includes the items of this partition key, as far as that depends on the effective key."""
        if (self.start, self.end) == (_FIRST, _LAST):
            return True
        place = effective(partition)
        return self.start <= place < self.end or place == self.start == self.end


EVERYTHING = FeedRange()


def of_headers(headers: Mapping[str, str], container: ItemContainer) -> FeedRange:
    """Read the feed range that a request names: by partition key, by effective partition keys, by both or by neither.

    Raises `BadRequest` if a header is malformed, `PartitionKeyRangeGone` if it names a physical partition that the
    container does not have.
    """
    check_range_id(headers, container)
    values = key_values(headers, container) or ()
    start, end = _bound(headers, "x-ms-start-epk", _FIRST), _bound(headers, "x-ms-end-epk", _LAST)
    return FeedRange(partition_keys.join(values), len(values) < container.levels, start, end)


def key_values(headers: Mapping[str, str], container: ItemContainer) -> tuple[str, ...] | None:
    """Read the texts of the partition key's values in the header; None if there is no such header."""
    header = headers.get("x-ms-documentdb-partitionkey")
    return None if header is None else partition_keys.of_header(header, container.levels)


def check_range_id(headers: Mapping[str, str], container: ItemContainer) -> None:
    """Raise `PartitionKeyRangeGone` if the header names another range than the container's: `0`, or `{rid},0`."""
    named = headers.get("x-ms-documentdb-partitionkeyrangeid")
    if named is not None and named.rpartition(",")[2] != container.partition_key_range["id"]:
        raise PartitionKeyRangeGone


def _bound(headers: Mapping[str, str], name: str, default: str) -> str:
    value = headers.get(name, default).upper()
    if not re.fullmatch(r"[0-9A-F]*", value):
        raise BadRequest(f"Value '{value[:100]}' specified for the header '{name}' is invalid.")
    return value
