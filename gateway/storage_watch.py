"""Looks after the store's disk, and tells once what ails it and when that is over.

While something ails it nothing new is taken and nothing is begun; outcomes, withdrawals and, as
long as there is room, webhooks still get in (gateway/store/condition.py).
"""

from __future__ import annotations

import logging
from typing import Any

import trio

from gateway.metrics import AILMENTS, Metrics
from gateway.store.condition import TendedStore

log = logging.getLogger("gateway.store")

EVERY = 2.0
"""Seconds between looks: a disk that fills at 8 MB/s is noticed before its last 16 MB are gone."""


class StorageWatch:
    """The watch over one store."""

    def __init__(self, store: TendedStore, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._told: str | None = None
        self._show(None)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._store.tend()
            self.tell()
            await trio.sleep(EVERY)

    def tell(self) -> None:
        """Log and show a change since the last time."""
        condition = self._store.condition
        if condition.ailment == self._told:
            return
        if condition.problem is None:
            log.warning("the store is well again; inputs and sending go on")
        else:
            log.error(
                "nothing new is taken and nothing is sent; withdrawals count: %s", condition.problem
            )
        self._told = condition.ailment
        self._show(condition.ailment)

    def _show(self, ailment: str | None) -> None:
        for one in AILMENTS:
            self._metrics.store_ailment.labels(one).set(one == ailment)

    def live(self) -> dict[str, Any]:
        """Return what ails the store, for `gateway status`; empty while nothing does."""
        condition = self._store.condition
        if condition.problem is None:
            return {}
        return {
            "ailment": condition.ailment,
            "reason": condition.problem,
            "since": int(condition.since * 1e6),
        }
