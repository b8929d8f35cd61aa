"""A service's state: an SQLite file of its own in the state folder."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

_OUTAGES = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_NOMEM,
)


def open_database(path: Path, schema: str, isolation_level: Literal["DEFERRED"] | None = None) -> sqlite3.Connection:
    """Open the file and run `schema`, whose statements may be repeated. Raises `sqlite3.Error`.

    What is committed survives a killed process. With a write-ahead log and NORMAL, only a loss of power can lose it
    (https://www.sqlite.org/pragma.html#pragma_synchronous). Without an `isolation_level` each statement commits by
    itself. The connection may be used in another thread than its maker's, but never in two at once.
    """
    database = sqlite3.connect(path, isolation_level=isolation_level, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.executescript(schema)
    return database


def is_outage(error: BaseException) -> bool:
    """Whether the same statement may succeed later, for example after a full disk."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _OUTAGES


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Write everything in the block, or nothing if it raises. The database has no isolation level. Transactions nest.

    If the commit fails, for example on a full disk, it is rolled back. Left open, it would lose later writes.
    """
    if database.in_transaction:
        yield
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # SQLite ends it by itself after some errors
            database.execute("ROLLBACK")
        raise
