"""When a stop is over whose end the provider named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.ending import ends, lift_ended
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import HOUR, START

SENDER, MARKETING = "sender:wa", "marketing:wa"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "store.db") as store:
        for scope in (SENDER, MARKETING):
            for code in ("restricted", "token"):
                await store.stop(scope, "x", at=START, code=code)
        yield store


async def left(store: SqliteStore, now: int) -> list[tuple[str, str]]:
    found = await lift_ended(store, await store.stops(), now)
    assert found == await store.stops()
    return [(one.scope, one.code) for one in found]


async def test_only_that_scope_and_cause_goes_on(store: SqliteStore) -> None:
    await ends(store, MARKETING, "restricted", START + HOUR)
    assert len(await left(store, START + HOUR - 1)) == 4
    others = [(MARKETING, "token"), (SENDER, "restricted"), (SENDER, "token")]
    assert await left(store, START + HOUR) == others
    assert await left(store, START + 99 * HOUR) == others


@pytest.mark.parametrize("told", [(2, 1), (1, 2)])
async def test_the_later_end_counts(store: SqliteStore, told: tuple[int, int]) -> None:
    """Whatever comes in last: webhooks are repeated for days."""
    for hours in told:
        await ends(store, SENDER, "restricted", START + hours * HOUR)
    assert (SENDER, "restricted") in await left(store, START + HOUR)
    assert (SENDER, "restricted") not in await left(store, START + 2 * HOUR)


async def test_a_restart_forgets_no_end(tmp_path: Path) -> None:
    for _ in range(2):
        async with SqliteStore(tmp_path / "again.db") as store:
            await store.stop(SENDER, "x", at=START, code="restricted")
            await ends(store, SENDER, "restricted", START + HOUR)
    async with SqliteStore(tmp_path / "again.db") as store:
        assert await left(store, START) == [(SENDER, "restricted")]
        assert await left(store, START + HOUR) == []


async def test_the_end_of_one_that_a_person_lifted_ends_no_other(store: SqliteStore) -> None:
    await ends(store, SENDER, "restricted", START + HOUR)
    before = await store.marks()
    await store.resume(SENDER, at=START)
    assert (SENDER, "restricted") not in await left(store, START)
    await store.stop(SENDER, "x", at=START, code="restricted")
    assert (SENDER, "restricted") in await left(store, START + HOUR)
    assert len(await store.marks()) == len(before) - 1, "nothing is kept of what is over"
