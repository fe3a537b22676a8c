"""A message pauses itself when too much of it fails, or too many withdraw because of it.

Only what goes out to many is watched, by figures that the store keeps, so that a million
deliveries cost nothing.  What a person lets go on afterwards counts anew.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

import trio

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.safety import DeliverySettings
from gateway.store.protocol import Store
from gateway.store.watching import FAILURES, WITHDRAWALS, Share

log = logging.getLogger("gateway.watching")

LOOK_EVERY = 3.0
"""Seconds; a message at 80 a second has sent 240 more by then."""

LOOK_BACK = 20_000
"""Lines of the journal that are looked through for the reasons."""

CODES = 4
"""Reasons that are named; the rest are counted together."""


class Watching:
    """Looks at every message that goes out, every few seconds."""

    def __init__(
        self,
        store: Store,
        settings: DeliverySettings,
        clock: Clock,
        personal: Collection[str] = (),
    ) -> None:
        """`personal` are codes that are about one person and not about the message."""
        self._store = store
        self._settings = settings
        self._clock = clock
        self._personal = frozenset(personal)

    async def run(self) -> None:
        """Watch until cancelled; a store that fails is asked again."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                log.error("cannot look at what became of the messages: %s", error)
            await trio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Pause what passed a limit.  Raises StoreError."""
        for share in await self._store.shares(at_least=self._settings.share_after):
            why = await self._why(share)
            if why is None:
                continue
            code, reason = why
            at = self._clock.micros()
            if await self._store.pause_message(share.message, code, reason, at=at):
                log.error("message #%d paused itself: %s", share.number, reason)

    async def _why(self, share: Share) -> tuple[str, str] | None:
        """Return the cause and the sentence, None if the message fares well enough."""
        if share.failed > self._settings.failure_share * share.sent:
            codes = await self._store.failures(share.message, limit=LOOK_BACK)
            return FAILURES, self._failed(share, codes)
        reached = share.sent - share.failed
        if share.withdrew > self._settings.withdrawal_share * reached:
            return WITHDRAWALS, (
                f"{share.withdrew} of the {reached} whom it reached withdrew within two days"
            )
        return None

    def _failed(self, share: Share, codes: Mapping[str, int]) -> str:
        said = f"{share.failed} of {share.sent} failed"
        named = [f"{code} {n}" for code, n in list(codes.items())[:CODES]]
        more = sum(list(codes.values())[CODES:])
        if more:
            named.append(f"others {more}")
        if named:
            said += f": {', '.join(named)}"
        people = sum(n for code, n in codes.items() if code in self._personal)
        if people:
            said += f" ({people} of them are about the person: not reachable, or not willing)"
        return said
