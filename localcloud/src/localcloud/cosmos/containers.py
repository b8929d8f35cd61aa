"""The databases and containers of the account, found by name or by resource id."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.authorization.model import CosmosContainer
from localcloud.cosmos import resource_ids


@dataclass(frozen=True, slots=True)
class Container:
    """`partition_key` is the name of a property; `default_ttl` is in seconds, -1 for never, None for no expiry."""

    database: str
    name: str
    partition_key: str
    default_ttl: int | None
    rid: bytes

    @property
    def scope(self) -> str:
        """Its scope in the access model."""
        return f"cosmos/{self.name}"

    @property
    def path(self) -> str:
        """Its link by names, as in `x-ms-alt-content-path`."""
        return f"dbs/{self.database}/colls/{self.name}"

    @property
    def self_link(self) -> str:
        """Its link by resource ids, as in `_self`."""
        return f"dbs/{resource_ids.encode(self.rid[:4])}/colls/{resource_ids.encode(self.rid)}/"

    def properties(self) -> dict[str, Any]:
        """What `GET` on it answers."""
        ttl = {} if self.default_ttl is None else {"defaultTtl": self.default_ttl}
        return {
            "id": self.name,
            "partitionKey": {"paths": [f"/{self.partition_key}"], "kind": "Hash", "version": 2},
            "indexingPolicy": {
                "indexingMode": "consistent",
                "automatic": True,
                "includedPaths": [{"path": "/*"}],
                "excludedPaths": [{"path": '/"_etag"/?'}],
            },
            **ttl,
            "_rid": resource_ids.encode(self.rid),
            "_self": self.self_link,
            "_etag": '"00000000-0000-0000-0000-000000000000"',
            "_ts": 0,
            "_docs": "docs/",
            "_sprocs": "sprocs/",
            "_triggers": "triggers/",
            "_udfs": "udfs/",
            "_conflicts": "conflicts/",
        }

    def partition_key_ranges(self) -> list[dict[str, Any]]:
        """One range: the container is one physical partition."""
        rid = resource_ids.encode(self.rid + bytes(7) + b"\x50")
        return [
            {
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
        ]


class Catalog:
    """Every container that the access model names."""

    def __init__(self, containers: Mapping[str, CosmosContainer]) -> None:
        self._containers: list[Container] = []
        for name, container in containers.items():
            rid = resource_ids.collection_rid(resource_ids.database_rid(container.database), name)
            key = container.partitionKey.removeprefix("/")
            self._containers.append(Container(container.database, name, key, container.defaultTtl, rid))

    def container(self, database: str, name: str) -> Container | None:
        """By names or by resource ids, as the path has them."""
        for container in self._containers:
            if name in (container.name, resource_ids.encode(container.rid)) and _is_database(container, database):
                return container
        return None

    def database(self, name: str) -> dict[str, Any] | None:
        """What `GET` on a database answers; None where there is no such database."""
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


def _is_database(container: Container, name: str) -> bool:
    return name in (container.database, resource_ids.encode(container.rid[:4]))
