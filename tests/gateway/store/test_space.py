"""A disk of a few megabytes, really full: what ends something still gets in, nothing new does."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import StoreError, StoreFault, StoreFull
from gateway.store.condition import Condition
from gateway.store.sqlite import SqliteStore, connection
from gateway.store.sqlite.faults import SENTENCES
from gateway.store.sqlite.space import SLICES, Space
from tests.gateway.store.house import House
from tests.small_disk import SmallDisk, small_disk

RESERVE = 2 << 20
KEY = b"k" * 32


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> SmallDisk:
    return small_disk(request, tmp_path / "disk", 24)


def full() -> Condition:
    condition = Condition()
    condition.met(StoreFault("full", SENTENCES["full"]))
    return condition


# --- the reserve --------------------------------------------------------------------------------
def test_the_reserve_is_really_allocated(disk: SmallDisk) -> None:
    """Its blocks are taken from the disk, and given back slice by slice."""
    space = Space(disk.path / "store.db", RESERVE)
    before = disk.free
    assert space.hold()
    assert space.held == RESERVE
    assert before - disk.free >= RESERVE
    for n in range(SLICES):
        assert space.give()
        assert space.held == RESERVE - (n + 1) * RESERVE // SLICES
    assert not space.give()
    assert disk.free == before


def test_a_small_disk_has_a_small_reserve(disk: SmallDisk) -> None:
    space = Space(disk.path / "store.db", 64 << 20)
    assert space.hold()
    assert space.held == space.wanted == (24 << 20) // 8


def test_what_has_no_room_is_not_held_in_part(disk: SmallDisk) -> None:
    space = Space(disk.path / "store.db", RESERVE)
    disk.fill(leave=RESERVE // 2)
    left = disk.free
    assert not space.hold()
    assert space.held == 0
    assert disk.free == left


@pytest.mark.parametrize(
    ("free", "before", "after"),
    [
        (RESERVE // 8, None, "full"),
        (RESERVE // 2, None, None),
        (RESERVE, "full", "full"),  # not yet: it has to hold the reserve and some more
        (2 * RESERVE, "full", None),
    ],
)
def test_full_begins_early_and_ends_late(
    disk: SmallDisk, free: int, before: str | None, after: str | None
) -> None:
    """Between the two it stays what it was."""
    space = Space(disk.path / "store.db", RESERVE)
    if before is None:
        space.hold()
    disk.fill(leave=free)
    condition = full() if before else Condition()
    space.look(condition)
    assert condition.ailment == after
    assert space.held == (0 if after == before == "full" else RESERVE)


def test_a_reserve_that_was_given_up_grows_back(disk: SmallDisk) -> None:
    space = Space(disk.path / "store.db", RESERVE)
    space.look(Condition())
    space.give()
    space.look(Condition())
    assert space.held == RESERVE


# --- the store ----------------------------------------------------------------------------------
async def fill_up(house: House) -> None:
    """Accept until it is refused."""

    async def accept() -> None:
        for _ in range(1000):
            await house.accepted(text="x" * 20_000)

    with pytest.raises(StoreFull, match="disk"):
        await accept()


def opened(disk: SmallDisk, reserve: int = RESERVE) -> SqliteStore:
    return SqliteStore(disk.path / "store.db", suppression_key=KEY, reserve=reserve)


@pytest.mark.parametrize("noticed", [True, False])
async def test_what_ends_something_still_gets_in(disk: SmallDisk, noticed: bool) -> None:
    """Full, whether the watch saw it come or a commit met it first: settles and withdrawals are
    on disk, what is new is refused, and nothing begins.  With room it goes on by itself."""
    async with opened(disk) as store:
        house = House(store)
        people = await house.confirmed(30)
        await house.started()
        in_the_air = [await house.sending() for _ in range(10)]
        waiting = await house.leased()
        disk.fill(leave=RESERVE // 8 if noticed else 0)
        if noticed:
            await store.tend()
        else:
            await fill_up(house)
        assert store.condition.ailment == "full"
        with pytest.raises(StoreFull, match="disk"):
            await house.accepted()
        with pytest.raises(StoreFault):
            await house.lease(limit=1)
        with pytest.raises(StoreFault):
            await house.begin(waiting)
        for delivery in in_the_air:
            await house.settle(delivery)
        await store.withdraw(people[-5:], source="person", at=house.at())
        await store.tend()
        assert store.condition.ailment == "full", "there is no room yet"

        disk.clear()
        await store.tend()
        assert store.condition.ailment is None
        assert store.space.held == RESERVE
        assert await house.begin(waiting) is None
        await house.accepted()
    async with opened(disk) as store:
        depths = await store.depths()
        assert sum(n for (_, _, state), n in depths.items() if state == "accepted") == 10
        assert sum(n for (_, _, state), n in depths.items() if state == "dropped") == 5


async def test_a_disk_that_is_eaten_as_fast_as_it_is_given(disk: SmallDisk) -> None:
    """Somebody takes whatever becomes free: the slice that a withdrawal was given is used before."""
    async with opened(disk) as store:
        house = House(store)
        people = await house.confirmed(10)
        disk.fill()
        await fill_up(house)
        for person in people:
            disk.fill()
            await store.withdraw([person], source="person", at=house.at())
        disk.clear()
        await store.tend()
        assert {standing.state for person in people
                for standing in (await store.contact(person)).consents} == {"withdrawn"}  # type: ignore[union-attr]  # fmt: skip


async def test_with_hardly_any_room_only_what_ends_something(disk: SmallDisk) -> None:
    """The last quarter of the reserve is for withdrawals and outcomes, not for what people say."""
    async with opened(disk) as store:
        house = House(store)
        await house.confirmed(3)
        disk.fill()
        await fill_up(house)
        while store.space.held >= RESERVE // 4:
            store.space.give()
        disk.fill()
        await store.tend()
        assert store.condition.tight
        with pytest.raises(StoreFault):
            await house.says(2, "Hallo")
        taken = await house.says(1, "STOP", stop=True)
        assert len(taken.withdrawn) == 1


async def test_little_room_is_enough_for_a_withdrawal(disk: SmallDisk) -> None:
    """The replay file has no block of its own left, and no room for a big one."""
    async with opened(disk, reserve=64 << 10) as store:
        house = House(store)
        people = await house.confirmed(3)
        disk.fill(leave=160 << 10)
        for person in people:
            await store.withdraw([person], source="person", at=house.at())
        found = [await house.consent_of(person) for person in people]
        assert set(found) == {"withdrawn"}


async def test_a_full_disk_does_not_keep_it_from_starting(disk: SmallDisk) -> None:
    """The log of an unclean stop has to be read, which needs room: it comes from the reserve."""
    async with opened(disk) as store:
        people = await House(store).confirmed(10)
    disk.fill()
    async with opened(disk) as store:
        assert store.condition.ailment == "full"
        await store.withdraw(people, source="person", at=House(store).at())


async def test_the_log_that_a_reader_let_grow_is_given_back(
    disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long report keeps the log from being begun anew; afterwards the disk gets the room back."""
    monkeypatch.setattr(connection, "LOG_BYTES", 1 << 20)
    async with opened(disk) as store:
        house = House(store)
        await house.confirmed(1)
        log = store.path.with_name(f"{store.path.name}-wal")
        reader = connection.open_reader(store.path)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchall()
        for _ in range(150):
            await house.accepted(text="x" * 20_000)
        assert log.stat().st_size > 3 << 20
        reader.close()
        for _ in range(30):
            await house.accepted(text="x" * 20_000)
        assert log.stat().st_size <= 2 << 20


async def test_without_a_reserve_it_recovers_too(disk: SmallDisk) -> None:
    async with opened(disk, reserve=0) as store:
        house = House(store)
        disk.fill()
        await fill_up(house)
        with pytest.raises(StoreError):
            await house.accepted()
        disk.clear()
        await store.tend()
        await house.accepted()


async def test_an_existing_reserve_is_cut_to_the_setting(disk: SmallDisk) -> None:
    async with opened(disk):
        pass
    async with opened(disk, reserve=RESERVE // 2) as store:
        assert store.space.held == RESERVE // 2
    async with opened(disk, reserve=0) as store:
        assert store.space.held == 0
