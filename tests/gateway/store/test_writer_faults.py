"""The writer thread, whose engine meets faults of the whole store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from gateway.errors import StoreFault
from gateway.store.writer import Lane, Writer
from tests.gateway.store.test_writer import Desk, Fake


class Broken(Desk):
    """A writer whose engine meets faults: `faults` are raised by COMMIT, one after the other."""

    def __init__(self, room: int = 0) -> None:
        self.opened: list[Fake] = []
        self.faults: list[StoreFault] = []
        self.disk: list[Any] = []
        self.room = room
        writer = Writer(self._open, fault_of=_fault, make_room=self._make_room)
        super().__init__(writer, Fake(), [])

    def _open(self) -> Fake:
        fake = Fake()
        fake.rows = self.disk
        commit = fake.commit

        def failing() -> bool:
            if self.faults:
                raise self.faults.pop(0)
            return commit()

        fake.commit = failing  # type: ignore[method-assign]
        self.opened.append(fake)
        return fake

    def _make_room(self) -> bool:
        self.room -= 1
        return self.room >= 0


def _fault(error: BaseException) -> StoreFault | None:
    return error if isinstance(error, StoreFault) else None


@asynccontextmanager
async def broken(room: int = 0) -> AsyncIterator[Broken]:
    desk = Broken(room)
    await desk.writer.start()
    try:
        yield desk
    finally:
        await desk.writer.stop()


async def test_a_full_disk_gets_room_for_what_ends_something() -> None:
    """What was refused with the transaction is run again in the room that was made; what is new
    in the same transaction is not."""
    async with broken(room=2) as desk:
        async with desk.busy() as nursery:
            nursery.start_soon(desk.put, Lane.SEND, "settle")
            nursery.start_soon(desk.put, Lane.ACCEPT, "new")
            await wait_all_tasks_blocked()
            desk.writer._observe = lambda *_: desk.faults.extend(
                [StoreFault("full", "full")] * 2 if desk.room == 2 else []
            )
        assert desk.disk == ["gate", "settle"]
        assert desk.outcomes["settle"] == "settle"
        assert isinstance(desk.outcomes["new"], StoreFault)
        assert desk.room == 0
        assert len(desk.opened) == 1
        await desk.put(Lane.ACCEPT, "later")
        assert isinstance(desk.outcomes["later"], StoreFault)
        desk.writer.condition.well()
        await desk.put(Lane.ACCEPT, "again")
        assert desk.disk == ["gate", "settle", "again"]


async def test_a_full_disk_without_room() -> None:
    """Each caller learns it, with an error of its own, and the next transaction is tried."""
    async with broken() as desk:
        desk.faults = [StoreFault("full", "full")]
        await desk.put(Lane.SEND, "lost")
        assert isinstance(desk.outcomes["lost"], StoreFault)
        await desk.put(Lane.SEND, "kept")
        assert desk.disk == ["kept"]


async def test_new_jobs_make_no_room() -> None:
    """The reserve is not for them."""
    async with broken(room=5) as desk:
        desk.faults = [StoreFault("full", "full")]
        await desk.put(Lane.ACCEPT, "new")
        assert isinstance(desk.outcomes["new"], StoreFault)
        assert desk.room == 5


@pytest.mark.parametrize(
    ("ailment", "connections"), [("failing", 2), ("readonly", 2), ("locked", 1)]
)
async def test_a_connection_that_failed_is_opened_anew(ailment: Any, connections: int) -> None:
    async with broken() as desk:
        desk.faults = [StoreFault(ailment, "why")]
        await desk.put(Lane.SEND, "lost")
        assert desk.writer.condition.ailment == ailment
        await desk.put(Lane.SEND, "kept")
        assert desk.disk == ["kept"]
        assert desk.writer.condition.ailment is None
        assert len(desk.opened) == connections
        assert [fake.closed for fake in desk.opened[:-1]] == [True] * (connections - 1)


async def test_what_cannot_be_opened_again_is_tried_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread outlives that, and each job learns why."""
    async with broken() as desk:
        desk.faults = [StoreFault("failing", "why")]
        await desk.put(Lane.SEND, "lost")

        def gone() -> Fake:
            raise StoreFault("readonly", "the disk is gone")

        with monkeypatch.context() as patched:
            patched.setattr(desk.writer, "_open", gone)
            for n in range(3):
                await desk.put(Lane.SEND, n)
                assert str(desk.outcomes[n]) == "the disk is gone"
        await desk.put(Lane.SEND, "kept")
        assert desk.disk == ["kept"]


async def test_a_damaged_table_fails_one_job_alone() -> None:
    async with broken() as desk:
        async with desk.busy() as nursery:
            nursery.start_soon(desk.put, Lane.SEND, "bad", lambda: _raise(ValueError("x")))
            nursery.start_soon(desk.put, Lane.SEND, "good")
        assert desk.disk == ["gate", "good"]
        desk.writer._fault_of = lambda error: StoreFault("damaged", "that table")
        await desk.put(Lane.SEND, "worse", lambda: _raise(ValueError("x")))
        assert isinstance(desk.outcomes["worse"], StoreFault)
        assert desk.writer.condition.ailment == "damaged"
        await desk.put(Lane.SEND, "fine")
        assert desk.disk == ["gate", "good", "fine"]


def _raise(error: Exception) -> None:
    raise error


async def test_an_empty_commit_lifts_nothing() -> None:
    """A transaction that changed nothing says nothing about the disk."""
    async with broken() as desk:
        desk.faults = [StoreFault("failing", "why")]
        await desk.put(Lane.SEND, "lost")
        await desk.writer.run(Lane.SEND, lambda tx: None)
        assert desk.writer.condition.ailment == "failing"
        await desk.put(Lane.SEND, "kept")
        assert desk.writer.condition.ailment is None
