"""Connections to the SQLite file: one that writes, several that read, and the transaction."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import msgspec

from gateway.ids import new_id
from gateway.replay import Entry
from gateway.replay_file import ReplayFile
from gateway.store.migrate import migrate
from gateway.store.outcomes import PATIENCE, Patience

BUSY_MS = 5_000
CHECKPOINT_PAGES = 500
"""A checkpoint is part of the commit that reaches it, and others wait: with 2,000 pages one commit
in a hundred of a fan-out took 14 ms, with 500 it takes 8, at the same cost in all."""
LOG_BYTES = 64 << 20
"""The log grows while a long report reads; what it then has beyond this is given back to the disk."""


REPLAYED = """
INSERT INTO marks (name, value) VALUES ('replay', ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
"""The number of the last entry of the replay file that this database has."""


LINES = """
INSERT INTO journal (at, name, message_id, delivery_id, contact_id, sender, code, detail)
SELECT value ->> 0, ?, value ->> 1, value ->> 2, value ->> 3, value ->> 4, '', value ->> 5
FROM json_each(?)
"""


def as_json(values: Sequence[object]) -> str:
    """Return numbers, texts or tuples of them as one value that a statement takes apart (json_each):
    each statement gives the interpreter away, and has to get it back."""
    return msgspec.json.encode(values).decode()


def open_writer(path: Path) -> apsw.Connection:
    """Open the one connection that writes (and checkpoints), migrated, WAL, synchronous=FULL.

    FULL: a commit is on disk when it returns; NORMAL could lose acknowledged messages when the
    power fails (https://sqlite.org/pragma.html#pragma_synchronous).  A new file is for its owner
    alone, whatever the umask.  Raises apsw.Error.
    """
    # SQLite makes -wal and -shm of the same mode.  One that is there keeps its own, and is not opened
    # here: closing it would drop the locks that this process has on it.
    with suppress(OSError):  # SQLite tells what else is wrong
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    connection = apsw.Connection(str(path), statementcachesize=200)
    _settle_plans(connection)
    connection.set_busy_timeout(BUSY_MS)
    _write_ahead(connection)
    connection.pragma("synchronous", "full")
    connection.pragma("cache_size", -8_000)  # the system keeps the file in memory too
    connection.pragma("temp_store", "memory")
    connection.pragma("secure_delete", "fast")  # what is deleted is overwritten, at no extra write
    connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
    connection.pragma("journal_size_limit", LOG_BYTES)
    migrate(connection)
    return connection


def open_reader(path: Path) -> apsw.Connection:
    """Open a connection that cannot write and never checkpoints."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    _settle_plans(connection)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("query_only", True)
    connection.wal_autocheckpoint(0)
    return connection


def _write_ahead(connection: apsw.Connection) -> None:
    """Switch to WAL.  SQLite does not wait by itself if several processes do that at once."""
    deadline = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.pragma("journal_mode", "wal")
        except apsw.BusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _settle_plans(connection: apsw.Connection) -> None:
    """Plan each statement once.  Otherwise a build with STAT4 compiles a join again for every
    value that it gets, which takes five times as long as running it."""
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)


class SqliteTransaction:
    """What a job works with: `execute`, `one`, and the depths that are kept beside the rows."""

    def __init__(
        self,
        connection: apsw.Connection,
        suppression: bytes | None = None,
        happened: Callable[[frozenset[str]], object] = lambda names: None,
        patience: Patience = PATIENCE,
    ) -> None:
        """`suppression`: the key of the hashes by which erased people are remembered.
        `happened`: is told, once it is on disk, which events came into the journal."""
        self._connection = connection
        self.suppression = suppression
        self.patience = patience
        self.execute = connection.execute
        self._happened = happened
        self._events: set[str] = set()
        self._seen_changes = 0
        self._next_id = 0
        self._depths: Counter[tuple[int, int]] = Counter()
        self._of_job: Counter[tuple[int, int]] = Counter()
        self.known_contents: dict[bytes, int] = {}
        """Contents that are in the table, and when that was last noted there."""
        self.replay: ReplayFile | None = None
        """Where withdrawals and begun attempts are kept as well."""
        self.sent_before = False
        """Whether something went out that this database, once restored, knew nothing of."""
        self.message_keys: dict[int, bytes] = {}
        """Messages by the hash that the replay file knows them by."""
        self._entries: list[Entry] = []
        self._entries_of_job: list[Entry] = []

    def one(self, sql: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...] | None:
        """Return the first row, or None."""
        row: tuple[Any, ...] | None = self.execute(sql, values).fetchone()
        return row

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Return the rows."""
        return iter(self.execute(sql, values))

    def ids(self, n: int) -> int:
        """Return the first of n ids in a row, of which no other call returns one."""
        first = max(new_id(), self._next_id)
        self._next_id = first + n
        return first

    @property
    def system_errno(self) -> int:
        """What the operating system said when the last statement failed; 0 if nothing."""
        return int(self._connection.system_errno)

    def changed(self) -> int:
        """Return how many rows the last statement changed."""
        return int(self._connection.changes())

    def move(self, message: int, before: int | None, after: int | None, n: int = 1) -> None:
        """Note that n deliveries of a message changed their state (None: came or went)."""
        if before is not None:
            self._of_job[message, before] -= n
        if after is not None:
            self._of_job[message, after] += n

    def remember(self, entry: Entry) -> None:
        """Keep an entry in the replay file too: it is on disk before this is committed."""
        if self.replay is not None:
            self._entries_of_job.append(entry)

    def journal(
        self,
        at: int,
        name: str,
        *,
        message: int | None = None,
        delivery: int | None = None,
        contact: int | None = None,
        sender: str | None = None,
        code: str = "",
        detail: str = "",
        inbound: int | None = None,
        case: int | None = None,
        consent: int | None = None,
    ) -> None:
        """Add a line to the journal."""
        self._events.add(name)
        self.execute(
            "INSERT INTO journal (at, name, message_id, delivery_id, contact_id, sender, code,"
            " detail, inbound_id, case_id, consent_event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                at, name, message, delivery, contact, sender, code, detail, inbound, case, consent,
            ),
        )  # fmt: skip

    def journal_all(self, name: str, lines: Sequence[tuple[int, int, int, int, str, str]]) -> None:
        """Add lines of one name: (at, message, delivery, contact, sender, detail) each."""
        self._events.add(name)
        self.execute(LINES, (name, as_json(lines)))

    @contextmanager
    def whole(self) -> Iterator[None]:
        """A transaction of its own, before the writer begins its first."""
        self.begin()
        try:
            self.savepoint()
            yield
            self.release()
            self.commit()
        except BaseException:
            self.rollback()
            raise

    # --- for the writer -------------------------------------------------------------------------
    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")
        self._events.clear()
        self._of_job.clear()
        self._entries_of_job.clear()
        self._seen_changes = self._connection.total_changes()

    def savepoint(self) -> None:
        self.execute("SAVEPOINT job")
        self._of_job.clear()
        self._entries_of_job.clear()

    def release(self) -> None:
        self.execute("RELEASE job")
        self.keep()

    def keep(self) -> None:
        for key, n in self._of_job.items():
            self._depths[key] += n
        self._entries += self._entries_of_job
        self._of_job.clear()
        self._entries_of_job.clear()

    def undo(self) -> None:
        self.known_contents.clear()
        self.execute("ROLLBACK TO job")
        self.execute("RELEASE job")

    def commit(self) -> bool:
        for (message, state), n in self._depths.items():
            if n:
                self.execute(
                    "INSERT INTO depths (message_id, state, n) VALUES (?, ?, ?)"
                    " ON CONFLICT (message_id, state) DO UPDATE SET n = n + excluded.n",
                    (message, state, n),
                )
        self._depths.clear()
        changed = self._connection.total_changes() != self._seen_changes
        if self._entries and self.replay is not None:
            self.execute(REPLAYED, (self.replay.append(self._entries),))
            self.execute("COMMIT")
            self.replay.committed()
            self._entries.clear()
        else:
            self.execute("COMMIT")
        if self._events:
            self._happened(frozenset(self._events))
        return changed

    def rollback(self) -> None:
        self._depths.clear()
        self._entries.clear()
        self.known_contents.clear()
        if self.replay is not None:
            self.replay.abandon()
        if self._connection.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        try:
            if self.replay is not None:
                self.replay.close()
        finally:
            self._connection.close()
