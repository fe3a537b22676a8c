"""How long nobody was there, whether the stop was clean, and what is looked at then."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import apsw
import pytest
import trio
from prometheus_client import CollectorRegistry

from gateway import living as module
from gateway.living import Living
from gateway.metrics import Metrics
from gateway.replay import Replay
from gateway.sections import Storage
from gateway.stopping import DAMAGED, GAP, MARKETING, RESTORED
from gateway.store.protocol import Store
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import HOUR, START, House

DAY = 24 * HOUR


class Clock:
    def __init__(self) -> None:
        self.now = START

    def micros(self) -> int:
        return self.now


class Scene:
    """A store, a clock, and a gateway that comes and goes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        self.metrics = Metrics(CollectorRegistry())

    async def start(self) -> Living:
        made = Living(self.store, self.clock, Storage(), self.metrics)
        await made.begin()
        return made

    async def held(self) -> list[str]:
        return [stop.code for stop in await self.store.stops() if stop.scope == MARKETING]

    def shown(self, name: str) -> float:
        text = self.metrics.render()[0].decode()
        (line,) = (one for one in text.splitlines() if one.startswith(f"gateway_{name} "))
        return float(line.split()[1])


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with SqliteStore(tmp_path / "store.db", suppression_key=b"k" * 32) as store:
        yield Scene(store)


@pytest.mark.parametrize(
    ("away", "held"), [(0, []), (HOUR, []), (HOUR + 1, [GAP]), (-9 * HOUR, [])]
)
async def test_a_gap(scene: Scene, away: int, held: list[str]) -> None:
    """Marketing is held after more than an hour, planned or not, and the reason says from when to
    when; never at the first start."""
    first = await scene.start()
    assert await scene.held() == []
    await first.end()
    scene.clock.now += away
    await scene.start()
    assert await scene.held() == held
    if held:
        (stop,) = await scene.store.stops()
        assert "from 15 Jan 2027 08:00 UTC to 15 Jan 2027 09:00 UTC" in stop.reason


async def test_after_a_restore_the_gap_is_no_second_reason(scene: Scene) -> None:
    """One person, one command; the next long stop counts again."""
    await scene.start()
    await scene.store.stop(MARKETING, "restored", at=START, code=RESTORED)
    scene.clock.now += DAY
    await scene.start()
    assert await scene.held() == [RESTORED]
    await scene.store.resume(MARKETING, at=scene.clock.now)
    scene.clock.now += DAY
    await scene.start()
    assert await scene.held() == [GAP]


async def test_the_sign_of_life_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again, so that a day of running is no gap; a backup is shown when it was made."""
    monkeypatch.setattr(module, "EVERY", 0.001)
    made = await scene.start()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        for _ in range(5):
            scene.clock.now += HOUR // 2
            await scene.store.mark({"backup": START})
            await marked(scene, "alive", scene.clock.now)
        await marked(scene, "alive", scene.clock.now)
        assert scene.shown("backup_timestamp_seconds") == START / 1e6
        nursery.cancel_scope.cancel()
    await scene.start()
    assert await scene.held() == []


async def marked(scene: Scene, name: str, value: int) -> None:
    """Wait until a mark has a value."""
    for _ in range(1000):
        if (await scene.store.marks()).get(name) == value:
            return
        await trio.sleep(0.01)
    pytest.fail(f"{name} is not {value}")


async def checked(scene: Scene) -> None:
    """Start after an unclean stop and let the check end."""
    made = await scene.start()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        await marked(scene, "checked", scene.clock.now)
        nursery.cancel_scope.cancel()


async def test_after_an_unclean_stop_the_database_is_looked_through(scene: Scene) -> None:
    """And found whole; after a clean one nothing is."""
    first = await scene.start()
    await first.end()
    second = await scene.start()
    assert not second._unclean
    await checked(scene)
    assert (await scene.store.marks())["damages"] == 0
    assert scene.shown("store_damaged") == 0
    assert await scene.held() == []


async def test_what_the_system_refuses_ends_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No process for the check, no old file deleted: the sign of life goes on, and says why."""
    refused = 0

    def refuse(*_: object, **__: object) -> NoReturn:
        nonlocal refused
        refused += 1
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(trio, "run_process", refuse)
    monkeypatch.setattr(Replay, "forget", refuse)
    monkeypatch.setattr(module, "AGAIN", 0.001)
    await scene.start()
    made = await scene.start()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        for _ in range(1000):
            if refused >= 4:
                break
            await trio.sleep(0.01)
        assert refused >= 4, "it is tried again"
        scene.clock.now += HOUR
        await marked(scene, "alive", scene.clock.now)
        nursery.cancel_scope.cancel()
    assert "cannot begin to read the database: Read-only file system" in caplog.text
    assert "cannot delete in" in caplog.text


async def test_a_damaged_database_holds_marketing(tmp_path: Path) -> None:
    """An index that lacks a row: nothing fails by it, and only the check finds it."""
    path = tmp_path / "store.db"
    async with SqliteStore(path, suppression_key=b"k" * 32) as store:
        await House(store).confirmed(3)
        await Scene(store).start()
    connection = apsw.Connection(str(path))
    connection.pragma("writable_schema", True)
    (root,) = connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'consents_of_contact'"
    ).fetchone()
    size = connection.pragma("page_size")
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * size + 3)
        file.write(b"\0\2")  # two cells instead of three
    async with SqliteStore(path, suppression_key=b"k" * 32) as store:
        scene = Scene(store)
        await checked(scene)
        assert await scene.held() == [DAMAGED]
        assert scene.shown("store_damaged") == 1
        again = Scene(store)
        await again.start()
        assert again.shown("store_damaged") == 1, "it stays so until somebody mends it"
