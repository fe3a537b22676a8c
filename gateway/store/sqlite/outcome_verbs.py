"""The store's verbs about outcomes on SQLite: see store/outcomes.py."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from gateway.message import PRIORITY
from gateway.store.outcomes import Resolution
from gateway.store.sqlite import failing, outcome_reports, unknowns
from gateway.store.sqlite.plumbing import Plumbing
from gateway.store.writer import Lane


class OutcomeVerbs(Plumbing):
    """Implements gateway.store.outcomes.OutcomeStore."""

    async def unknown_since(
        self, kind: str, *, before: int, after: tuple[int, int] = (0, 0), limit: int
    ) -> list[tuple[int, int, str]]:
        values = (PRIORITY[kind], before, *after, kind, limit)
        return await self._read(
            lambda tx: [(since, id, of) for since, id, of in tx.rows(unknowns.SINCE, values)]
        )

    async def resolve(
        self, deliveries: Sequence[int], how: Resolution, *, at: int, by: str
    ) -> list[str]:
        return await self._write(
            Lane.ACCEPT, lambda tx: unknowns.resolve(tx, deliveries, how, at, by), "deliveries"
        )

    async def retry(self, deliveries: Sequence[int], *, at: int, by: str) -> list[str]:
        return await self._write(
            Lane.ACCEPT, lambda tx: failing.retry(tx, deliveries, at, by), "deliveries"
        )

    async def outcome_report(self, name: str, **parameters: Any) -> Any:
        return await self._read(partial(outcome_reports.REPORTS[name], **parameters))
