"""Keys and signed heads as the store keeps them, and the rows as a checker reads them."""

from __future__ import annotations

import time
from pathlib import Path

import apsw
import msgspec
import pytest

from gateway.consent_chain import COLUMNS, Row
from gateway.heads import KeyRing
from gateway.ledger import Checkpoint, check
from gateway.merkle import Frontier
from gateway.message import Identity
from gateway.signing import Signer, introduced
from gateway.store.ledger import KeptHead
from gateway.store.protocol import Store
from gateway.store.sqlite import SqliteStore, ledgering
from gateway.store.sqlite.connection import SqliteTransaction, open_reader
from gateway.store.writer import Lane
from tests.gateway.store.house import House, phone
from tests.gateway.test_heads import head, signer
from tests.gateway.test_ledger import EVENTS, SECONDS, whole


async def signed(store: Store, key: Signer, at: int) -> KeptHead:
    """Sign what is there."""
    tree = Frontier()
    rows = await store.ledger_rows(after=0, limit=1000)
    for row in rows:
        tree.add(row.hash)
    said = msgspec.structs.replace(
        head(key, len(rows), at).head, hash=rows[-1].hash.hex(), root=tree.root().hex()
    )
    return KeptHead(signed=key.sign_head(said), peaks=tree.peaks)


async def test_an_empty_ledger(store: Store) -> None:
    assert await store.ledger_rows(after=0, limit=10) == []
    assert await store.heads(limit=5) == []
    assert await store.ledger_keys() == []


async def test_rows_are_read_in_chunks(house: House) -> None:
    await house.confirmed(7)
    rows = [
        row for after in (0, 3, 6) for row in await house.store.ledger_rows(after=after, limit=3)
    ]
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6, 7]


async def test_heads_come_back_as_they_were_signed(house: House) -> None:
    """The newest first; the first one of an event and a time stays."""
    store, key = house.store, signer()
    await house.confirmed(3)
    first = await signed(store, key, 100)
    await house.confirmed(2, first=10)
    second = await signed(store, key, 200)
    for kept in (first, second, msgspec.structs.replace(second, peaks=b"")):
        await store.keep_head(kept)
    assert await store.heads(limit=9) == [second, first]
    assert await store.heads(limit=1) == [second]


async def test_where_a_head_was_kept(house: House) -> None:
    store = house.store
    await house.confirmed(1)
    kept = await signed(store, signer(), 100)
    await store.keep_head(kept)
    await store.anchored(kept.signed, "timestamp", at=150, stamp=b"answer")
    await store.anchored(kept.signed, "mail", at=160)
    (found,) = await store.heads(limit=1)
    assert (found.mailed_at, found.stamped_at, found.stamp) == (160, 150, b"answer")


async def test_keys_come_back_in_order(store: Store) -> None:
    one, other = signer(), signer()
    keys = [introduced(one, 100), introduced(other, 200, one)]
    for key in (keys[1], keys[0], keys[0]):
        await store.keep_key(key)
    assert await store.ledger_keys() == keys
    assert KeyRing(await store.ledger_keys()).problems == []


async def test_a_reader_beside_the_daemon_sees_all(tmp_path: Path) -> None:
    """Rows, evidence and heads fit each other, also after evidence was erased; garbage in place of
    a head is not read as one."""
    path = tmp_path / "store.db"
    async with SqliteStore(path) as store:
        house = House(store)
        await house.confirmed(5)
        await house.says(1, "STOP", stop=True)
        key = signer()
        await store.keep_key(introduced(key, 1))
        await store.keep_head(await signed(store, key, 100))
        await store.keep_head(await signed(store, key, 200))
        with_reader = open_reader(path)
        tx = SqliteTransaction(with_reader)
        checkpoints = [Checkpoint(kept.signed, "kept") for kept in ledgering.heads(tx)]
        found = check(ledgering.entries(tx), KeyRing(ledgering.keys(tx)), checkpoints)
        assert found.sound
        assert (found.events, found.evidence, found.heads) == (6, 6, 2)
        assert ledgering.orphans(tx) == 0
        await store._write(  # type: ignore[attr-defined]
            Lane.SEND, lambda tx: [tx.execute(sql) for sql in (
                "DELETE FROM consent_evidence WHERE number < 4",
                "UPDATE ledger_heads SET statement = 'x' WHERE at = 100",
                "INSERT INTO consent_evidence VALUES (99, x'00', '{}')",
            )],
        )  # fmt: skip
        assert check(ledgering.entries(tx), KeyRing(ledgering.keys(tx))).erased == 3
        assert [kept.signed.head.at for kept in ledgering.heads(tx)] == [200]
        assert ledgering.count_heads(tx) == 2
        assert ledgering.orphans(tx) == 1
        with_reader.close()


@pytest.mark.parametrize("key", [None, b"k" * 32])
async def test_who_was_erased_is_known_by_a_keyed_hash(tmp_path: Path, key: bytes | None) -> None:
    """Only with the key; and nothing else of the person is there."""
    path = tmp_path / "store.db"
    async with SqliteStore(path, suppression_key=b"k" * 32) as store:
        house = House(store)
        contact = (await house.confirmed(1))[0]
        await store.withdraw([contact], source="command", at=house.at())
        await store.erase(contact, by="a person", reason="asked for it", at=house.at())
        at = house.now
    async with SqliteStore(path, suppression_key=key) as store:
        known = await store.erased_since(phone(1)[0])
        assert known == (None if key is None else at)
        assert await store.erased_since(Identity("phone", "+4917139200999")) is None


async def test_100_000_events_are_checked_in_two_seconds(tmp_path: Path) -> None:
    """From the database, with their evidence."""
    path = tmp_path / "store.db"
    async with SqliteStore(path):
        pass
    connection = apsw.Connection(str(path))
    places = ", ".join("?" * len(Row._fields))
    with connection:
        connection.executemany(
            f"INSERT INTO consent_events ({COLUMNS}) VALUES ({places})",
            [tuple(entry.row) for entry in whole()],
        )
        connection.executemany(
            "INSERT INTO consent_evidence VALUES (?, ?, ?)",
            [(entry.row.number, entry.salt, entry.evidence) for entry in whole()],
        )
    connection.close()
    reader = open_reader(path)
    began = time.process_time()
    found = check(ledgering.entries(SqliteTransaction(reader)), KeyRing([]))
    seconds = time.process_time() - began
    reader.close()
    assert found.sound
    assert (found.events, found.evidence) == (EVENTS, EVENTS)
    assert seconds < SECONDS
