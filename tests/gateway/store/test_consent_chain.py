"""The chain of consent events: what was changed, taken away or moved is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
import trio

from gateway.consent_chain import BEGINNING, COLUMNS, Row, commit_to, row_digest
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import House


def broken_at(connection: apsw.Connection, expected: int) -> int | None:
    """Recompute the chain; return the number of the first row that is wrong."""
    previous, last = BEGINNING, 0
    for values in connection.execute(f"SELECT {COLUMNS} FROM consent_events ORDER BY number"):
        row = Row(*values)
        if row.number != last + 1 or row.previous != previous:
            return last + 1
        if row.hash != row_digest(row):
            return row.number
        previous, last = row.hash, row.number
    return None if last == expected else last + 1


def evidence_fits(connection: apsw.Connection) -> bool:
    """Does the evidence that is still there match its commitment?"""
    rows = connection.execute(
        "SELECT e.commitment, v.salt, v.evidence FROM consent_evidence v"
        " JOIN consent_events e ON e.number = v.number"
    )
    return all(commitment == commit_to(salt, text) for commitment, salt, text in rows)


EVENTS = 9


@pytest.fixture
async def chain(tmp_path: Path) -> apsw.Connection:
    """A database with nine events, opened behind the store's back."""
    path = tmp_path / "store.db"
    async with SqliteStore(path) as store:
        house = House(store)
        await house.confirmed(4)
        await house.tell(1, "requested", "other")
        await house.tell(1, "confirmed", "other")
        await house.tell(2, "withdrawn")
        await house.says(9, "stop", stop=True)
        await house.tell(9, "requested")
    return apsw.Connection(str(path))


async def test_the_chain_holds(chain: apsw.Connection) -> None:
    """From the first row on every hash can be recomputed, and the evidence fits."""
    assert broken_at(chain, EVENTS) is None
    assert evidence_fits(chain)
    (first,) = chain.execute("SELECT previous FROM consent_events WHERE number = 1")
    assert first == (bytes(32),)


def swap(connection: apsw.Connection) -> None:
    for old, new in ((3, -1), (4, 3), (-1, 4)):
        connection.execute(f"UPDATE consent_events SET number = {new} WHERE number = {old}")


def forge(connection: apsw.Connection) -> None:
    """Change a row and recompute its own hash: the next row tells."""
    (values,) = connection.execute(f"SELECT {COLUMNS} FROM consent_events WHERE number = 3")
    digest = row_digest(Row(*values)._replace(name="withdrawn"))
    connection.execute(
        "UPDATE consent_events SET name = 'withdrawn', hash = ? WHERE number = 3", (digest,)
    )


def run(sql: str) -> Callable[[apsw.Connection], None]:
    def damage(connection: apsw.Connection) -> None:
        connection.execute(sql)

    return damage


@pytest.mark.parametrize(
    ("damage", "at"),
    [
        (run("UPDATE consent_events SET at = at + 1 WHERE number = 3"), 3),
        (run("UPDATE consent_events SET recorded_at = recorded_at + 1 WHERE number = 3"), 3),
        (run("UPDATE consent_events SET contact_id = contact_id + 1 WHERE number = 3"), 3),
        (run("UPDATE consent_events SET topic = 'newt' WHERE number = 3"), 3),
        (run("UPDATE consent_events SET name = 'imported' WHERE number = 3"), 3),
        (run("UPDATE consent_events SET source = 'farm' WHERE number = 3"), 3),
        (run("UPDATE consent_events SET sender = 'other' WHERE number = 3"), 3),
        (run("UPDATE consent_events SET wording = randomblob(32) WHERE number = 3"), 3),
        (run("UPDATE consent_events SET request = 1 WHERE number = 3"), 3),
        (run("UPDATE consent_events SET format = 1 WHERE number = 3"), 3),
        (run("UPDATE consent_events SET commitment = randomblob(32) WHERE number = 3"), 3),
        (run("UPDATE consent_events SET previous = randomblob(32) WHERE number = 3"), 3),
        (run("UPDATE consent_events SET hash = randomblob(32) WHERE number = 3"), 3),
        (run("DELETE FROM consent_events WHERE number = 3"), 3),
        (run("DELETE FROM consent_events WHERE number = 1"), 1),
        (run(f"DELETE FROM consent_events WHERE number = {EVENTS}"), EVENTS),
        (swap, 3),
        (forge, 4),
    ],
)
async def test_damage_is_found(
    chain: apsw.Connection, damage: Callable[[apsw.Connection], None], at: int
) -> None:
    """A changed byte, a row that is gone and rows that changed places are found, with the place."""
    damage(chain)
    assert broken_at(chain, EVENTS) == at


async def test_evidence_can_be_erased(chain: apsw.Connection) -> None:
    """Erasing what is personal breaks no link; changing it is found."""
    chain.execute("DELETE FROM consent_evidence WHERE number = 3")
    assert broken_at(chain, EVENTS) is None
    assert evidence_fits(chain)
    chain.execute("UPDATE consent_evidence SET evidence = '{}' WHERE number = 4")
    assert not evidence_fits(chain)


async def test_equal_evidence_has_different_commitments(chain: apsw.Connection) -> None:
    """The salt keeps anybody from guessing what was erased."""
    (row,) = chain.execute("SELECT count(DISTINCT commitment) FROM consent_events")
    assert row == (EVENTS,)


async def test_two_writers_make_one_chain(tmp_path: Path) -> None:
    """The head is read where it is written: two stores on one file make one chain."""
    path = tmp_path / "store.db"
    async with SqliteStore(path) as one, SqliteStore(path) as two, trio.open_nursery() as nursery:
        for base, store in ((0, one), (100, two)):
            for n in range(10):
                nursery.start_soon(House(store).tell, base + n, "confirmed")
    assert broken_at(apsw.Connection(str(path)), 20) is None
