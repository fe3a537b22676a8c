"""A clock that was ahead is put right: what it queued is not due in its future."""

from __future__ import annotations

import pytest

from gateway.store.protocol import Store
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, SECOND, START, House

YEAR = 365 * 24 * HOUR


async def set_back(store: Store, by: int, at: int, limit: int = 2) -> None:
    """Look at all deliveries, in small steps."""
    after: int | None = 0
    while after is not None:
        after = await store.set_back(by, at=at, after=after, limit=limit)


@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_what_the_wrong_clock_queued_is_due_as_much_earlier(
    house: House, engine: Sqlite, store: Store, limit: int
) -> None:
    """Whether it waits, is held or is paused; and only once, however often it is said.  What was
    queued by the right clock keeps its time, and so does what has gone."""
    await house.confirmed(3)
    before = await house.started()
    gone = await house.sending()
    await house.settle(gone)
    later = await house.leased()
    far = house.now + 2 * YEAR
    await house.give_back(later, due_at=far)
    house.now += YEAR
    await house.started()
    held, postponed = await house.lease(limit=2)
    await house.give_back(held, to="held", code="x")
    await house.give_back(postponed, due_at=house.now + 2 * HOUR)
    paused = await house.started()
    await store.set_message(paused.id, "pause", at=house.at())
    await house.sweep()
    ahead, house.now = house.now, house.now - YEAR
    for _ in range(2):
        await set_back(store, YEAR, house.now, limit)
    due = dict(engine.sql("SELECT id, due_at FROM deliveries"))
    assert due[later.id] == far
    assert due[postponed.id] - (ahead - YEAR + 2 * HOUR) in range(-SECOND, SECOND)
    others = engine.sql(
        f"SELECT count(*) FROM deliveries WHERE id NOT IN ({later.id}, {postponed.id})"
        f" AND due_at BETWEEN {START} AND {house.now}"
    )
    assert others == [(7,)]
    assert await store.next_due("wa", after=house.now) is not None
    assert await house.state(held.message, held.contact) == "held"
    assert await house.state(before, gone.contact) == "accepted"
    house.now += SECOND
    assert await house.lease() != []
