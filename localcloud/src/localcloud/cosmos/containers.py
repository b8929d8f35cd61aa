"""The databases and containers of the account, found by name or by resource id."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.authorization.model import CosmosContainer
from localcloud.cosmos import partition_keys, resource_ids


@dataclass(frozen=True, slots=True)
class ItemContainer:
    """A container of items, whose `partition_key` is one path or several (hierarchical partition keys).

    `default_ttl` is in seconds, -1 for never, None for no expiry.
    """

    database: str
    name: str
    partition_key: tuple[partition_keys.Path, ...]
    default_ttl: int | None
    rid: bytes

    @property
    def levels(self) -> int:
        """How many values a partition key has."""
        return len(self.partition_key)

    @property
    def encoded_rid(self) -> str:
        """Its resource id, as in `_rid`."""
        return resource_ids.encode(self.rid)

    @property
    def scope(self) -> str:
        """Its scope in the access model."""
        return f"cosmos/{self.name}"

    @property
    def path(self) -> str:
        """Its link by names. Its items' answers have it as `x-ms-alt-content-path`, since that is the parent's."""
        return f"dbs/{self.database}/colls/{self.name}"

    @property
    def self_link(self) -> str:
        """Its link by resource ids, as in `_self`."""
        return f"dbs/{resource_ids.encode(self.rid[:4])}/colls/{self.encoded_rid}/"

    def properties(self) -> dict[str, Any]:
        """Make the answer to `GET` on the container."""
        ttl = {} if self.default_ttl is None else {"defaultTtl": self.default_ttl}
        return {
            "id": self.name,
            "partitionKey": {
                "paths": [f"/{'/'.join(path)}" for path in self.partition_key],
                "kind": "MultiHash" if self.levels > 1 else "Hash",
                "version": 2,
            },
            "indexingPolicy": {
                "indexingMode": "consistent",
                "automatic": True,
                "includedPaths": [{"path": "/*"}],
                "excludedPaths": [{"path": '/"_etag"/?'}],
            },
            **ttl,
            "_rid": self.encoded_rid,
            "_self": self.self_link,
            "_etag": '"00000000-0000-0000-0000-000000000000"',
            "_ts": 0,
            "_docs": "docs/",
            "_sprocs": "sprocs/",
            "_triggers": "triggers/",
            "_udfs": "udfs/",
            "_conflicts": "conflicts/",
        }

    @property
    def partition_key_range(self) -> dict[str, Any]:
        """The range of effective partition keys that a physical partition holds: all of them, since there is one."""
        rid = resource_ids.encode(self.rid + bytes(7) + b"\x50")
        return {
            "_rid": rid,
            "id": "0",
            "_etag": '"00000000-0000-0000-0000-000000000000"',
            "minInclusive": "",
            "maxExclusive": "FF",
            "ridPrefix": 0,
            "_self": f"{self.self_link}pkranges/{rid}/",
            "throughputFraction": 1,
            "status": "online",
            "parents": [],
            "_ts": 0,
        }


class Catalog:
    """Every container that the access model names."""

    def __init__(self, containers: Mapping[str, CosmosContainer]) -> None:
        self._containers: list[ItemContainer] = []
        for name, container in containers.items():
            rid = resource_ids.collection_rid(resource_ids.database_rid(container.database), name)
            key = tuple(tuple(path[1:].split("/")) for path in container.partitionKeyPaths)
            self._containers.append(ItemContainer(container.database, name, key, container.defaultTtl, rid))

    def container(self, database: str, name: str) -> ItemContainer | None:
        """Find a container by names or by resource ids, as the path has them."""
        for container in self._containers:
            if name in (container.name, container.encoded_rid) and _is_database(container, database):
                return container
        return None

    def containers_of(self, database: str) -> list[ItemContainer]:
        """List the containers of the database with this name."""
        return [container for container in self._containers if container.database == database]

    def databases(self) -> list[dict[str, Any]]:
        """List the databases, each as `GET` on it answers."""
        names = dict.fromkeys(container.database for container in self._containers)
        return [found for name in names if (found := self.database(name)) is not None]

    def database(self, name: str) -> dict[str, Any] | None:
        """Make the answer to `GET` on a database; None if there is no such database."""
        for container in self._containers:
            if _is_database(container, name):
                rid = resource_ids.encode(container.rid[:4])
                return {
                    "id": container.database,
                    "_rid": rid,
                    "_self": f"dbs/{rid}/",
                    "_etag": '"00000000-0000-0000-0000-000000000000"',
                    "_colls": "colls/",
                    "_users": "users/",
                    "_ts": 0,
                }
        return None


def _is_database(container: ItemContainer, name: str) -> bool:
    return name in (container.database, resource_ids.encode(container.rid[:4]))
