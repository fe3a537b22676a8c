"""What comes back: a webhook's content becomes durable and in force before it is answered."""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

from gateway.clock import Clock
from gateway.inbound import Intake
from gateway.store.protocol import Store, Taken
from gateway.words import Words

log = logging.getLogger("gateway.inbox")

LONGEST_WAIT = 60.0
"""Seconds that an answer waits for sends of people who withdrew; the longest a send may take."""


class Inbox:
    """Takes intakes; returning means: on disk, in force, may be answered with 200."""

    def __init__(
        self,
        store: Store,
        words: Words,
        clock: Clock,
        counted: Callable[[Intake, Taken], None] = lambda intake, taken: None,
    ) -> None:
        self._store = store
        self._words = words
        self._clock = clock
        self._counted = counted

    async def take(self, intake: Intake) -> Taken:
        """Apply an intake.  Raises StoreError, and then it is not to be answered with 200.

        If somebody withdraws while a delivery to them is in the air, this waits until that one
        is settled: after the answer nothing begins, and nothing is still on its way out.
        """
        acts = {
            inbound.provider_id: act
            for inbound in intake.messages
            if (act := self._words.act_of(inbound)) is not None
        }
        taken = await self._store.intake(
            intake, acts, at=self._clock.micros(), terms=self._words.terms
        )
        self._counted(intake, taken)
        if taken.withdrawn:
            log.info(
                "sender %s: %d withdrew, %d open deliveries dropped",
                intake.sender,
                len(taken.withdrawn),
                taken.dropped,
            )
        await self.landed(taken.sending)
        return taken

    async def landed(self, contacts: tuple[int, ...]) -> None:
        """Wait until none of the contacts has a delivery in the air."""
        if not contacts:
            return
        with trio.move_on_after(LONGEST_WAIT) as scope:
            while True:
                seen = self._store.changes("deliveries")
                if not await self._store.sending(contacts):
                    break
                await self._store.changed(seen, "deliveries")
        if scope.cancelled_caught:
            log.error("a send to somebody who withdrew did not end within %g s", LONGEST_WAIT)
