"""The embedded engine: SQLite in one file, one writer thread, readers apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from gateway.inbound import Event
from gateway.message import Delivery, Message
from gateway.stopping import PERSON, Stop
from gateway.store.condition import Work
from gateway.store.protocol import (
    Decision,
    DeliveryState,
    FanOut,
    Intent,
    QuotaUse,
    Recovered,
    Refusal,
    Screened,
    Settlement,
)
from gateway.store.sqlite import (
    accepting,
    beginning,
    leasing,
    noticing,
    operating,
    reports,
    settling,
)
from gateway.store.sqlite.causing import CauseVerbs
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.ledgering import LedgerVerbs
from gateway.store.sqlite.mark_verbs import MarkVerbs
from gateway.store.sqlite.outcome_verbs import OutcomeVerbs
from gateway.store.sqlite.people_verbs import PeopleVerbs
from gateway.store.sqlite.planning import PlanVerbs
from gateway.store.sqlite.rights_verbs import RightsVerbs
from gateway.store.sqlite.tending import TendingVerbs
from gateway.store.sqlite.watch_verbs import WatchVerbs
from gateway.store.writer import Lane


class SqliteStore(
    PeopleVerbs, LedgerVerbs, RightsVerbs, WatchVerbs, CauseVerbs, TendingVerbs, OutcomeVerbs,
    MarkVerbs, PlanVerbs,
):  # fmt: skip
    """Implements gateway.store.protocol.Store on one SQLite file.

    Use `async with SqliteStore(path) as store`.
    """

    # --- in -------------------------------------------------------------------------------------
    async def get_state(self, plugin: str, key: str) -> bytes | None:
        row = await self._read(
            lambda tx: tx.one(
                "SELECT value FROM plugin_state WHERE plugin = ? AND key = ?", (plugin, key)
            )
        )
        return bytes(row[0]) if row else None

    async def put_state(self, plugin: str, values: Mapping[str, bytes | None]) -> None:
        await self._write(Lane.ACCEPT, lambda tx: accepting.put_state(tx, plugin, values))

    # --- once per message -----------------------------------------------------------------------
    async def to_screen(self, chain: str, *, at: int, limit: int) -> list[Message]:
        return await self._read(lambda tx: accepting.to_screen(tx, chain, at, limit))

    async def screened(self, verdicts: Sequence[Screened], *, at: int) -> None:
        await self._write(Lane.ACCEPT, lambda tx: accepting.screened(tx, verdicts, at), "messages")

    async def to_fan_out(self, *, limit: int) -> list[int]:
        return await self._read(
            lambda tx: [id for (id,) in tx.rows(operating.TO_FAN_OUT, (limit,))]
        )

    async def fan_out(self, message: int, *, at: int, limit: int) -> FanOut:
        return await self._write(
            Lane.BULK,
            lambda tx: accepting.fan_out(tx, message, at, limit),
            "messages",
            "deliveries",
        )

    async def to_sweep(self, *, at: int, limit: int) -> list[int]:
        if await self._read(lambda tx: tx.one(operating.EXPIRED, (at, 1))):
            await self._write(Lane.ACCEPT, lambda tx: operating.expire(tx, at, limit))
        return await self._read(lambda tx: [id for (id,) in tx.rows(operating.TO_SWEEP, (limit,))])

    async def sweep(self, message: int, *, at: int, limit: int) -> bool:
        return await self._write(
            Lane.BULK, lambda tx: accepting.sweep(tx, message, at, limit), "messages", "deliveries"
        )

    # --- delivery -------------------------------------------------------------------------------
    async def lease(
        self,
        sender: str,
        node: str,
        *,
        at: int,
        limit: int,
        windows: bool,
        margin: int,
        priorities: Sequence[int] = (0, 1, 2),
    ) -> list[Delivery]:
        leased, more = await self._write(
            Lane.SEND,
            lambda tx: leasing.lease(
                tx, self._messages, sender, node, at, limit, windows, margin, priorities
            ),
            work=Work.NEW,
        )
        if more:
            self._note("deliveries")
        return leased

    async def decide(self, decisions: Sequence[Decision], *, at: int) -> None:
        await self._write(Lane.SEND, lambda tx: leasing.decide(tx, decisions, at), "deliveries")

    async def begin(self, intents: Sequence[Intent], node: str) -> list[Refusal | None]:
        refusals = await self._write_together(
            Lane.SEND, beginning.begin_all, (intents, node), work=Work.NEW
        )
        if any(refusals):
            self._note("deliveries")  # a contact is free again
        return refusals

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        await self._write_together(Lane.SEND, settling.settle_all, settlements, "deliveries")

    async def recover(self, *, at: int) -> Recovered:
        return await self._write(Lane.SEND, lambda tx: settling.recover(tx, at), "deliveries")

    async def next_due(self, sender: str, *, after: int = 0) -> int | None:
        def job(tx: SqliteTransaction) -> int | None:
            found = (tx.one(leasing.NEXT_DUE, (sender, priority, after)) for priority in (0, 1, 2))
            return min((row[0] for row in found if row and row[0] is not None), default=None)

        return await self._read(job)

    async def quota_uses(self, *, at: int) -> list[QuotaUse]:
        return await self._read(
            lambda tx: [QuotaUse(*row) for row in tx.rows(beginning.USES, (at,))]
        )

    async def forget(self, *, at: int, limit: int) -> int:
        def job(tx: SqliteTransaction) -> int:
            tx.execute(beginning.FORGET, (at, limit))
            return tx.changed()

        return await self._write(Lane.BULK, job)

    # --- operators ------------------------------------------------------------------------------
    async def stop(self, scope: str, reason: str, *, at: int, code: str = PERSON) -> None:
        await self._write(Lane.SEND, lambda tx: operating.stop(tx, scope, code, reason, at))

    async def resume(self, scope: str, *, at: int, code: str | None = None) -> bool:
        return await self._write(
            Lane.SEND, lambda tx: operating.resume(tx, scope, code, at), "deliveries"
        )

    async def stops(self) -> list[Stop]:
        found = await self._read(lambda tx: [Stop(*row) for row in tx.rows(operating.STOPS)])
        return sorted(found, key=lambda stop: (stop.scope, stop.since))

    async def learn(self, sender: str, facts: Mapping[str, str], *, at: int) -> None:
        await self._write(Lane.WEBHOOK, lambda tx: operating.learn(tx, sender, facts, at))

    async def facts(self) -> dict[str, dict[str, tuple[str, int]]]:
        return await self._read(operating.facts)

    async def set_message(
        self,
        message: int,
        action: Literal["cancel", "pause", "resume", "approve", "revise", "screen"],
        *,
        at: int,
        by: str = "",
        text: str = "",
    ) -> str | None:
        return await self._write(
            Lane.SEND,
            lambda tx: operating.set_message(tx, message, action, at, by=by, text=text),
            "messages",
        )

    async def depths(self) -> dict[tuple[str, int, str], int]:
        rows = await self._read(lambda tx: list(tx.rows(operating.DEPTHS)))
        return {
            (sender, priority, DeliveryState(state).name.lower()): n
            for sender, priority, state, n in rows
        }

    async def report(self, name: str, **parameters: Any) -> Any:
        return await self._read(partial(reports.REPORTS[name], **parameters))

    # --- observers ------------------------------------------------------------------------------
    async def events_after(
        self, observer: str, *, limit: int, names: Collection[str] = (), until: int | None = None
    ) -> list[Event]:
        def job(tx: SqliteTransaction) -> list[Event]:
            return noticing.events_after(tx, observer, limit, names, until)

        return await self._read(job)

    async def events_again(self, observer: str, *, limit: int) -> list[Event]:
        return await self._read(lambda tx: noticing.events_again(tx, observer, limit))

    async def replay(self, observer: str, after: int, until: int) -> None:
        await self._write(Lane.ACCEPT, lambda tx: noticing.replay(tx, observer, after, until))

    async def journal_end(self) -> int:
        row = await self._read(lambda tx: tx.one("SELECT coalesce(max(id), 0) FROM journal"))
        return int(row[0]) if row else 0
