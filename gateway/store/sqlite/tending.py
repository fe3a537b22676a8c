"""Looks after the file and its disk: room, and whether what failed works again."""

from __future__ import annotations

import time
from contextlib import suppress

import trio

from gateway.errors import StoreError
from gateway.store.condition import PASSING, Condition
from gateway.store.sqlite.mark_verbs import MarkVerbs


class TendingVerbs(MarkVerbs):
    """Implements gateway.store.condition.TendedStore."""

    @property
    def condition(self) -> Condition:
        return self._writer.condition

    async def tend(self) -> None:
        condition = self.condition
        await trio.to_thread.run_sync(self.space.look, condition)
        if condition.ailment in PASSING:
            with suppress(StoreError):
                await self.mark({"tried": time.time_ns() // 1000})
