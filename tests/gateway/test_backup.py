"""A backup while the gateway writes, and back again."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import apsw
import pytest
import trio

from gateway import backup as module
from gateway.backup import BESIDE, back_up, put_back
from gateway.errors import ConfigError, StoreError
from gateway.lock import only_writer
from gateway.stopping import MARKETING
from gateway.store import copying
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import START, House, phone

KEY = b"k" * 32


def read(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    try:
        return list(connection.execute(sql))
    finally:
        connection.close()


def left_behind(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir() if one.name.startswith(".")]


async def people(path: Path, first: int, n: int) -> None:
    async with SqliteStore(path, suppression_key=KEY) as store:
        await House(store).confirmed(n, first=first)


async def test_a_copy_of_one_moment_while_it_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing goes on between all steps and waits for none; the copy holds what was there when it
    began, and no one of what came later."""
    monkeypatch.setattr(copying, "PAGES", 4)
    path, target = tmp_path / "store.db", tmp_path / "copy.db"
    async with SqliteStore(path, suppression_key=KEY) as store:
        house = House(store)
        await house.confirmed(300)
        done = threading.Event()
        waits: list[float] = []

        async def write() -> None:
            n = 1000
            while not done.is_set():
                began = time.perf_counter()
                await house.confirmed(1, first=(n := n + 1))
                waits.append(time.perf_counter() - began)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            await trio.sleep(0.02)
            before = len(waits)
            size = await trio.to_thread.run_sync(lambda: back_up(path, target, at=START))
            during = len(waits) - before
            done.set()
    assert during > 5, "nobody wrote meanwhile"
    (copied,) = read(target, "SELECT count(*) FROM contacts")[0]
    assert 300 + before - 1 <= int(str(copied)) <= 300 + before + 3
    assert read(target, "SELECT value FROM marks WHERE name = 'backup'") == [(START,)]
    assert read(target, "PRAGMA journal_mode") == [("delete",)]
    assert read(target, "PRAGMA integrity_check") == [("ok",)]
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.stat().st_size == size
    assert left_behind(tmp_path) == []


async def test_a_damaged_database_gives_no_backup(tmp_path: Path) -> None:
    """What was backed up before stays, and nothing half is left behind."""
    path, target = tmp_path / "store.db", tmp_path / "copy.db"
    await people(path, 1, 400)
    target.write_bytes(b"the backup of yesterday")
    with path.open("r+b") as file:
        file.seek(9 * 4096)
        file.write(b"\xff" * 3 * 4096)
    with pytest.raises(StoreError, match="the copy is damaged, and so is the database"):
        back_up(path, target, at=START)
    assert target.read_bytes() == b"the backup of yesterday"
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("target", "error", "why"),
    [("nowhere/copy.db", StoreError, "cannot write .*nowhere"), ("", ConfigError, "is no file")],
)
async def test_a_place_that_cannot_be_written(
    tmp_path: Path, target: str, error: type[Exception], why: str
) -> None:
    path = tmp_path / "store.db"
    await people(path, 1, 1)
    with pytest.raises(error, match=why):
        back_up(path, tmp_path / target, at=START)


async def test_put_back(tmp_path: Path) -> None:
    """It is the database then; the one of before lies beside it; the next start holds marketing
    and takes from the replay file what was said."""
    path, kept = tmp_path / "store.db", tmp_path / "kept.db"
    await people(path, 1, 2)
    back_up(path, kept, at=START)
    async with SqliteStore(path, suppression_key=KEY) as store:
        house = House(store)
        await house.confirmed(1, first=3)
        house.later()
        await house.says(1, "STOP", stop=True)
        (path.parent / "store.db-wal").stat()  # it is in use: a log lies beside it
    done = put_back(kept, path, KEY, at=START)
    assert (done.withdrawals, done.sends, done.unreadable) == (1, 0, 0)
    assert done.made_at == START
    assert done.aside == tmp_path / "store.db.replaced-20270115-080000"
    assert read(done.aside, "SELECT count(*) FROM contacts") == [(3,)]
    assert kept.exists()
    async with SqliteStore(path, suppression_key=KEY) as store:
        (stop,) = await store.stops()
        assert stop.scope == MARKETING
        assert "from a backup of 15 Jan 2027 08:00 UTC" in stop.reason
        assert "1 withdrawal " in stop.reason
        assert await House(store).consent_of(await House(store).contact(1)) == "withdrawn"


