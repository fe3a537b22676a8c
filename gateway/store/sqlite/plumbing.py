"""What the verbs stand on: the writer thread, the readers, and who sleeps until something changes."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

import apsw
import trio

from gateway.errors import StoreError, StoreFault
from gateway.message import Message
from gateway.replay import replay_folder
from gateway.replay_file import ReplayFile
from gateway.store.condition import Work
from gateway.store.copying import incoming
from gateway.store.outcomes import PATIENCE, Patience
from gateway.store.protocol import About
from gateway.store.sqlite.connection import SqliteTransaction, open_reader, open_writer
from gateway.store.sqlite.faults import fault_of
from gateway.store.sqlite.replaying import replay_after_restore
from gateway.store.sqlite.space import Space
from gateway.store.writer import Lane, Writer

T = TypeVar("T")
A = TypeVar("A")

READERS = 2


class Plumbing:
    """Runs jobs on one SQLite file: writes in the writer's thread, reads beside it."""

    def __init__(
        self,
        path: Path,
        observe: Callable[[float, int, bool], None] = lambda *_: None,
        *,
        suppression_key: bytes | None = None,
        patience: Patience = PATIENCE,
        reserve: int = 0,
    ) -> None:
        """Without `suppression_key` nobody can be erased (suppression.py), and nothing is kept for
        after a restore (replaying.py).  `reserve`: bytes that are held back on the disk; see
        space.py."""
        self.path = path
        self.space = Space(path, reserve)
        self._suppression = suppression_key
        self._patience = patience
        self._events: deque[frozenset[str]] = deque()  # of commits that nobody was told of yet
        self._writer = Writer(
            self._open,
            committed=self._committed,
            observe=observe,
            fault_of=self._fault_of,
            make_room=self.space.give,
        )
        self._readers: list[apsw.Connection] = []
        self._free = threading.Lock()
        self._reading = trio.CapacityLimiter(READERS)
        self._changes: Counter[About] = Counter()
        self._sleepers: defaultdict[About, set[trio.Event]] = defaultdict(set)
        self._messages: dict[int, Message] = {}

    def _open(self) -> SqliteTransaction:
        """Open the connection that writes; a full disk gets room from the reserve for it."""
        while True:
            try:
                return self._opened()
            except (apsw.Error, OSError) as error:
                fault = self._fault_of(error)
                if fault is None or fault.ailment != "full" or not self.space.give():
                    raise

    def _opened(self) -> SqliteTransaction:
        """Return a transaction on a connection that is brought up to the replay file."""
        tx = SqliteTransaction(
            open_writer(self.path), self._suppression, self._events.append, self._patience
        )
        if self._suppression is not None:
            file = ReplayFile(replay_folder(self.path), self._suppression)
            replay_after_restore(tx, file, time.time_ns() // 1000)
        return tx

    def _fault_of(self, error: BaseException) -> StoreFault | None:
        transaction = self._writer.transaction
        number = transaction.system_errno if isinstance(transaction, SqliteTransaction) else 0
        fault = fault_of(error, number)
        if fault is not None and fault.ailment == "failing" and not number:
            return fault_of(error, self.space.refusal())
        return fault

    async def __aenter__(self) -> Self:
        if incoming(self.path).exists() and not self.path.exists():
            raise StoreError(
                f"there is no database {self.path}: a restore did not come to its end; run"
                " `gateway restore` once more"
            )
        try:
            await self._writer.start()
        except (apsw.Error, OSError) as error:
            fault = self._fault_of(error)
            if fault is not None and fault.ailment != "failing":
                raise StoreFault(fault.ailment, f"{self.path}: {fault}") from error
            raise StoreError(f"cannot open the database {self.path}: {error}") from error
        await trio.to_thread.run_sync(self.space.look, self._writer.condition)
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

    async def _write(
        self,
        lane: Lane,
        job: Callable[[SqliteTransaction], T],
        *about: About,
        work: Work | None = None,
    ) -> T:
        """Run a job; when it is on disk, wake those who sleep until then.  `work` says what it
        is good for, if the other jobs of its lane are good for something else."""
        result = await self._writer.run(lane, job, work)
        self._note(*about)
        return result

    async def _write_together(
        self,
        lane: Lane,
        job: Callable[[SqliteTransaction, list[A]], list[T]],
        asks: A,
        *about: About,
        work: Work | None = None,
    ) -> T:
        """The same, for a job that does at once what many ask for."""
        result = await self._writer.run_together(lane, job, asks, work)
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
                if connection is not None:
                    connection.close(True)  # the next one gets another
                    connection = None
                fault = fault_of(error)
                if fault is not None and fault.ailment == "damaged":
                    self._writer.condition.met(fault)
                raise StoreError(f"cannot read the database: {fault or error}") from error
            finally:
                if connection is not None:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    with self._free:
                        self._readers.append(connection)

        return await trio.to_thread.run_sync(read, limiter=self._reading)
