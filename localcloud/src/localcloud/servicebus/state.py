"""What the broker keeps, in SQLite: messages, sequence numbers and the message ids of duplicate detection.

A write becomes durable with `commit`, which the broker calls before anything that depends on it leaves on a wire.
Locks are not kept: they end with the process. That a delivery was begun is kept, so a message that was locked when
the broker stopped is available again with that delivery counted, as if its lock had expired.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from localcloud.database import open_database
from localcloud.servicebus import errors
from localcloud.servicebus.amqp.decoder import decode
from localcloud.servicebus.amqp.encoder import encode
from localcloud.servicebus.amqp.message import Message
from localcloud.servicebus.amqp.types import Value

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queue (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (
    queue TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    state INTEGER NOT NULL,
    enqueued REAL NOT NULL,
    expires REAL,
    due REAL,
    deliveries INTEGER NOT NULL,
    first_sequence INTEGER NOT NULL,
    body BLOB NOT NULL,
    session TEXT,
    hops INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, sequence)
);
CREATE INDEX IF NOT EXISTS message_expires ON message (queue, expires) WHERE expires IS NOT NULL;
CREATE INDEX IF NOT EXISTS message_due ON message (queue, due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS duplicate (
    queue TEXT NOT NULL, message_id TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (queue, message_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
    queue TEXT NOT NULL, id TEXT NOT NULL, state BLOB NOT NULL, updated REAL NOT NULL, PRIMARY KEY (queue, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rule (
    subscription TEXT NOT NULL, name TEXT NOT NULL, description BLOB NOT NULL, PRIMARY KEY (subscription, name)
);
CREATE TABLE IF NOT EXISTS declared (subscription TEXT PRIMARY KEY, rules BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS duplicate_until ON duplicate (until);
CREATE TABLE IF NOT EXISTS probe (filling BLOB NOT NULL);
"""
_ROOM = 512 * 1024  # bytes: a message of the largest size, and more

_COLUMNS = "sequence, state, enqueued, expires, due, deliveries, first_sequence, body, session, hops"
_ADDED = {"session": "TEXT", "hops": "INTEGER NOT NULL DEFAULT 0"}  # columns that an older file lacks


class MessageState(IntEnum):
    """As the annotation `x-opt-message-state` has it."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(slots=True)
class Stored:
    """A message in a queue. Times are Unix times; `due` is when a scheduled one becomes active.

    `deliveries` counts those begun. `first_sequence` is the number that the message had where it was first enqueued,
    `session` the id of its session in an entity that requires sessions, `hops` how often it was forwarded.
    """

    sequence: int
    state: MessageState
    enqueued: float
    expires: float | None
    due: float | None
    deliveries: int
    first_sequence: int
    body: bytes
    session: str | None = None
    hops: int = 0

    def of(self, message: Message) -> "Stored":
        """The same with another message."""
        return replace(self, body=message.encode())


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages a queue holds in each state, and their bytes."""

    active: int
    deferred: int
    scheduled: int
    size: int


