"""What the verbs stand on: the writer thread, the readers, and who sleeps until something changes."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import apsw
import trio

from gateway.errors import StoreError
from gateway.message import Message
from gateway.store.protocol import About
from gateway.store.sqlite.connection import SqliteTransaction, open_reader, open_writer
from gateway.store.writer import Lane, Writer

T = TypeVar("T")

READERS = 2


class Plumbing:
    """Runs jobs on one SQLite file: writes in the writer's thread, reads beside it."""

    def __init__(
        self,
        path: Path,
        observe: Callable[[float, int, bool], None] = lambda *_: None,
        *,
        suppression_key: bytes | None = None,
    ) -> None:
        """Without `suppression_key` nobody can be erased; see suppression.py."""
        self.path = path
        self._suppression = suppression_key
        self._events: deque[frozenset[str]] = deque()  # of commits that nobody was told of yet
        self._writer = Writer(
            lambda: SqliteTransaction(open_writer(path), suppression_key, self._events.append),
            committed=self._committed,
            observe=observe,
        )
        self._readers: list[apsw.Connection] = []
        self._free = threading.Lock()
        self._reading = trio.CapacityLimiter(READERS)
        self._changes: Counter[About] = Counter()
        self._sleepers: defaultdict[About, set[trio.Event]] = defaultdict(set)
        self._messages: dict[int, Message] = {}

    async def __aenter__(self) -> Self:
        try:
            await self._writer.start()
        except apsw.Error as error:
            raise StoreError(f"cannot open the database {self.path}: {error}") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._writer.stop()
        with self._free:
            for connection in self._readers:
                connection.close()
            self._readers.clear()

    def _committed(self) -> None:
        self._note("all")
        while self._events:
            self._note(*self._events.popleft())

    def _note(self, *topics: About) -> None:
        for about in topics:
            self._changes[about] += 1
            for sleeper in self._sleepers.pop(about, ()):
                sleeper.set()

    def changes(self, *about: About) -> int:
        return sum(self._changes[one] for one in about or ("all",))

    async def changed(self, since: int, *about: About) -> None:
        while self.changes(*about) <= since:
            woken = trio.Event()
            for one in about or ("all",):
                self._sleepers[one].add(woken)
            try:
                await woken.wait()
            finally:
                for one in about or ("all",):
                    self._sleepers[one].discard(woken)

    def waiting(self) -> dict[str, int]:
        """Return how many jobs wait, by lane."""
        return {lane.name.lower(): self._writer.waiting(lane) for lane in Lane}

    async def _write(self, lane: Lane, job: Callable[[SqliteTransaction], T], *about: About) -> T:
        """Run a job; when it is on disk, wake those who sleep until then."""
        result = await self._writer.run(lane, job)
        self._note(*about)
        return result

    async def _read(self, job: Callable[[SqliteTransaction], T]) -> T:
        def read() -> T:
            connection = None
            try:
                with self._free:
                    connection = self._readers.pop() if self._readers else open_reader(self.path)
                connection.execute("BEGIN")  # one snapshot for all statements of a report
                result = job(SqliteTransaction(connection, self._suppression))
                connection.execute("COMMIT")
                return result
            except apsw.Error as error:
                raise StoreError(f"cannot read the database: {error}") from error
            finally:
                if connection is not None:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    with self._free:
                        self._readers.append(connection)

        return await trio.to_thread.run_sync(read, limiter=self._reading)
