"""If we cannot hear, we do not speak: marketing of a sender holds while no status of it comes.

What became of a send comes by the same webhooks as a STOP.  When the provider accepted so many
sends ([hearing] accepted) and nothing was heard of the sender for so long (`within`), a withdrawal
would be lost too.  The first thing that is heard lifts the stop: a status, whatever it says, or a
person's message.  Counted in memory; after a start the end of the journal tells how it stood.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec
import trio

from gateway.errors import StoreError
from gateway.metrics import Metrics
from gateway.plugin import Output
from gateway.safety import Hearing as Settings
from gateway.stopping import DEAF as DEAF
from gateway.stopping import sender_scope
from gateway.store.protocol import Store

log = logging.getLogger("gateway.hearing")

LOOK_EVERY = 1.0
"""Seconds between two looks; a send that completes the count makes for one at once."""


class Clock(Protocol):
    """What is needed of the clock."""

    def micros(self) -> int: ...
    def now(self) -> datetime: ...


class _Ear(msgspec.Struct):
    """One sender: sends accepted since something was heard, the first of them (steady seconds)."""

    accepted: int = 0
    since: float = 0.0
    deaf: bool = False
    heard: bool = False
    """While deaf: whether something was heard since."""


class Hearing:
    """Watches the senders whose provider reports what becomes of a send."""

    def __init__(
        self,
        outputs: Mapping[str, Output],
        settings: Settings,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        zone: str = "UTC",
    ) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._zone = ZoneInfo(zone)
        self._ears = {name: _Ear() for name, output in outputs.items() if output.reports}
        self._woken = trio.Event()

    # --- what happens: counted, and no more -------------------------------------------------------
    def accepted(self, sender: str) -> None:
        """The provider accepted a send of any kind."""
        ear = self._ears.get(sender)
        if ear is None:
            return
        if not ear.accepted:
            ear.since = trio.current_time()
        ear.accepted += 1
        if self._over(ear):
            self._woken.set()

    def heard(self, senders: Collection[str]) -> None:
        """A status of these senders came, or a message to them."""
        for sender in senders:
            ear = self._ears.get(sender)
            if ear is not None:
                ear.accepted = 0
                ear.heard = True
                if ear.deaf:
                    self._woken.set()

    def _over(self, ear: _Ear) -> bool:
        waited = trio.current_time() - ear.since
        return (
            not ear.deaf
            and ear.accepted >= self._settings.accepted
            and waited >= self._settings.within
        )

    # --- what follows -------------------------------------------------------------------------------
    async def load(self) -> None:
        """Take up where the last run ended.  Raises StoreError."""
        stopped = {stop.scope: stop for stop in await self._store.stops() if stop.code == DEAF}
        known = await self._store.unheard(self._ears)
        for sender, ear in self._ears.items():
            before = known[sender]
            ear.accepted = before.accepted
            ear.since = trio.current_time() - before.seconds
            stop = stopped.get(_scope(sender))
            if stop is not None:
                ear.deaf = True
                ear.heard = before.heard_at is not None and before.heard_at >= stop.since
            self._metrics.sender_deaf.labels(sender).set(ear.deaf)

    async def run(self) -> None:
        """Stop and let go on, until cancelled; a store that fails is asked again."""
        while True:
            self._woken = trio.Event()
            for sender, ear in self._ears.items():
                try:
                    await self._look(sender, ear)
                except StoreError as error:
                    log.error("sender %s: cannot write down what was heard: %s", sender, error)
            with trio.move_on_after(LOOK_EVERY):
                await self._woken.wait()

    async def _look(self, sender: str, ear: _Ear) -> None:
        if self._over(ear):
            await self._stop(sender, ear)
        elif ear.deaf and ear.heard:
            await self._store.resume(_scope(sender), at=self._clock.micros(), code=DEAF)
            self._again(sender, ear)
            log.warning("sender %s is heard of again: its marketing goes on", sender)
        elif ear.deaf and not await self._still(sender):
            self._again(sender, ear)
            ear.accepted = 0  # what a person let go on counts anew
            log.warning("sender %s: a person lets its marketing go on", sender)

    async def _stop(self, sender: str, ear: _Ear) -> None:
        ago = trio.current_time() - ear.since
        since = datetime.fromtimestamp(self._clock.micros() / 1e6 - ago, self._zone)
        today = since.date() == self._clock.now().astimezone(self._zone).date()
        reason = (
            f"no status came for {ear.accepted} messages that the provider accepted since"
            f" {since.strftime('%H:%M' if today else '%d %b %H:%M')}; a STOP would be lost too"
        )
        ear.heard = False
        await self._store.stop(_scope(sender), reason, at=self._clock.micros(), code=DEAF)
        ear.deaf = True
        self._metrics.sender_deaf.labels(sender).set(1)
        log.error("marketing of %s holds: %s", sender, reason)

    def _again(self, sender: str, ear: _Ear) -> None:
        ear.deaf = ear.heard = False
        ear.since = trio.current_time()
        self._metrics.sender_deaf.labels(sender).set(0)

    async def _still(self, sender: str) -> bool:
        """Whether the stop is there; a person may have lifted it."""
        stops = await self._store.stops()
        return any((stop.scope, stop.code) == (_scope(sender), DEAF) for stop in stops)


def _scope(sender: str) -> str:
    return sender_scope(sender, marketing=True)