class State:
    """The broker's database. One process at a time.

    While it is `suspended`, because the disk is full, say, it is only read.
    """

    def __init__(self, path: Path) -> None:
        self._database = open_database(path, _SCHEMA, isolation_level="DEFERRED")
        present = {row[1] for row in self._database.execute("PRAGMA table_info(message)")}
        for column, kind in _ADDED.items():
            if column not in present:
                self._database.execute(f"ALTER TABLE message ADD COLUMN {column} {kind}")
        self._sequences: dict[str, int] = {}
        self._numbered: set[str] = set()
        self.suspended = False

    def require_writable(self) -> None:
        """Raises `AmqpError` while nothing can be stored: what would change a queue begins with this."""
        if self.suspended:
            raise errors.server_busy()

    def resume(self) -> None:
        """Ends the suspension if there is room for a message again; raises `sqlite3.Error` if not."""
        self._database.execute("INSERT INTO probe VALUES (zeroblob(?))", (_ROOM,))
        self._database.commit()
        self._database.execute("DELETE FROM probe")
        self._database.commit()
        self.suspended = False

    def commit(self) -> None:
        """Makes durable what was written since the last commit, in one transaction."""
        for queue in self._numbered:
            self._database.execute("INSERT OR REPLACE INTO queue VALUES (?, ?)", (queue, self._sequences[queue]))
        self._numbered.clear()
        self._database.commit()

    def rollback(self) -> None:
        """Forgets what was written since the last commit."""
        self._database.rollback()
        self._sequences.clear()
        self._numbered.clear()

    def close(self) -> None:
        self._database.close()

    def next_sequence(self, queue: str) -> int:
        """The queue's next sequence number. They begin at 1 and are never used again."""
        if queue not in self._sequences:
            row = self._database.execute("SELECT sequence FROM queue WHERE name = ?", (queue,)).fetchone()
            self._sequences[queue] = row[0] if row else 0
        self._sequences[queue] += 1
        self._numbered.add(queue)
        return self._sequences[queue]

    def insert(self, queue: str, message: Stored) -> None:
        self._database.execute(
            f"INSERT INTO message (queue, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant columns
            (
                queue,
                message.sequence,
                int(message.state),
                message.enqueued,
                message.expires,
                message.due,
                message.deliveries,
                message.first_sequence,
                message.body,
                message.session,
                message.hops,
            ),
        )

    def get(self, queue: str, sequence: int) -> Stored | None:
        found = self._select(queue, "AND sequence = ?", (sequence,))
        return found[0] if found else None

    def delete(self, queue: str, sequence: int) -> None:
        self._database.execute("DELETE FROM message WHERE queue = ? AND sequence = ?", (queue, sequence))

    def set_deliveries(self, queue: str, sequence: int, deliveries: int) -> None:
        self._database.execute(
            "UPDATE message SET deliveries = ? WHERE queue = ? AND sequence = ?", (deliveries, queue, sequence)
        )

    def set_state(self, queue: str, sequence: int, state: MessageState) -> None:
        """A scheduled message that becomes active is due no more."""
        self._database.execute(
            "UPDATE message SET state = ?, due = NULL WHERE queue = ? AND sequence = ?", (int(state), queue, sequence)
        )

    def set_body(self, queue: str, sequence: int, body: bytes) -> None:
        self._database.execute("UPDATE message SET body = ? WHERE queue = ? AND sequence = ?", (body, queue, sequence))

    def active(self, queue: str) -> list[tuple[int, int, str | None]]:
        """Sequence number, deliveries and session of each active message, in order."""
        return self._database.execute(
            "SELECT sequence, deliveries, session FROM message WHERE queue = ? AND state = 0 ORDER BY sequence",
            (queue,),
        ).fetchall()

    def peek(self, queue: str, sequence: int, limit: int, session: str | None) -> list[Stored]:
        """Messages in any state, from this sequence number on, and of this session if one is given."""
        if session is None:
            return self._select(queue, "AND sequence >= ? ORDER BY sequence LIMIT ?", (sequence, limit))
        values = (session, sequence, limit)
        return self._select(queue, "AND session = ? AND sequence >= ? ORDER BY sequence LIMIT ?", values)

    def expired(self, queue: str, now: float) -> list[Stored]:
        """Active messages whose time to live is over."""
        return self._select(queue, "AND expires <= ? AND state = 0 ORDER BY sequence", (now,))

    def due(self, queue: str, now: float) -> list[Stored]:
        """Scheduled messages whose time has come."""
        return self._select(queue, "AND due <= ? ORDER BY due, sequence", (now,))

    def next_time(self, queue: str, now: float) -> float | None:
        """When the next message of the queue expires or becomes due, after now."""
        times = self._database.execute(
            "SELECT min(expires) FROM message WHERE queue = :queue AND expires > :now"
            " UNION SELECT min(due) FROM message WHERE queue = :queue AND due > :now",
            {"queue": queue, "now": now},
        ).fetchall()
        return min((time for (time,) in times if time is not None), default=None)

    def counts(self, queue: str) -> Counts:
        rows = self._database.execute(
            "SELECT state, count(*), sum(length(body)) FROM message WHERE queue = ? GROUP BY state", (queue,)
        ).fetchall()
        number = {state: count for state, count, _ in rows}
        return Counts(number.get(0, 0), number.get(1, 0), number.get(2, 0), sum(size for _, _, size in rows))

    def session_state(self, queue: str, session: str) -> bytes | None:
        row = self._database.execute(
            "SELECT state FROM session WHERE queue = ? AND id = ?", (queue, session)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def set_session_state(self, queue: str, session: str, state: bytes | None, now: float) -> None:
        """Without a state, the one that the session has is forgotten."""
        if state is None:
            self._database.execute("DELETE FROM session WHERE queue = ? AND id = ?", (queue, session))
        else:
            self._database.execute("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?)", (queue, session, state, now))

    def sessions_with_messages(self, queue: str) -> list[str]:
        """The ids of the sessions that have active messages, in order."""
        return self._ids(
            "SELECT DISTINCT session FROM message WHERE queue = ? AND state = 0 ORDER BY session", (queue,)
        )

    def sessions_updated(self, queue: str, since: float) -> list[str]:
        """The ids of the sessions whose state was set after this time, in order."""
        return self._ids("SELECT id FROM session WHERE queue = ? AND updated > ? ORDER BY id", (queue, since))

    def rules(self, subscription: str, declared: list[tuple[str, Value]]) -> list[tuple[str, Value]]:
        """The name and the description of each rule, in the order in which they were added.

        If other rules are declared than before, these take the place of all.
        """
        encoded = encode([[name, description] for name, description in declared])
        row = self._database.execute("SELECT rules FROM declared WHERE subscription = ?", (subscription,)).fetchone()
        if row is None or bytes(row[0]) != encoded:
            self._database.execute("DELETE FROM rule WHERE subscription = ?", (subscription,))
            for name, description in declared:
                self.add_rule(subscription, name, description)
            self._database.execute("INSERT OR REPLACE INTO declared VALUES (?, ?)", (subscription, encoded))
        rows = self._database.execute(
            "SELECT name, description FROM rule WHERE subscription = ? ORDER BY rowid", (subscription,)
        )
        return [(name, decode(bytes(description))[0]) for name, description in rows]

    def add_rule(self, subscription: str, name: str, description: Value) -> None:
        self._database.execute("INSERT INTO rule VALUES (?, ?, ?)", (subscription, name, encode(description)))

    def remove_rule(self, subscription: str, name: str) -> None:
        self._database.execute("DELETE FROM rule WHERE subscription = ? AND name = ?", (subscription, name))

    def _ids(self, statement: str, values: tuple[float | str, ...]) -> list[str]:
        return [row[0] for row in self._database.execute(statement, values)]

    def is_duplicate(self, queue: str, message_id: str, now: float) -> bool:
        """Whether the queue took a message of this id within its window."""
        row = self._database.execute(
            "SELECT 1 FROM duplicate WHERE queue = ? AND message_id = ? AND until > ?", (queue, message_id, now)
        ).fetchone()
        return row is not None

    def remember(self, queue: str, message_id: str, until: float) -> None:
        self._database.execute("INSERT OR REPLACE INTO duplicate VALUES (?, ?, ?)", (queue, message_id, until))

    def forget_duplicates(self, now: float) -> None:
        """Drops the ids whose window is over."""
        self._database.execute("DELETE FROM duplicate WHERE until <= ?", (now,))

    def _select(self, queue: str, condition: str, values: Iterable[float | str]) -> list[Stored]:
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM message WHERE queue = ? {condition}",  # noqa: S608 - constant conditions
            (queue, *values),
        )
        return [Stored(row[0], MessageState(row[1]), *row[2:]) for row in rows]
