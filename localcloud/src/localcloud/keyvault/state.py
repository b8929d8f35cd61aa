"""The secrets and their versions, in SQLite, and which of them are deleted and can be recovered.

A secret's names compare without case. It keeps the spelling under which it was first set.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from localcloud.database import open_database, transaction
from localcloud.keyvault.limits import RETENTION_DAYS

_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    sequence INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, value TEXT NOT NULL,
    content_type TEXT, tags TEXT NOT NULL, enabled INTEGER NOT NULL, not_before INTEGER, expires INTEGER,
    created INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (name, version));
CREATE INDEX IF NOT EXISTS versions_by_name ON versions (name COLLATE NOCASE, sequence);
CREATE TABLE IF NOT EXISTS deletions (name TEXT PRIMARY KEY COLLATE NOCASE, moment INTEGER NOT NULL);
CREATE VIEW IF NOT EXISTS present AS
    SELECT * FROM versions WHERE name COLLATE NOCASE NOT IN (SELECT name FROM deletions);
CREATE VIEW IF NOT EXISTS deleted AS
    SELECT * FROM versions WHERE name COLLATE NOCASE IN (SELECT name FROM deletions);
"""
_COLUMNS = "name, version, value, content_type, tags, enabled, not_before, expires, created, updated"
_RETENTION = RETENTION_DAYS * 24 * 3600  # seconds


class NameIsDeleted(Exception):
    """The name belongs to a deleted secret until that is recovered or purged."""


class NameIsTaken(Exception):
    """A secret of this name is there."""


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """A version of a secret. Times are Unix seconds. `not_before` and `expires` inform the reader alone."""

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


