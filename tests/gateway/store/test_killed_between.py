"""Killed between any two writes, and then restored from an older backup too: what was acknowledged
counts, what was begun goes to nobody a second time, and the rest still goes.

What a kill leaves is a copy of the folder, made before and after each write of the replay file and
each commit that belongs to it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from gateway.message import Basis
from gateway.replay import Entry
from gateway.replay_file import ReplayFile
from gateway.store.copying import copy
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import House

KEY = b"k" * 32
NAME = "store.db"
PEOPLE = 7

Pair = tuple[int, int]


class Known(NamedTuple):
    """What was acknowledged at some moment."""

    gone: frozenset[int]
    begun: frozenset[Pair]


class Moment(NamedTuple):
    """What a kill at one moment leaves."""

    when: str
    folder: Path
    known: Known


class Camera:
    """Copies the folder whenever something is about to be written, or was."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.live, self.shots = folder / "live", folder / "shots"
        self.live.mkdir()
        self.gone: set[int] = set()
        self.begun: set[Pair] = set()
        self.moments: list[Moment] = []
        self.running = False
        append, committed = ReplayFile.append, ReplayFile.committed

        def appending(file: ReplayFile, entries: Sequence[Entry]) -> int:
            self.shoot("before the replay file")
            number = append(file, entries)
            self.shoot("between replay file and commit")
            return number

        def noting(file: ReplayFile) -> None:
            self.shoot("after the commit")
            committed(file)
            self.shoot("after its note")

        monkeypatch.setattr(ReplayFile, "append", appending)
        monkeypatch.setattr(ReplayFile, "committed", noting)

    def shoot(self, when: str) -> None:
        if self.running:
            target = self.shots / str(len(self.moments))
            shutil.copytree(self.live, target)
            known = Known(frozenset(self.gone), frozenset(self.begun))
            self.moments.append(Moment(when, target, known))


async def live_through(camera: Camera) -> list[int]:
    """Send, and let people leave in each way; returns everybody."""
    async with SqliteStore(camera.live / NAME, suppression_key=KEY) as store:
        house = House(store)
        people = await house.confirmed(PEOPLE)
        for _ in range(2):
            await house.started()
        connection = apsw.Connection(str(camera.live / NAME))
        copy(connection, camera.live / "kept.db", pause=0.0)
        connection.close()
        camera.running = True
        for n in range(4):
            house.later()
            delivery = await house.sending()
            camera.begun.add((delivery.message.id, delivery.contact))
            if n % 2 == 0:
                await house.settle(delivery)
            if n == 1:
                await house.says(PEOPLE, "STOP", stop=True)
                camera.gone.add(people[-1])
            if n == 2:
                await store.withdraw([people[-2]], source="person", topic="news", at=house.at())
                camera.gone.add(people[-2])
            if n == 3:
                erased = await store.erase(people[-3], by="anna", reason="x", at=house.at())
                assert not erased.refused
                camera.gone.add(people[-3])
        camera.running = False
    return people


async def lives_on(folder: Path, known: Known) -> set[Pair]:
    """Start on what is there, and send all that goes; returns it."""
    seen: set[Pair] = set()
    async with SqliteStore(folder / NAME, suppression_key=KEY) as store:
        house = House(store)
        house.now += 3600 * 10**6
        await store.recover(at=house.at())
        for stop in await store.stops():
            await store.resume(stop.scope, at=house.at())
        while found := await house.lease():
            for one in found:
                basis = Basis(kind="consent", event=one.permissions.consent)
                delivery = one.replace(basis=basis)
                if await house.begin(delivery) is None:
                    pair = (delivery.message.id, delivery.contact)
                    assert pair not in known.begun | seen, "a second copy"
                    assert delivery.contact not in known.gone, "after a STOP"
                    seen.add(pair)
                    await house.settle(delivery)
    return seen


def put_back(folder: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (folder / f"{NAME}{suffix}").unlink(missing_ok=True)
    shutil.copy(folder / "kept.db", folder / NAME)


async def test_killed_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Camera(tmp_path, monkeypatch)
    people = await live_through(camera)
    assert len(camera.moments) == 4 * 7, "four sends and three who left"
    for moment in camera.moments:
        restored = moment.folder.with_name(f"{moment.folder.name}-restored")
        shutil.copytree(moment.folder, restored)
        put_back(restored)
        await lives_on(restored, moment.known)

        seen = await lives_on(moment.folder, moment.known)
        known = moment.known._replace(begun=moment.known.begun | seen)
        messages = {message for message, _ in known.begun}
        entitled = {(message, contact) for message in messages for contact in people[:-3]}
        missing = entitled - known.begun
        assert len(missing) <= 1, "one was on its way, without anybody having been told"
        if moment.when.startswith(("before", "between")):
            assert not missing, "it was not begun, so it has to go"
        put_back(moment.folder)
        assert not await lives_on(moment.folder, known), "all is known from the replay file"
