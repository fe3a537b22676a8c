"""The engine's verbs for what the gateway watches itself, and for replacing a sender."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway.store.sqlite import replacing, retiming, watching
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.plumbing import Plumbing
from gateway.store.watching import Moved, Share, Unheard
from gateway.store.writer import Lane


class WatchVerbs(Plumbing):
    """Implements gateway.store.watching.WatchStore."""

    async def unheard(self, senders: Collection[str]) -> Mapping[str, Unheard]:
        return await self._read(lambda tx: watching.unheard(tx, senders))

    async def shares(self, *, at_least: int) -> list[Share]:
        return await self._read(lambda tx: watching.shares(tx, at_least))

    async def failures(self, message: int, *, limit: int) -> dict[str, int]:
        return await self._read(lambda tx: watching.failures(tx, message, limit))

    async def paused_messages(self) -> dict[str, int]:
        return await self._read(lambda tx: dict(tx.rows(watching.PAUSED)))

    async def pause_message(self, message: int, code: str, reason: str, *, at: int) -> bool:
        return await self._write(
            Lane.SEND, lambda tx: watching.pause(tx, message, code, reason, at), "messages"
        )

    async def replace_sender(
        self,
        old: str,
        new: str,
        position: tuple[int, int],
        *,
        same_portfolio: bool,
        at: int,
        limit: int,
        really: bool,
    ) -> Moved:
        def job(tx: SqliteTransaction) -> Moved:
            return replacing.replace(
                tx, old, new, position, same_portfolio=same_portfolio, at=at, limit=limit,
                really=really, copies=self._messages,
            )  # fmt: skip

        if not really:
            return await self._read(job)
        return await self._write(Lane.BULK, job, "messages", "deliveries")

    async def set_back(self, by: int, *, at: int, after: int = 0, limit: int) -> int | None:
        return await self._write(
            Lane.BULK, lambda tx: retiming.set_back(tx, by, at, after, limit), "deliveries"
        )

    async def audience_of(self, topics: Collection[str]) -> tuple[int, int]:
        return await self._read(lambda tx: replacing.audience_of(tx, topics))