@dataclass(frozen=True, slots=True)
class DeletedSecret:
    """The latest version of a deleted secret, when it was deleted, and when it is gone for good (Unix seconds)."""

    latest: SecretVersion
    deleted: int

    @property
    def scheduled_purge(self) -> int:
        return self.deleted + _RETENTION


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
        """Set a new version, now the latest, and return its id (32 hexadecimal digits); raise `NameIsDeleted`."""
        self._check_not_deleted(name)
        version, now = uuid.uuid4().hex, int(self._clock())
        given = SecretVersion(
            self.spelled(name), version, value, content_type, tags or {}, enabled, not_before, expires, now, now
        )
        self._insert(given)
        return version

    def get(self, name: str, version: str | None = None) -> SecretVersion | None:
        """Return the version named, or the latest; None if there is none, or if the secret is deleted."""
        if version:
            return self._one("present", "name = ? COLLATE NOCASE AND version = ?", name, version)
        return self._one("present", "name = ? COLLATE NOCASE ORDER BY sequence DESC LIMIT 1", name)

    def update(self, secret: SecretVersion) -> SecretVersion:
        """Keep a version's properties as given here, and say when. Its value stays what it was."""
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
        """Return the names of all secrets, sorted, beginning after this one."""
        return self._names("present", after, limit)

    def versions(self, name: str, after: str = "", limit: int = -1) -> list[SecretVersion]:
        """Return the versions of a secret by id, as Key Vault lists them: not in the order in which they were set."""
        rows = self._sql.execute(
            f"SELECT {_COLUMNS} FROM present WHERE name = ? COLLATE NOCASE AND version > ? "  # noqa: S608
            "ORDER BY version LIMIT ?",
            (name, after, limit),
        )
        return [_secret(row) for row in rows]

    def delete(self, name: str) -> DeletedSecret | None:
        """Delete a secret with all its versions, to be recovered or purged; return None if there is none."""
        found = self.get(name)
        if found is None:
            return None
        self._sql.execute("INSERT INTO deletions VALUES (?, ?)", (found.name, int(self._clock())))
        return self.get_deleted(name)

    def get_deleted(self, name: str) -> DeletedSecret | None:
        """Return the deleted secret of this name, or None."""
        self._purge_expired()
        latest = self._one("deleted", "name = ? COLLATE NOCASE ORDER BY sequence DESC LIMIT 1", name)
        if latest is None:
            return None
        (moment,) = self._sql.execute("SELECT moment FROM deletions WHERE name = ?", (name,)).fetchone()
        return DeletedSecret(latest, moment)

    def deleted_names(self, after: str = "", limit: int = -1) -> list[str]:
        """Return the names of all deleted secrets, sorted, beginning after this one."""
        self._purge_expired()
        return self._names("deleted", after, limit)

    def recover(self, name: str) -> SecretVersion | None:
        """Make a deleted secret what it was, and return its latest version; return None if there is none."""
        if self.get_deleted(name) is None:
            return None
        self._sql.execute("DELETE FROM deletions WHERE name = ?", (name,))
        return self.get(name)

    def purge(self, name: str) -> bool:
        """Erase a deleted secret with all its versions; return whether there was one."""
        if self.get_deleted(name) is None:
            return False
        self._erase(name)
        return True

    def restore(self, versions: Sequence[SecretVersion]) -> SecretVersion:
        """Put a whole secret back, oldest version first, and return its latest.

        Raises `NameIsTaken` or `NameIsDeleted`.
        """
        name = versions[0].name
        self._check_not_deleted(name)
        if self.get(name) is not None:
            raise NameIsTaken(name)
        with transaction(self._sql):
            for version in versions:
                self._insert(version)
        return versions[-1]

    def in_order(self, name: str) -> list[SecretVersion]:
        """Return the versions of a secret in the order in which they were set."""
        rows = self._sql.execute(
            f"SELECT {_COLUMNS} FROM present WHERE name = ? COLLATE NOCASE ORDER BY sequence",  # noqa: S608
            (name,),
        )
        return [_secret(row) for row in rows]

    def spelled(self, name: str) -> str:
        """Return the name as the secret has it, deleted or not; as it is given if there is none."""
        row = self._sql.execute("SELECT name FROM versions WHERE name = ? COLLATE NOCASE LIMIT 1", (name,)).fetchone()
        return str(row[0]) if row else name

    def _check_not_deleted(self, name: str) -> None:
        if self.get_deleted(name) is not None:
            raise NameIsDeleted(name)

    def _purge_expired(self) -> None:
        """Erase the secrets whose retention has ended."""
        ended = int(self._clock()) - _RETENTION
        for (name,) in self._sql.execute("SELECT name FROM deletions WHERE moment <= ?", (ended,)).fetchall():
            self._erase(name)

    def _erase(self, name: str) -> None:
        with transaction(self._sql):
            self._sql.execute("DELETE FROM versions WHERE name = ? COLLATE NOCASE", (name,))
            self._sql.execute("DELETE FROM deletions WHERE name = ?", (name,))

    def _insert(self, secret: SecretVersion) -> None:
        self._sql.execute(
            f"INSERT INTO versions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - columns only
            (
                secret.name,
                secret.version,
                secret.value,
                secret.content_type,
                json.dumps(dict(secret.tags)),
                secret.enabled,
                secret.not_before,
                secret.expires,
                secret.created,
                secret.updated,
            ),
        )

    def _names(self, state: str, after: str, limit: int) -> list[str]:
        rows = self._sql.execute(
            f"SELECT DISTINCT name FROM {state} WHERE name > ? COLLATE NOCASE "  # noqa: S608 - a view of this module
            "ORDER BY name COLLATE NOCASE LIMIT ?",
            (after, limit),
        )
        return [name for (name,) in rows]

    def _one(self, state: str, condition: str, *values: str) -> SecretVersion | None:
        query = f"SELECT {_COLUMNS} FROM {state} WHERE {condition}"  # noqa: S608 - all three are this module's own
        row = self._sql.execute(query, values).fetchone()
        return _secret(row) if row else None


def _secret(row: tuple[str, str, str, str | None, str, int, int | None, int | None, int, int]) -> SecretVersion:
    name, version, value, content_type, tags, enabled, not_before, expires, created, updated = row
    return SecretVersion(
        name, version, value, content_type, json.loads(tags), bool(enabled), not_before, expires, created, updated
    )
