"""Keys and signed heads of the ledger, and its rows as a checker reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.consent_chain import COLUMNS, Row, wording_hash
from gateway.heads import Head, PublicKey, SignedHead, read_stated, stated
from gateway.inbound import Wording
from gateway.ledger import Entry
from gateway.message import Identity
from gateway.store.ledger import Anchor, KeptHead
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.plumbing import Plumbing
from gateway.store.sqlite.suppression import ERASED
from gateway.store.sqlite.suppression import hashes as hashes_of
from gateway.store.writer import Lane

ERASED_SINCE = "SELECT since FROM suppressed WHERE hash = ? AND reason = ?"
ROWS = f"SELECT {COLUMNS} FROM consent_events WHERE number > ? ORDER BY number LIMIT ?"
_ENTRY = f"""
SELECT {", ".join(f"e.{name.strip()}" for name in COLUMNS.split(","))}, v.salt, v.evidence
FROM consent_events e LEFT JOIN consent_evidence v ON v.number = e.number
"""
ENTRIES = f"{_ENTRY} WHERE e.number > ? ORDER BY e.number"
ENTRIES_OF = f"{_ENTRY} WHERE e.contact_id = ? ORDER BY e.number"
HASHES = "SELECT hash FROM consent_events WHERE number <= ? ORDER BY number"
HEADS = """
SELECT number, at, statement, signature, peaks, mailed_at, stamped_at, stamp FROM ledger_heads
"""


def entries(tx: SqliteTransaction) -> Iterator[Entry]:
    """Yield the ledger's rows with their evidence, in order."""
    for values in tx.rows(ENTRIES, (0,)):
        yield Entry(Row._make(values[:-2]), values[-2], values[-1])


def entries_of(tx: SqliteTransaction, contact: int) -> Iterator[Entry]:
    """Yield those of one contact."""
    for values in tx.rows(ENTRIES_OF, (contact,)):
        yield Entry(Row._make(values[:-2]), values[-2], values[-1])


def orphans(tx: SqliteTransaction) -> int:
    """Return how many pieces of evidence belong to no event."""
    row = tx.one(
        "SELECT count(*) FROM consent_evidence v"
        " WHERE NOT EXISTS (SELECT 1 FROM consent_events e WHERE e.number = v.number)"
    )
    return int(row[0]) if row else 0


def spoiled_wordings(tx: SqliteTransaction) -> int:
    """Return how many wordings are not what the events name by their hash, or are gone."""
    kept = {
        bytes(digest): Wording(text=text, language=language, version=version, purpose=purpose)
        for digest, text, language, version, purpose in tx.rows(
            "SELECT hash, text, language, version, purpose FROM wordings"
        )
    }
    named = {
        bytes(digest)
        for (digest,) in tx.rows(
            "SELECT DISTINCT wording FROM consent_events WHERE wording IS NOT NULL"
        )
    }
    changed = {digest for digest, wording in kept.items() if wording_hash(wording) != digest}
    return len(changed | (named - kept.keys()))


def count_heads(tx: SqliteTransaction) -> int:
    """Return how many heads are kept, also those that no longer read as one."""
    row = tx.one("SELECT count(*) FROM ledger_heads")
    return int(row[0]) if row else 0


def hashes(tx: SqliteTransaction, up_to: int) -> Iterator[bytes]:
    """Yield the hashes of the events up to a number."""
    return (digest for (digest,) in tx.rows(HASHES, (up_to,)))


def keys(tx: SqliteTransaction) -> list[PublicKey]:
    """See LedgerStore.ledger_keys."""
    return [
        PublicKey(id=id, public=public, since=since, previous=previous, own=own, vouched=vouched)
        for id, public, since, previous, own, vouched in tx.rows(
            "SELECT id, public, since, previous, own, vouched FROM ledger_keys ORDER BY since"
        )
    ]


def heads(tx: SqliteTransaction, where: str = "ORDER BY at DESC") -> Iterator[KeptHead]:
    """Yield kept heads, the newest first; what no longer reads as one is left out."""
    for number, at, statement, signature, peaks, mailed_at, stamped_at, stamp in tx.rows(
        f"{HEADS} {where}"
    ):
        head = read_stated(statement.encode(), Head)
        if head is not None and (head.number, head.at) == (number, at):
            yield KeptHead(
                signed=SignedHead(head, signature),
                peaks=peaks,
                mailed_at=mailed_at,
                stamped_at=stamped_at,
                stamp=stamp,
            )


def keep_head(tx: SqliteTransaction, kept: KeptHead) -> None:
    """See LedgerStore.keep_head."""
    signed = kept.signed
    said = stated(signed.head).decode()
    tx.execute(
        "INSERT INTO ledger_heads (number, at, statement, signature, peaks)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (signed.head.number, signed.head.at, said, signed.signature, kept.peaks),
    )


def keep_key(tx: SqliteTransaction, key: PublicKey) -> None:
    """See LedgerStore.keep_key."""
    tx.execute(
        "INSERT INTO ledger_keys VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (key.id, key.public, key.since, key.previous, key.own, key.vouched),
    )


def anchored(
    tx: SqliteTransaction, signed: SignedHead, anchor: Anchor, at: int, stamp: bytes | None
) -> None:
    """See LedgerStore.anchored."""
    key = (signed.head.number, signed.head.at)
    where = "WHERE number = ? AND at = ?"
    if anchor == "mail":
        tx.execute(f"UPDATE ledger_heads SET mailed_at = ? {where}", (at, *key))
    else:
        tx.execute(f"UPDATE ledger_heads SET stamped_at = ?, stamp = ? {where}", (at, stamp, *key))


class LedgerVerbs(Plumbing):
    """Implements gateway.store.ledger.LedgerStore."""

    async def ledger_rows(self, *, after: int, limit: int) -> list[Row]:
        return await self._read(lambda tx: [Row._make(r) for r in tx.rows(ROWS, (after, limit))])

    async def keep_head(self, head: KeptHead) -> None:
        await self._write(Lane.ACCEPT, lambda tx: keep_head(tx, head))

    async def heads(self, *, limit: int) -> list[KeptHead]:
        return await self._read(lambda tx: list(heads(tx, f"ORDER BY at DESC LIMIT {limit:d}")))

    async def anchored(
        self, head: SignedHead, anchor: Anchor, *, at: int, stamp: bytes | None = None
    ) -> None:
        await self._write(Lane.ACCEPT, lambda tx: anchored(tx, head, anchor, at, stamp))

    async def keep_key(self, key: PublicKey) -> None:
        await self._write(Lane.ACCEPT, lambda tx: keep_key(tx, key))

    async def ledger_keys(self) -> Sequence[PublicKey]:
        return await self._read(keys)

    async def erased_since(self, identity: Identity) -> int | None:
        def job(tx: SqliteTransaction) -> int | None:
            if tx.suppression is None:
                return None
            found = (
                tx.one(ERASED_SINCE, (digest, ERASED))
                for digest in hashes_of(tx.suppression, [identity])
            )
            return min((row[0] for row in found if row), default=None)

        return await self._read(job)
