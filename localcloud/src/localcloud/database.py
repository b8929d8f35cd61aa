"""How a service of this cloud keeps its state: an SQLite file of its own in the state folder."""

import sqlite3
from pathlib import Path
from typing import Literal


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
