"""The engine's verbs about people's rights: erase, hold, look, attach, purge."""

from __future__ import annotations

import msgspec

from gateway.ids import new_id
from gateway.store.condition import Work
from gateway.store.rights import Erased, Purge, Purged
from gateway.store.sqlite import erasing, retention
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import current
from gateway.store.sqlite.plumbing import Plumbing
from gateway.store.writer import Lane

HOLD = "UPDATE contacts SET legal_hold = ? WHERE id = ?"
LOOKED = "INSERT INTO lookups (id, at, who, what, contact_id) VALUES (?, ?, ?, ?, ?)"
ATTACH = "INSERT INTO proof_files VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


class RightsVerbs(Plumbing):
    """Implements gateway.store.rights.RightsStore."""

    async def erase(self, contact: int, *, by: str, reason: str, at: int) -> Erased:
        return await self._write(
            Lane.ACCEPT, lambda tx: erasing.erase(tx, contact, by, reason, at), "deliveries"
        )

    async def hold(self, contact: int, *, reason: str, at: int) -> None:
        def job(tx: SqliteTransaction) -> None:
            who = current(tx, contact)
            tx.execute(HOLD, (reason, who))
            name = "contact.held" if reason else "contact.released"
            tx.journal(at, name, contact=who, detail=reason)

        await self._write(Lane.ACCEPT, job)

    async def looked(self, who: str, what: str, contact: int | None, *, at: int) -> None:
        await self._write(
            Lane.ACCEPT,
            lambda tx: tx.execute(LOOKED, (new_id(), at, who, what, contact)),
            work=Work.HEARD,  # somebody who looks for what is wrong is not turned away
        )

    async def attach(self, contact: int, digest: bytes, name: str, *, at: int) -> None:
        await self._write(
            Lane.ACCEPT,
            lambda tx: tx.execute(ATTACH, (digest, current(tx, contact), name, at)),
        )

    async def purge(
        self,
        what: Purge,
        *,
        before: int,
        after: int,
        limit: int,
        at: int,
        observers: tuple[str, ...],
    ) -> Purged:
        step = retention.Step(before, after, limit, at, observers)
        return await self._write(Lane.BULK, lambda tx: retention.purge(tx, what, step))

    async def purged(self, counts: dict[str, int], *, at: int) -> None:
        words = msgspec.json.encode(counts, order="sorted").decode()
        await self._write(Lane.BULK, lambda tx: tx.journal(at, "retention.purged", detail=words))
