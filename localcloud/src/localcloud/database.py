"""How a service of this cloud keeps its state: an SQLite file of its own in the state folder."""

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
    """The file, with the tables of `schema` (statements that may be repeated). Raises `sqlite3.Error`.

    What is committed survives the end of this process, however it ends: with a write-ahead log, NORMAL leaves only a
    loss of power to fear (https://www.sqlite.org/pragma.html#pragma_synchronous). With no `isolation_level` each
    statement commits by itself. Made in one thread, it may be used in the event loop's, never in two at once.
    """
    database = sqlite3.connect(path, isolation_level=isolation_level, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.executescript(schema)
    return database


def is_outage(error: BaseException) -> bool:
    """Whether the machine was at fault, as with a full disk, so that the same statement may succeed later."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _OUTAGES


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Everything in it is written, or nothing if it raises. Transactions nest. For a database without isolation level.

    A commit that fails, for want of room, leaves no transaction behind in which later writes would be lost.
    """
    if database.in_transaction:
        yield
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # SQLite has ended it by itself after some errors
            database.execute("ROLLBACK")
        raise
