"""Compares the clocks every second, and holds marketing while the time is in doubt.

The clock itself (clock.py) goes on as if nothing had happened; this says so, to the store and to
people.  A jump may also be a machine that was taken back to an older state and then put right: what
it sent since is forgotten, and only a person can know that.
"""

from __future__ import annotations

import logging

import trio

from gateway.clock import SystemClock
from gateway.errors import StoreError
from gateway.holding import Why, hold_marketing, told
from gateway.metrics import Metrics
from gateway.stopping import BEHIND, CLOCK, GAP, MARKETING
from gateway.store.protocol import Store

log = logging.getLogger("gateway.clock")

EVERY = 1.0

STEP = 200
"""Deliveries that are looked at at once: the writer is there for those who send."""

EARLIEST = 1_735_689_600_000_000
"""1 January 2025, UTC microseconds: no clock that is right shows less."""


class TimeWatch:
    """The watch over one clock."""

    def __init__(
        self, store: Store, clock: SystemClock, metrics: Metrics, gap: float = 3600.0
    ) -> None:
        """`gap`: seconds of absence from which on marketing is held."""
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._gap = int(gap * 1e6)
        self._held: Why | None = None
        self._looked = clock.since_boot()
        self._ahead = 0
        """Microseconds by which the clock was ahead that wrote the due times of what waits."""

    async def begin(self) -> None:
        """Compare the clock with what the store knows, before anything is sent.

        Raises StoreError if it cannot be read.
        """
        self._clock.not_before(max(EARLIEST, (await self._store.marks()).get("alive", 0)))
        if not self._clock.behind and await self._stopped(BEHIND):
            self._held = BEHIND  # since before this start; it is right now
        await self.look()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await trio.sleep(EVERY)
            await self.look()

    async def look(self) -> None:
        """Look once.  What the store does not take is tried again at the next look."""
        jump = self._clock.jump
        self._metrics.clock_jump.set(jump / 1e6)
        try:
            await self._away()
            await self._judge(jump)
            if self._ahead:
                await self._set_back()
        except StoreError as error:
            log.error("cannot write down that the clock is in doubt: %s", error)

    async def _away(self) -> None:
        """Notice a suspension: the process stood still while the world went on."""
        now = self._clock.since_boot()
        away = now - self._looked
        if away > self._gap:
            at = self._clock.micros()
            reason = (
                f"nobody was there from {told(at - away)} to {told(at)} (suspended): who withdrew"
                " meanwhile may not be known yet"
            )
            await hold_marketing(self._store, self._clock, GAP, reason)
        self._looked = now

    async def _judge(self, jump: int) -> None:
        cause: Why | None = BEHIND if self._clock.behind else CLOCK if jump else None
        if cause is not None and cause == self._held:
            if not await self._stopped(cause):
                log.warning("a person says that the clock is right; it is believed")
                self._clock.believe()
                self._ahead = max(0, -jump)
                self._held = None
            return
        if self._held is not None:  # it is back, or in doubt for another reason
            if await self._store.resume(MARKETING, at=self._clock.micros(), code=self._held):
                log.warning("the clock is right again")
            self._held = None
        if cause is not None:
            await hold_marketing(self._store, self._clock, cause, self._reason(cause, jump))
            self._held = cause

    async def _set_back(self) -> None:
        """What the clock that was ahead put off until later is due so much earlier."""
        at = self._clock.micros()
        after: int | None = 0
        while after is not None:
            after = await self._store.set_back(self._ahead, at=at, after=after, limit=STEP)
        self._ahead = 0

    def _reason(self, cause: Why, jump: int) -> str:
        ours = self._clock.micros()
        if cause == BEHIND:
            return (
                f"the machine's clock says {told(ours + jump)}, and it is {told(ours)} at least:"
                " set it right, then sending goes on by itself"
            )
        way = "forward" if jump > 0 else "back"
        return (
            f"the machine's clock jumped {way} from {told(ours)} to {told(ours + jump)}; if it is"
            " wrong, set it right and sending goes on by itself; if it is right now, `gateway resume`"
        )

    async def _stopped(self, cause: Why) -> bool:
        stops = await self._store.stops()
        return any(stop.scope == MARKETING and stop.code == cause for stop in stops)
