"""A clock in doubt holds marketing, says why, and lets go by itself when it is right."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from gateway.errors import StoreError
from gateway.metrics import Metrics
from gateway.stopping import BEHIND, CLOCK, GAP, MARKETING
from gateway.store.protocol import Store
from gateway.store.sqlite import SqliteStore
from gateway.time_watch import TimeWatch
from tests.gateway.machine import HOUR, NOON, SECOND, Machine
from tests.gateway.store.house import House


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with SqliteStore(tmp_path / "store.db") as opened:
        yield opened


class Scene:
    """A machine, the watch over its clock, and what is held."""

    def __init__(self, store: Store, machine: Machine) -> None:
        self.store = store
        self.machine = machine
        self.clock = machine.clock()
        self.metrics = Metrics(CollectorRegistry())
        self.watch = TimeWatch(store, self.clock, self.metrics)

    async def after(self, seconds: float) -> list[str]:
        """Let time pass and look; returns the causes for which marketing is held."""
        self.machine.run(seconds)
        await self.watch.look()
        return await self.held()

    async def held(self) -> list[str]:
        return sorted(stop.code for stop in await self.store.stops() if stop.scope == MARKETING)

    async def reason(self) -> str:
        (stop,) = await self.store.stops()
        return stop.reason


async def scene(store: Store, wall: int = NOON) -> Scene:
    made = Scene(store, Machine(wall))
    await made.watch.begin()
    return made


async def test_while_the_clock_fits_nothing_happens(store: Store) -> None:
    made = await scene(store)
    made.machine.step(30 * SECOND)
    assert await made.after(1) == []
    assert await made.after(1800) == []  # a suspension of half an hour


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (3 * HOUR, "jumped forward from 15 Jan 2027 08:00 UTC to 15 Jan 2027 11:00 UTC"),
        (-HOUR, "jumped back from 15 Jan 2027 08:00 UTC to 15 Jan 2027 07:00 UTC"),
    ],
)
async def test_a_jump_holds_until_the_clock_is_back(store: Store, step: int, says: str) -> None:
    made = await scene(store)
    made.machine.step(step)
    assert await made.after(1) == [CLOCK]
    assert says in await made.reason()
    assert made.metrics.clock_jump.collect()[0].samples[0].value == step / SECOND
    assert await made.after(600) == [CLOCK]
    made.machine.step(-step)
    assert await made.after(1) == []
    assert made.metrics.clock_jump.collect()[0].samples[0].value == 0


async def test_a_jump_that_a_person_looked_at(store: Store) -> None:
    """`gateway resume` means that the clock is right: from there on it is followed."""
    made = await scene(store)
    made.machine.step(3 * HOUR)
    assert await made.after(1) == [CLOCK]
    await store.resume(MARKETING, at=made.clock.micros())
    assert made.clock.micros() < made.machine.wall
    assert await made.after(1) == []
    assert made.clock.micros() == made.machine.wall
    assert await made.after(1) == []


async def test_a_jump_outlives_a_restart(store: Store) -> None:
    """A machine that was taken back and put right is not judged anew by a restart."""
    made = await scene(store)
    made.machine.step(HOUR // 2)
    assert await made.after(1) == [CLOCK]
    again = await scene(store, made.machine.wall)
    assert await again.held() == [CLOCK]
    assert await again.after(1) == [CLOCK]


async def test_a_wrong_clock_at_the_start(store: Store) -> None:
    """Before the last sign of life: held, with time going on from there, until it is right."""
    await store.mark({"alive": NOON})
    made = await scene(store, NOON - 24 * HOUR)
    assert await made.held() == [BEHIND]
    assert (
        "says 14 Jan 2027 08:00 UTC, and it is 15 Jan 2027 08:00 UTC at least"
        in await made.reason()
    )
    assert made.clock.micros() == NOON
    assert await made.after(30) == [BEHIND]
    made.machine.step(24 * HOUR)
    assert await made.after(1) == []
    assert made.clock.micros() == made.machine.wall


async def test_a_wrong_clock_at_the_start_and_a_restart_with_the_right_one(store: Store) -> None:
    await store.mark({"alive": NOON})
    await scene(store, 0)
    again = await scene(store, NOON + HOUR)
    assert await again.held() == []


async def test_a_first_start_in_1970(store: Store) -> None:
    """Nothing is known yet; a clock without a battery is wrong all the same."""
    made = await scene(store, 100 * SECOND)
    assert await made.held() == [BEHIND]
    made.machine.step(NOON)
    assert await made.after(1) == []


async def test_a_mark_of_the_future_is_overruled_by_a_person(store: Store) -> None:
    """The clock was ahead by a year once.  One `gateway resume` is enough."""
    await store.mark({"alive": NOON + 8760 * HOUR})
    made = await scene(store)
    assert await made.held() == [BEHIND]
    await store.resume(MARKETING, at=made.clock.micros())
    assert await made.after(1) == []
    assert made.clock.micros() == made.machine.wall
    assert await made.after(60) == []


async def test_what_a_clock_that_was_ahead_queued_goes_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in a year: once a person says that the clock is right, if not at the first try."""
    made = await scene(store, NOON + 8760 * HOUR)
    house = House(store)
    house.now = made.clock.micros()
    await house.confirmed(3)
    await house.started()
    made.machine.step(-8760 * HOUR)
    assert await made.after(1) == [CLOCK]
    await store.resume(MARKETING, at=made.clock.micros())

    async def refuse(*_: object, **__: object) -> None:
        raise StoreError("full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "set_back", refuse)
        await made.after(1)
    assert made.clock.micros() == made.machine.wall
    now = made.clock.micros()
    assert await store.next_due("wa", after=now) is not None
    await made.after(1)
    now = made.clock.micros()
    assert await store.next_due("wa", after=now) is None
    assert len(await house.lease(at=now)) == 3


async def test_a_provider_knows_that_the_clock_is_slow(store: Store) -> None:
    made = await scene(store)
    made.clock.heard(NOON + HOUR)
    assert await made.after(1) == [BEHIND]
    made.machine.step(HOUR)
    assert await made.after(1) == []


async def test_a_long_suspension_is_a_gap(store: Store) -> None:
    """What people wrote meanwhile has not come in yet."""
    made = await scene(store)
    assert await made.after(2 * 3600) == [GAP]
    assert "from 15 Jan 2027 08:00 UTC to 15 Jan 2027 10:00 UTC" in await made.reason()
    await store.resume(MARKETING, at=made.clock.micros())
    assert await made.after(1) == []


async def test_what_the_store_does_not_take_is_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await scene(store)
    made.machine.step(HOUR)

    async def refuse(*_: object, **__: object) -> None:
        raise StoreError("full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "stop", refuse)
        assert await made.after(1) == []
    assert await made.after(1) == [CLOCK]
