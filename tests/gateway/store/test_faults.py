"""A locked, read-only, failing or damaged database: named, kept, and well again by itself."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
import trio

from gateway.errors import StoreError, StoreFault
from gateway.store.sqlite import SqliteStore, connection
from gateway.store.sqlite.faults import fault_of
from tests.gateway.store.house import House
from tests.small_disk import small_disk

KEY = b"k" * 32

HOLDER = """
import sqlite3, sys
it = sqlite3.connect(sys.argv[1], isolation_level=None)
it.execute("PRAGMA journal_mode = wal")
it.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
it.execute("ROLLBACK")
it.close()
print("free", flush=True)
sys.stdin.readline()
"""


class Holder:
    """Another process that holds the write lock of a database until it is told to let go."""

    def __init__(self, database: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._hears("held")

    def _hears(self, word: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"{word}\n"

    def let_go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        self._hears("free")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def held(database: Path) -> Iterator[Holder]:
    holder = Holder(database)
    try:
        yield holder
    finally:
        holder.close()


class Faulty(apsw.VFS):
    """The file system, with writes that fail while `error` is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.below = apsw.vfs_names()[0]
        super().__init__("faulty", self.below, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, vfs: Faulty, name: Any, flags: list[int]) -> None:
        self._vfs = vfs
        super().__init__(vfs.below, name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        if self._vfs.error is not None:
            raise self._vfs.error
        super().xWrite(data, offset)


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    vfs = Faulty()
    yield vfs
    vfs.unregister()
    assert apsw.vfs_names()[0] == vfs.below


def opened(folder: Path) -> SqliteStore:
    return SqliteStore(folder / "store.db", suppression_key=KEY)


# --- locked -------------------------------------------------------------------------------------
async def test_locked_by_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for more than the first: what is new is refused at once, what is there can be
    read; once the lock is gone the next look finds that."""
    monkeypatch.setattr(connection, "BUSY_MS", 50)
    async with opened(tmp_path) as store:
        house = House(store)
        await house.confirmed(5)
        message = await house.started()
        delivery = await house.sending()
        with held(store.path) as holder:
            with pytest.raises(StoreFault, match="another process"):
                await house.settle(delivery)
            assert store.condition.ailment == "locked"
            commits = store.changes()
            with trio.fail_after(0.04):
                for new in (house.accepted, house.leased):
                    with pytest.raises(StoreFault):
                        await new()
            assert await house.state(message, delivery.contact) == "sending"
            await store.tend()
            assert store.condition.ailment == "locked"
            holder.let_go()
            await store.tend()
        assert store.condition.ailment is None
        await house.settle(delivery)
        assert await house.state(message, delivery.contact) == "accepted"
        await house.accepted()
        assert store.changes() > commits


async def test_all_that_waits_for_a_lock_is_refused_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The patience of one transaction is not spent again for each that waits behind it."""
    monkeypatch.setattr(connection, "BUSY_MS", 200)
    async with opened(tmp_path) as store:
        house = House(store)
        refused = 0

        async def say(n: int) -> None:
            nonlocal refused
            with pytest.raises(StoreFault):
                await house.says(n, "Hallo")
            refused += 1

        with held(store.path):
            started = trio.current_time()
            async with trio.open_nursery() as nursery:
                for n in range(30):
                    nursery.start_soon(say, n)
        assert refused == 30
        assert trio.current_time() - started < 30 * 0.2 / 2


# --- a disk that may only be read, or fails -----------------------------------------------------
async def test_a_disk_that_becomes_read_only(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """As the kernel makes it after an error: named, and all that is there can be read."""
    disk = small_disk(request, tmp_path / "disk", 16, journal=True)
    async with opened(disk.path) as store:
        house = House(store)
        await house.confirmed(5)
        message = await house.started()
        delivery = await house.sending()
        disk.break_off()
        with pytest.raises(StoreFault, match="read-only"):
            await house.settle(delivery)
        with pytest.raises(StoreFault, match="read-only"):
            await house.accepted()
        await store.tend()
        assert store.condition.ailment == "readonly"
        assert await house.state(message, delivery.contact) == "sending"


@pytest.mark.parametrize(
    ("error", "ailment"),
    [
        (apsw.exception_for(apsw.SQLITE_IOERR_WRITE), "failing"),
        (apsw.exception_for(apsw.SQLITE_FULL), "full"),
        (apsw.exception_for(apsw.SQLITE_READONLY), "readonly"),
    ],
)
async def test_what_failed_works_again(
    tmp_path: Path, faulty: Faulty, error: Exception, ailment: str
) -> None:
    """Each write fails for a while: nothing of it is kept in part, and afterwards all goes on."""
    async with opened(tmp_path) as store:
        house = House(store)
        await house.confirmed(5)
        message = await house.started()
        delivery = await house.sending()
        faulty.error = error
        for _ in range(3):
            with pytest.raises(StoreFault):
                await house.settle(delivery)
            assert store.condition.ailment == ailment
            with pytest.raises(StoreFault):
                await house.accepted()
            if ailment != "full":  # there is room here, so that one is well at once
                await store.tend()
                assert store.condition.ailment == ailment
        faulty.error = None
        await store.tend()
        assert store.condition.ailment is None
        await house.settle(delivery)
        assert await house.state(message, delivery.contact) == "accepted"
        await house.accepted()
        assert await store.report("messages")


# --- damaged ------------------------------------------------------------------------------------
async def test_a_damaged_table_stops_what_is_new(tmp_path: Path) -> None:
    """What ends something is still tried, since other tables are whole; nothing lifts it but a
    restart; a webhook is left to be brought again, to a database that was restored."""
    async with opened(tmp_path) as store:
        house = House(store)
        people = await house.confirmed(400)
        await house.started()
        delivery = await house.sending()
    spoil(store.path, "messages")
    async with opened(tmp_path) as store:
        house = House(store)
        with pytest.raises(StoreError, match="damaged"):
            await store.report("messages")
        assert store.condition.ailment == "damaged"
        assert "gateway restore" in (store.condition.problem or "")
        with pytest.raises(StoreFault):
            await house.accepted()
        with pytest.raises(StoreFault):
            await house.says(1, "Hallo")
        await store.stop("all", "damaged", at=house.at())
        await store.tend()
        assert store.condition.ailment == "damaged"
    assert people
    assert delivery


def spoil(database: Path, table: str) -> None:
    """Overwrite the pages of one table, as a bad disk does."""
    plain = apsw.Connection(str(database))
    plain.pragma("wal_checkpoint", "truncate")
    found = plain.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).get
    root = int(str(found))
    size = int(plain.pragma("page_size"))
    plain.close()
    with database.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)


