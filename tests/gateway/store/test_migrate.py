"""Numbered steps, each once, whoever comes at the same time."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import apsw
import pytest

from gateway.errors import StoreError
from gateway.store import migrate as module
from gateway.store.migrate import migrate, steps, version
from gateway.store.sqlite import SqliteStore
from gateway.store.sqlite.accepting import NUMBER
from gateway.store.sqlite.connection import open_writer

STEPS = [
    (1, "0001_a.sql", "CREATE TABLE a (x); INSERT INTO a VALUES (1);"),
    (2, "0002_b.sql", "CREATE TABLE b (y); INSERT INTO a VALUES (2);"),
]


def open_plain(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(10_000)
    return connection


def migrate_in_a_process(path: Path, start: multiprocessing.synchronize.Barrier) -> None:
    module.steps = lambda: STEPS
    start.wait(20)
    open_writer(path).close()


def test_many_processes_at_once(tmp_path: Path) -> None:
    """Six processes that open one new file at the same moment apply each step once."""
    path = tmp_path / "store.db"
    context = multiprocessing.get_context("fork")
    start = context.Barrier(6)
    processes = [context.Process(target=migrate_in_a_process, args=(path, start)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0] * 6
    connection = open_plain(path)
    assert list(connection.execute("SELECT x FROM a ORDER BY x")) == [(1,), (2,)]
    assert version(connection) == 2
    connection.close()


@pytest.mark.parametrize(("there", "mode"), [(None, 0o600), (0o640, 0o640)])
def test_a_new_database_is_for_its_owner_alone(
    tmp_path: Path, there: int | None, mode: int
) -> None:
    """Also when it is run by hand, where the umask lets all read; one that is there keeps its mode."""
    path = tmp_path / "store.db"
    before = os.umask(0o022)
    try:
        if there is not None:
            path.touch()
            path.chmod(there)
        connection = open_writer(path)
        connection.execute("CREATE TABLE mine (x)")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        connection.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), mode)


def test_a_step_that_fails_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its tables nor its number stay; the steps before it do; mended it goes on."""
    connection = open_plain(tmp_path / "store.db")
    broken = (3, "0003_c.sql", "CREATE TABLE c (z); INSERT INTO nowhere VALUES (1);")
    monkeypatch.setattr(module, "steps", lambda: [*STEPS, broken])
    with pytest.raises(StoreError, match=r"0003_c\.sql failed.*nowhere"):
        migrate(connection)
    assert version(connection) == 2
    names = "SELECT name FROM sqlite_schema ORDER BY name"
    assert list(connection.execute(names)) == [("a",), ("b",)]
    assert not connection.in_transaction
    mended = (3, "0003_c.sql", "CREATE TABLE c (z);")
    monkeypatch.setattr(module, "steps", lambda: [*STEPS, mended])
    assert migrate(connection) == 1
    assert migrate(connection) == 0
    connection.close()


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """An older program does not touch it, and says what to do."""
    path = tmp_path / "store.db"
    connection = open_plain(path)
    connection.pragma("user_version", 99)
    connection.close()
    with pytest.raises(StoreError, match=r"newer version \(99.*install the newer program"):
        async with SqliteStore(path):
            pass


async def test_a_place_that_cannot_be_opened(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(StoreError, match=r"cannot open the database .*nowhere"):
        async with SqliteStore(tmp_path / "nowhere" / "store.db"):
            pass


def test_the_steps_have_no_gaps() -> None:
    """1, 2, 3, … with a name each."""
    found = steps()
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    assert found[0][1] == "0001_initial.sql"


def test_a_database_of_before_goes_on_counting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages that are there keep their numbers; the next one follows the highest."""
    connection = open_plain(tmp_path / "store.db")
    first, *later = steps()
    monkeypatch.setattr(module, "steps", lambda: [first])
    assert migrate(connection) == 1
    row = "7, 41, 'blog', 'marketing', NULL, 'wa', NULL, 2, 'ready', x'', x'', 1"
    connection.execute(
        "INSERT INTO messages (id, number, input, kind, topic, sender, contact_id, priority,"
        f" state, original, body, accepted_at) VALUES ({row})"
    )
    monkeypatch.setattr(module, "steps", lambda: [first, *later])
    assert migrate(connection) == len(later)
    assert connection.execute(NUMBER).fetchall() == [(42,)]
    connection.close()


def test_what_the_writer_asks_of_sqlite(tmp_path: Path) -> None:
    """Accepted means durable: write-ahead log, synced at every commit."""
    connection = open_writer(tmp_path / "store.db")
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    connection.close()


def test_what_was_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a step changes a database it is copied; a new one is not, and two copies are kept."""
    connection = open_plain(tmp_path / "store.db")
    for number in range(1, 5):
        sql = f"CREATE TABLE t{number} (x)"
        grown = [*STEPS[:1], *((n, f"{n:04d}_x.sql", sql) for n in range(2, number + 1))]
        monkeypatch.setattr(module, "steps", lambda grown=grown: grown)
        assert migrate(connection) == 1
    connection.close()
    copies = sorted(path.name for path in tmp_path.glob("store.db.before-*"))
    assert copies == ["store.db.before-0003", "store.db.before-0004"]
    before = open_plain(tmp_path / "store.db.before-0004")
    assert version(before) == 3
    assert list(before.execute("SELECT name FROM sqlite_schema WHERE name LIKE 't_'")) == [
        ("t2",), ("t3",),
    ]  # fmt: skip
    before.close()


def test_without_room_for_the_copy_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = open_plain(tmp_path / "store.db")
    monkeypatch.setattr(module, "steps", lambda: STEPS[:1])
    migrate(connection)
    monkeypatch.setattr(module, "steps", lambda: STEPS)

    def full(*_: object, **__: object) -> int:
        raise StoreError("cannot write: no space")

    monkeypatch.setattr(module, "copy", full)
    with pytest.raises(StoreError, match="no space"):
        migrate(connection)
    assert version(connection) == 1
    connection.close()
