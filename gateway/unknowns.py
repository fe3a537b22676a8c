"""Unknown outcomes: after `[delivery] unknown_after` those of some kinds are sent again, marked.

Until then the provider's status may settle them, and it still counts afterwards.  So only time counts
in which a status could come in: not that of a stop or a suspension, and none while it is in doubt
what was missed.  Which kinds says `resend_unknown`; all others stay as they are and are left to a
person (`gateway queue unknown`), and so is what is unknown since the database was restored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.safety import DeliverySettings
from gateway.stopping import BEHIND, CLOCK, DAMAGED, DEAF, GAP, RESTORED
from gateway.store.outcomes import POLICY
from gateway.store.protocol import Store

log = logging.getLogger("gateway.unknowns")

AT_ONCE = 50
"""Deliveries that are sent again in one transaction: it has to stay short."""

LONGEST_SLEEP = 30.0

STANDSTILL = 60.0
"""Seconds that a look may come late; if it is later, the machine was suspended or hung."""

MISSED = (DEAF, RESTORED, GAP, CLOCK, BEHIND, DAMAGED)
"""Causes of stops while which it is in doubt what was heard."""


class Unknowns:
    """Applies the policy for unknown outcomes."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: DeliverySettings,
        resent: Callable[[str], None] = lambda sender: None,
    ) -> None:
        """`resent` is told the sender of each delivery that goes again."""
        self._store = store
        self._clock = clock
        self._settings = settings
        self._resent = resent
        self._sleep = min(settings.unknown_after / 4, LONGEST_SLEEP)
        self._looked: int | None = None
        self._heard_all = 0  # since when nothing was missed, UTC microseconds
        self._heard: dict[str, int] = {}  # the same of one sender, if it is later

    async def run(self) -> None:
        """Look now and then, for ever; a store that fails is asked again."""
        while True:
            try:
                await self.once()
            except StoreError as error:
                log.warning("unknown outcomes cannot be looked at now: %s", error)
            await trio.sleep(self._sleep)

    async def once(self) -> None:
        """Send again what is over its time now.  Raises StoreError."""
        now = self._clock.micros()
        await self._listen(now)
        before = now - int(self._settings.unknown_after * 1e6)
        if self._heard_all > before:
            return
        for kind in self._settings.resend_unknown:
            await self._kind(kind, before, now)

    async def _listen(self, now: int) -> None:
        """Begin to count anew whenever statuses may have been missed: they come again later."""
        late = int((self._sleep + STANDSTILL) * 1e6)
        went_on = self._looked is not None and abs(now - self._looked) <= late
        if not went_on or self._store.condition.problem is not None:
            self._heard_all = now
        for stop in await self._store.stops():
            if stop.code not in MISSED:
                continue
            if stop.sender:
                self._heard[stop.sender] = now
            else:
                self._heard_all = now
        self._looked = now

    async def _kind(self, kind: str, before: int, now: int) -> None:
        """Send those of one kind again that are unknown since `before`, if all was heard of their
        sender since."""
        after = (0, 0)
        while True:
            found = await self._store.unknown_since(kind, before=before, after=after, limit=AT_ONCE)
            wanted = [
                (id, sender) for _, id, sender in found if self._heard.get(sender, 0) <= before
            ]
            answers = await self._store.resolve(
                [id for id, _ in wanted], "resend", at=now, by=POLICY
            )
            gone = [sender for (_, sender), why in zip(wanted, answers, strict=True) if not why]
            for sender in gone:
                self._resent(sender)
            if gone:
                log.warning(
                    "%d %s deliveries are sent again: nobody knows whether the first attempt"
                    " arrived", len(gone), kind,
                )  # fmt: skip
            if len(found) < AT_ONCE:
                return
            since, id, _ = found[-1]
            after = (since, id)
