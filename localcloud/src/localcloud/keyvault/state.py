"""The secrets and their versions, in SQLite. A version is never erased; the latest is the one that was set last."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from localcloud.database import open_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    sequence INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, value TEXT NOT NULL,
    content_type TEXT, tags TEXT NOT NULL, enabled INTEGER NOT NULL, not_before INTEGER, expires INTEGER,
    created INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (name, version));
CREATE INDEX IF NOT EXISTS versions_of_secret ON versions (name, sequence);
"""

_COLUMNS = "name, version, value, content_type, tags, enabled, not_before, expires, created, updated"


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """A version of a secret. Times are Unix seconds; `not_before` and `expires` inform the reader and bind nobody."""

    name: str
    version: str
    value: str
    content_type: str | None
    tags: Mapping[str, str]
    enabled: bool
    not_before: int | None
    expires: int | None
    created: int
    updated: int


class SecretStore:
    """All secrets of the vault. What is put here is there at once: requests read the same connection."""

    def __init__(self, database: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._sql = open_database(database, _SCHEMA)

    def close(self) -> None:
        self._sql.close()

    def put(
        self,
        name: str,
        value: str,
        tags: Mapping[str, str] | None = None,
        content_type: str | None = None,
        *,
        enabled: bool = True,
        not_before: int | None = None,
        expires: int | None = None,
    ) -> str:
        """Sets a new version, now the latest, and returns its id (32 hexadecimal digits)."""
        version, now = uuid.uuid4().hex, int(self._clock())
        self._sql.execute(
            f"INSERT INTO versions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - columns only
            (name, version, value, content_type, json.dumps(dict(tags or {})), enabled, not_before, expires, now, now),
        )
        return version

    def get(self, name: str, version: str | None = None) -> SecretVersion | None:
        """The version named, or the latest; None where there is none."""
        if version:
            return self._one("name = ? AND version = ?", name, version)
        return self._one("name = ? ORDER BY sequence DESC LIMIT 1", name)

    def update(self, secret: SecretVersion) -> SecretVersion:
        """Keeps a version's properties as given here, and says when; its value stays what it was."""
        secret = replace(secret, updated=int(self._clock()))
        self._sql.execute(
            "UPDATE versions SET tags = ?, content_type = ?, enabled = ?, not_before = ?, expires = ?, updated = ? "
            "WHERE name = ? AND version = ?",
            (
                json.dumps(dict(secret.tags)),
                secret.content_type,
                secret.enabled,
                secret.not_before,
                secret.expires,
                secret.updated,
                secret.name,
                secret.version,
            ),
        )
        return secret

    def names(self, after: str = "", limit: int = -1) -> list[str]:
        """The names of all secrets, sorted, beginning after this one."""
        rows = self._sql.execute(
            "SELECT DISTINCT name FROM versions WHERE name > ? ORDER BY name LIMIT ?", (after, limit)
        )
        return [name for (name,) in rows]

    def versions(self, name: str, after: str = "", limit: int = -1) -> list[SecretVersion]:
        """The versions of a secret by id, as Key Vault lists them: not in the order in which they were set."""
        rows = self._sql.execute(
            f"SELECT {_COLUMNS} FROM versions WHERE name = ? AND version > ? ORDER BY version LIMIT ?",  # noqa: S608
            (name, after, limit),
        )
        return [_secret(row) for row in rows]

    def _one(self, condition: str, *values: str) -> SecretVersion | None:
        query = f"SELECT {_COLUMNS} FROM versions WHERE {condition}"  # noqa: S608 - both are this module's own
        row = self._sql.execute(query, values).fetchone()
        return _secret(row) if row else None


def _secret(row: tuple[str, str, str, str | None, str, int, int | None, int | None, int, int]) -> SecretVersion:
    name, version, value, content_type, tags, enabled, not_before, expires, created, updated = row
    return SecretVersion(
        name, version, value, content_type, json.loads(tags), bool(enabled), not_before, expires, created, updated
    )
