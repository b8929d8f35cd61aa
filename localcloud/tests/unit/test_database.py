"""What a service does with its SQLite file when the file can't be written: nothing written later is lost by it."""

import sqlite3
from pathlib import Path

import pytest
from localcloud.database import is_outage, open_database, transaction
from localcloud.state_folder import StateFolder, StateFolderError

SCHEMA = """
CREATE TABLE IF NOT EXISTS parent (id INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE IF NOT EXISTS filling (octets BLOB);
"""


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    database = open_database(tmp_path / "a.sqlite", SCHEMA)
    database.execute("PRAGMA foreign_keys = ON")
    return database


def test_a_commit_that_fails_leaves_no_transaction_behind(database: sqlite3.Connection, tmp_path: Path) -> None:
    """What is written after it is kept, and not left in a transaction that never ends."""
    with pytest.raises(sqlite3.Error), transaction(database):
        database.execute("INSERT INTO child VALUES (7)")  # a parent that there is not: only the commit finds out
    with transaction(database):
        database.execute("INSERT INTO parent VALUES (1)")
    other = sqlite3.connect(tmp_path / "a.sqlite")
    assert other.execute("SELECT id, (SELECT count(*) FROM child) FROM parent").fetchall() == [(1, 0)]


def test_a_transaction_that_raises_is_undone_whole(database: sqlite3.Connection) -> None:
    """An inner one belongs to the outer."""

    def write_and_fail() -> None:
        with transaction(database):
            with transaction(database):
                database.execute("INSERT INTO parent VALUES (1)")
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    assert not database.in_transaction
    assert database.execute("SELECT count(*) FROM parent").fetchone() == (0,)


def fill(database: sqlite3.Connection) -> None:
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    database.execute("INSERT INTO filling VALUES (zeroblob(100000))")


def forbid(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA query_only = ON")
    database.execute("INSERT INTO parent VALUES (1)")


def misspell(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO parnt VALUES (1)")


def repeat(database: sqlite3.Connection) -> None:
    for _ in range(2):
        database.execute("INSERT INTO parent VALUES (1)")


@pytest.mark.parametrize(("fault", "outage"), [(fill, True), (forbid, True), (misspell, False), (repeat, False)])
def test_the_machines_faults_are_told_from_the_programs(
    database: sqlite3.Connection, fault: object, outage: bool
) -> None:
    """Only what may succeed later is worth another try."""
    with pytest.raises(sqlite3.Error) as error:
        fault(database)  # type: ignore[operator]
    assert is_outage(error.value) is outage


def test_a_full_disk_is_no_reason_to_remove_what_is_kept(tmp_path: Path) -> None:
    """A file that can't be opened for want of room is named, without the advice to begin anew."""
    folder = StateFolder(tmp_path)
    with pytest.raises(StateFolderError) as full, folder.reading("a.sqlite") as path:
        fill(open_database(path, SCHEMA))
    assert str(full.value) == (
        f"{tmp_path / 'a.sqlite'} can't be used now: database or disk is full. Make room, and try again."
    )
    folder.close()
