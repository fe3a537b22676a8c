"""What the running daemon can say of what has not gone yet: its limits, its plan, the tiers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping

import trio

from gateway.clock import SystemClock
from gateway.delivery import MARGIN, Sending
from gateway.given import MessageView, Preview
from gateway.limiter import Limiter
from gateway.message import Message
from gateway.pipeline import Pipeline
from gateway.planning import shared_places
from gateway.plans import Plan
from gateway.store.protocol import Store
from gateway.verdicts import Quota

TIER = "tier:"
"""What the key of a portfolio's quota begins with; its name follows."""


class Foresight:
    """Looks ahead.  Nothing is taken, stored or sent."""

    def __init__(
        self,
        sendings: Mapping[str, Sending],
        store: Store,
        pipeline: Pipeline,
        limiter: Limiter,
        clock: SystemClock,
        preview: Callable[[MessageView], Awaitable[Preview]],
        plan: Callable[[Message], Awaitable[Plan]],
    ) -> None:
        self._sendings = sendings
        self._store = store
        self._pipeline = pipeline
        self._limiter = limiter
        self._clock = clock
        self._preview = preview
        self._plan = plan

    async def waits(self, sender: str, delivery: int) -> list[tuple[int, str]]:
        """Return all limits that hold a delivery now: until when (UTC microseconds), and what it
        is, the latest first.  Raises StoreError."""
        sending = self._sendings.get(sender)
        if sending is None:
            return []
        found = await self._store.peek(
            delivery, at=self._clock.micros(), windows=sending.output.windows, margin=MARGIN
        )
        limits = self._pipeline.limits(found) if found is not None else []
        if found is None or not isinstance(limits, list):
            return []
        return sending.when(found, limits)

    async def plan(self, view: MessageView) -> tuple[Plan, str]:
        """Return what a message would do if it were released and began now, and what would hold
        it all the same ("" if nothing).  Raises StoreError."""
        shown = await self._preview(view)
        return await self._plan(shown.message), shown.trouble

    def tiers(self) -> Iterator[tuple[str, int, int]]:
        """Yield (portfolio, people reached in its window, how many it allows)."""
        now, utc = trio.current_time(), self._clock.micros() / 1e6
        found: dict[str, Quota] = {}
        for sender in self._sendings:
            sample = Message(external_id="", kind="utility", sender=sender)
            for quota in shared_places(self._pipeline, sample):
                if quota.key.startswith(TIER):
                    found[quota.key.removeprefix(TIER)] = quota
        for portfolio, quota in found.items():
            yield portfolio, self._limiter.used(quota, now, utc), quota.n