async def test_what_is_no_database_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"This is a letter, and no database at all. " * 100)
    with pytest.raises(StoreFault, match=r"store\.db: the database is damaged"):
        async with opened(tmp_path):
            pass


async def test_a_lock_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_MS", 50)
    with (
        held(tmp_path / "store.db"),
        pytest.raises(StoreFault, match=r"store\.db: another process"),
    ):
        async with opened(tmp_path):
            pass


# --- names --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "number", "ailment"),
    [
        (apsw.exception_for(apsw.SQLITE_FULL), 0, "full"),
        (apsw.exception_for(apsw.SQLITE_IOERR_WRITE), errno.ENOSPC, "full"),
        (apsw.exception_for(apsw.SQLITE_IOERR_WRITE), errno.EDQUOT, "full"),
        (apsw.exception_for(apsw.SQLITE_IOERR_WRITE), errno.EROFS, "readonly"),
        (apsw.exception_for(apsw.SQLITE_IOERR_WRITE), errno.EIO, "failing"),
        (apsw.exception_for(apsw.SQLITE_IOERR_WRITE), 0, "failing"),
        (apsw.exception_for(apsw.SQLITE_IOERR_SHMSIZE), 0, "full"),
        (apsw.exception_for(apsw.SQLITE_READONLY_DBMOVED), 0, "damaged"),
        (apsw.exception_for(apsw.SQLITE_CANTOPEN), errno.EACCES, "readonly"),
        (apsw.exception_for(apsw.SQLITE_READONLY), 0, "readonly"),
        (apsw.exception_for(apsw.SQLITE_BUSY), 0, "locked"),
        (apsw.exception_for(apsw.SQLITE_CORRUPT_VTAB), 0, "damaged"),
        (apsw.exception_for(apsw.SQLITE_NOTADB), 0, "damaged"),
        (apsw.exception_for(apsw.SQLITE_ERROR), 0, None),
        (apsw.exception_for(apsw.SQLITE_CONSTRAINT), 0, None),
        (OSError(errno.ENOSPC, "x"), 0, "full"),
        (OSError(errno.EROFS, "x"), 0, "readonly"),
        (OSError(errno.ENOENT, "x"), 0, None),
        (ValueError("x"), 0, None),
    ],
)
def test_errors_by_name(error: Exception, number: int, ailment: str | None) -> None:
    fault = fault_of(error, number)
    assert (fault and fault.ailment) == ailment
