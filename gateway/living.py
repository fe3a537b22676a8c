"""Signs of life: how long nobody was there, whether the last stop was clean, what then is looked at.

Once a minute the time is kept in the database.  If that is longer ago than `[store] gap` at a start,
the gateway was away: stopped, or its machine was taken back to a snapshot.  What people said
meanwhile may not have come in yet, so marketing waits until a person looked.  What happens to the
clock while it runs is time_watch.py's.
"""

from __future__ import annotations

import logging
from contextlib import suppress

import trio

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.holding import hold_marketing, told
from gateway.metrics import Metrics
from gateway.sections import Storage
from gateway.stopping import DAMAGED, GAP, RESTORED
from gateway.store.protocol import Store

log = logging.getLogger("gateway.living")

EVERY = 60.0
AGAIN = 1.0
FORGET_EVERY = 3600.0

ALIVE, RUNNING, CHECKED, DAMAGES = "alive", "running", "checked", "damages"
BACKUP = "backup"
"""Marks: the last sign of life; since when it runs, gone after a clean stop; when the database was
last looked through, and how much was found; when the last backup was made."""


class Living:
    """Keeps the sign of life of one gateway."""

    def __init__(self, store: Store, clock: Clock, settings: Storage, metrics: Metrics) -> None:
        self._store = store
        self._clock = clock
        self._gap = int(settings.gap * 1e6)
        self._keep = int(settings.replay_keep * 1e6)
        self._metrics = metrics
        self._last: int | None = None
        """The sign of life of before this start; None at the first, or once it was looked at."""
        self._unclean = False

    async def begin(self) -> None:
        """Look, before anything is sent, how long nobody was there.  Raises StoreError."""
        marks = await self._store.marks()
        self._last = marks.get(ALIVE)
        self._unclean = RUNNING in marks
        self._metrics.store_damaged.set(bool(marks.get(DAMAGES)))
        self._metrics.backup.set(marks.get(BACKUP, 0) / 1e6)
        if any(stop.code == RESTORED for stop in await self._store.stops()):
            self._last = None  # there is a gap, and its reason is known
        with suppress(StoreError):  # if nothing can be written, nothing can be sent; see run
            await self._keep_alive()

    async def end(self) -> None:
        """Note that the stop is a clean one."""
        with suppress(StoreError):
            await self._store.mark({ALIVE: self._clock.micros(), RUNNING: None})

    async def run(self) -> None:
        """Keep the sign of life, until cancelled; check the database after an unclean stop."""
        async with trio.open_nursery() as nursery:
            if self._unclean:
                nursery.start_soon(self._check)
            forgotten = -FORGET_EVERY
            while True:
                pause = EVERY
                try:
                    await self._keep_alive()
                    marks = await self._store.marks()
                    self._metrics.backup.set(marks.get(BACKUP, 0) / 1e6)
                    if trio.current_time() - forgotten >= FORGET_EVERY:
                        before = self._clock.micros() - self._keep
                        await self._store.forget_replay(before=before)
                        forgotten = trio.current_time()
                except StoreError as error:
                    log.warning("no sign of life could be kept: %s", error)
                    pause = AGAIN
                await trio.sleep(pause)

    async def _keep_alive(self) -> None:
        await self._hold()
        now = self._clock.micros()
        await self._store.mark({ALIVE: now, RUNNING: now})

    async def _hold(self) -> None:
        """Hold marketing if nobody was there for longer than a gateway that runs lets pass."""
        now, last = self._clock.micros(), self._last
        if last is not None and now - last > self._gap:
            reason = (
                f"nobody was there from {told(last)} to {told(now)} (stopped, or an older state of"
                " the machine): who withdrew meanwhile may not be known yet"
            )
            await hold_marketing(self._store, self._clock, GAP, reason)
        self._last = None

    async def _check(self) -> None:
        """Look through the whole database, beside everything else."""
        log.info("the last stop was not a clean one: the database is looked through")
        try:
            found = await self._store.damages()
            await self._store.mark({CHECKED: self._clock.micros(), DAMAGES: len(found)})
            self._metrics.store_damaged.set(bool(found))
            if found:
                log.error("the database is damaged: %s", "; ".join(found))
                reason = f"the database is damaged ({found[0]}): restore a backup"
                await hold_marketing(self._store, self._clock, DAMAGED, reason)
            else:
                log.info("the database is whole")
        except StoreError as error:
            log.error("the database cannot be looked through: %s", error)