def with_suffix(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@pytest.mark.parametrize("survived", range(5))
async def test_killed_while_it_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """Before each step: there is the old database, or no start before `restore` is done again; an
    empty one, or the new one with the old one's log, never."""
    path, kept = tmp_path / "store.db", tmp_path / "kept.db"
    await people(path, 1, 2)
    back_up(path, kept, at=START)
    async with SqliteStore(path, suppression_key=KEY) as store:
        await House(store).confirmed(1, first=3)
        left = {suffix: with_suffix(path, suffix).read_bytes() for suffix in BESIDE}
    for suffix, content in left.items():  # as a kill leaves it
        with_suffix(path, suffix).write_bytes(content)
    real, steps = Path.rename, 0

    def rename(old: Path, new: Path) -> Path:
        nonlocal steps
        steps += 1
        if steps > survived:
            raise KeyboardInterrupt
        return real(old, new)

    monkeypatch.setattr(Path, "rename", rename)
    ended = survived >= 4
    try:
        put_back(kept, path, KEY, at=START)
    except KeyboardInterrupt:
        assert not ended
    monkeypatch.setattr(Path, "rename", real)
    if survived and not ended:
        with pytest.raises(StoreError, match="restore` once more"):
            async with SqliteStore(path, suppression_key=KEY):
                pass
        put_back(kept, path, KEY, at=START + 1_000_000)
        ended = True
    async with SqliteStore(path, suppression_key=KEY) as store:
        assert len(await store.stops()) == ended
        found = await store.report("find_contact", identity=phone(3)[0].value)
        assert (found is None) is ended


async def test_put_back_where_nothing_is(tmp_path: Path) -> None:
    """On a new machine: without a replay file there is nothing to do again, and it says so."""
    path, kept = tmp_path / "store.db", tmp_path / "kept.db"
    await people(path, 1, 2)
    back_up(path, kept, at=START)
    new = tmp_path / "new"
    new.mkdir()
    done = put_back(kept, new / "store.db", None, at=START)
    assert (done.aside, done.withdrawals) == (None, 0)
    async with SqliteStore(new / "store.db", suppression_key=KEY) as store:
        assert [stop.code for stop in await store.stops()] == ["restored"]


async def test_root_puts_back_what_the_folders_owner_can_open(tmp_path: Path) -> None:
    """The daemon runs as a user of its own, and starts with what root made."""
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    path, kept = tmp_path / "store.db", tmp_path / "kept.db"
    await people(path, 1, 2)
    back_up(path, kept, at=START)
    new = tmp_path / "new"
    new.mkdir()
    os.chown(new, 65534, 65533)
    with only_writer(new / "store.db"):
        put_back(kept, new / "store.db", KEY, at=START)
    owners = {file.name: (file.stat().st_uid, file.stat().st_gid) for file in new.iterdir()}
    assert owners == dict.fromkeys(("store.db", "store.db.lock"), (65534, 65533))
    assert (new / "store.db").stat().st_mode & 0o777 == 0o600


async def test_what_cannot_be_given_away_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, kept = tmp_path / "store.db", tmp_path / "kept.db"
    await people(path, 1, 2)
    back_up(path, kept, at=START)
    before = path.read_bytes()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", refused)
    with pytest.raises(StoreError, match="into place: Operation not permitted"):
        put_back(kept, path, KEY, at=START)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "there is no file"),
        (b"", "is no database of this gateway"),
        (b"no database at all" * 99, "cannot be read as a database"),
    ],
)
async def test_what_is_no_backup_changes_nothing(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    path, file = tmp_path / "store.db", tmp_path / "file"
    await people(path, 1, 1)
    if content is not None:
        file.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=why):
        put_back(file, path, KEY, at=START)
    assert path.read_bytes() == before


async def test_a_newer_backup_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, kept = tmp_path / "store.db", tmp_path / "kept.db"
    await people(path, 1, 1)
    back_up(path, kept, at=START)
    monkeypatch.setattr(module, "steps", list)
    with pytest.raises(ConfigError, match="of a newer version"):
        put_back(kept, path, KEY, at=START)


def test_a_backup_of_before_marks_were_kept(tmp_path: Path) -> None:
    """It is copied as it is; then nothing of the replay file is in it."""
    old = apsw.Connection(str(tmp_path / "old.db"))
    old.execute("CREATE TABLE consent_events (x); PRAGMA user_version = 3")
    old.close()
    done = put_back(tmp_path / "old.db", tmp_path / "store.db", KEY, at=START)
    assert done.made_at is None
    assert read(tmp_path / "store.db", "PRAGMA user_version") == [(3,)]


async def test_the_copy_is_brought_to_the_disk_along_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end a million deliveries would have to be written at once, and every commit waits."""
    path = tmp_path / "store.db"
    await people(path, 1, 1)
    synced: list[int] = []
    monkeypatch.setattr(copying, "PAGES", 8)
    monkeypatch.setattr(copying, "_sync", lambda copy: synced.append(copy.stat().st_size))
    back_up(path, tmp_path / "kept.db", at=START)
    assert len(synced) > 2
    assert len(set(synced)) > 1, "while it grows"
