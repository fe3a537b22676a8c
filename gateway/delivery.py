"""The way out of one sender: lease, process, limits, and then an attempt (attempt.py).

One task leases what can go in the next moments; each leased delivery is a task of its own, up to
its one recorded outcome.  Nothing here decides what may be sent: the chain and begin do.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from typing import Literal

import trio

from gateway.attempt import Attempts, Report
from gateway.clock import Clock
from gateway.consequences import Consequences
from gateway.errors import StoreError, StoreFault
from gateway.granting import AHEAD, Granting
from gateway.limiter import Grant, Limiter
from gateway.message import Delivery
from gateway.pipeline import Pipeline
from gateway.plugin import Output
from gateway.slowing import KEY as SLOWED
from gateway.store.protocol import Decision, Store, micros
from gateway.verdicts import Drop, Hold, Limit, Rate

log = logging.getLogger("gateway.delivery")

MARGIN = 120_000_000
"""Microseconds a window must still be open for free text; Meta's clock decides, not ours."""

IN_THE_AIR = 64
"""Most requests of one sender at a time, …"""

FAST = 256
"""… and of one so fast that it sends more than 64 before the first answer comes."""

ANSWERED = 0.5
"""Seconds within which a provider usually answers."""

IDLE = 0.020
"""Seconds between looks at an empty queue while other things are committed."""

SOON = 1_000_000
"""Microseconds after which a delivery that was put off comes back at the earliest."""

LONGEST_SLEEP = 60.0
"""Seconds after which an idle sender looks again, whatever it heard."""


class Sending:
    """Sends what is due for one sender, until it is told to stop."""

    def __init__(
        self,
        sender: str,
        output: Output,
        store: Store,
        pipeline: Pipeline,
        limiter: Limiter,
        clock: Clock,
        report: Report,
        node: str,
        consequences: Consequences,
        *,
        chance: Callable[[], float] = random.random,
        first: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """`first` is told the sender's name after its first send of this run."""
        self.sender = sender
        self._first = first
        self.output = output
        self._store = store
        self._pipeline = pipeline
        self._clock = clock
        self._report = report
        self._node = node
        self.attempts = Attempts(
            sender, output, store, clock, report, node, self._pause, consequences, chance
        )
        self._slowing = consequences.slowing[sender]
        consequences.join(sender, self._pause, self._pace)
        self._waiting = 0  # leased and not begun
        self._lease_takes = 0.0  # seconds, learned: so much longer lasts what is leased ahead
        self._in_the_air = 0
        self._room = trio.Event()
        self._paused: dict[int, float] = {}  # priority → until, steady seconds
        self._stopping = trio.Event()
        self._ended = trio.Event()
        self.granting = Granting(
            limiter, clock, report, self._stopping, self._decided, self._hold_back
        )

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send until `drained` is called, then finish what is in the air."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            nursery.start_soon(self._wait_for_stop)
            with trio.CancelScope() as self._leasing:
                while not self._stopping.is_set():
                    await self._once(nursery)
            while self._waiting or self._in_the_air:
                await self._room.wait()
            nursery.cancel_scope.cancel()
        self._ended.set()

    async def drained(self) -> None:
        """Lease nothing more, and return when nothing is in the air."""
        self._stopping.set()
        await self._ended.wait()

    async def _wait_for_stop(self) -> None:
        await self._stopping.wait()
        self._leasing.cancel()

    # --- leasing --------------------------------------------------------------------------------
    async def _once(self, nursery: trio.Nursery) -> None:
        interval = max(self.granting.interval, 1e-4)
        ahead = max(2, min(FAST, int((AHEAD + self._lease_takes) / interval)))
        most = max(IN_THE_AIR, min(FAST, int(ANSWERED / interval)))
        free = min(ahead - self._waiting, most - self._waiting - self._in_the_air)
        if self.attempts.failing:
            free = 1 - self._waiting - self._in_the_air
        if free <= 0:
            await self._room.wait()
            return
        now = trio.current_time()
        open_priorities = [p for p in (0, 1, 2) if self._paused.get(p, 0.0) <= now]
        closed = [until for until in self._paused.values() if until > now]
        looked_at = self._clock.micros()
        seen = self._store.changes("deliveries")
        leased: list[Delivery] = []
        if self.attempts.unwritten:
            await trio.sleep(0.1)  # what went out must be written down before more goes
            return
        if open_priorities:
            asked = trio.current_time()
            try:
                with trio.CancelScope(shield=True):  # a lease must not get lost on the way back
                    leased = await self._store.lease(
                        self.sender,
                        self._node,
                        at=looked_at,
                        limit=free,
                        windows=self.output.windows,
                        margin=MARGIN,
                        priorities=open_priorities,
                    )
            except StoreFault:  # told once, by storage_watch.py
                await trio.sleep(1.0)
                return
            except StoreError as error:
                log.error("sender %s: cannot read what is due: %s", self.sender, error)
                await trio.sleep(1.0)
                return
            self._lease_takes += (trio.current_time() - asked - self._lease_takes) / 4
        for delivery in leased:
            self._waiting += 1
            nursery.start_soon(self._one, delivery)
        if len(leased) < free:
            await self._more_due(seen, looked_at, closed)

    async def _more_due(self, seen: int, looked_at: int, closed: list[float]) -> None:
        """Sleep until something may be due: a commit, a due time, the end of a pause.

        `looked_at`: the time of the last lease, UTC microseconds; what was due by then and was
        not leased waits for its contact or its priority, and both are heard of.  `closed`: when
        the priorities end that were left out of it.
        """
        await trio.sleep(IDLE)
        wake_at = min((trio.current_time() + LONGEST_SLEEP, *closed))
        try:
            due = await self._store.next_due(self.sender, after=looked_at)
        except StoreError as error:
            log.error("sender %s: cannot read what is due: %s", self.sender, error)
            due = self._clock.micros() + 1_000_000
        if due is not None:
            seconds = (due - self._clock.micros()) / 1e6
            wake_at = min(wake_at, trio.current_time() + seconds)
        with trio.move_on_at(wake_at):
            await self._store.changed(seen, "deliveries")

    def _made_room(self) -> None:
        self._room.set()
        self._room = trio.Event()

    # --- one delivery ---------------------------------------------------------------------------
    async def _one(self, delivery: Delivery) -> None:
        waiting = True
        try:
            ready = await self._ready(delivery)
            if ready is None:
                return
            delivery, grant = ready
            self._waiting -= 1
            self._in_the_air += 1
            waiting = False
            self._made_room()
            try:
                begun = await self.attempts.begin(delivery, grant)
                if begun:
                    await self.attempts.send(delivery, grant)
                    if self._first is not None:
                        first, self._first = self._first, None
                        await self.attempts.persist(lambda: first(self.sender))
                elif begun is None:
                    again = self._clock.micros() + SOON
                    await self._decide(
                        delivery, "queued", "store", "the intent was not stored", due_at=again
                    )
            finally:
                grant.give_back()  # nothing, unless it was never sent
                self._in_the_air -= 1
        finally:
            if waiting:
                self._waiting -= 1
            self._made_room()

    async def _ready(self, delivery: Delivery) -> tuple[Delivery, Grant] | None:
        """Take a delivery through the chain and its limits; None if it does not go now."""
        if delivery.identity(*self.output.identity_kinds) is None:
            kinds = " or ".join(self.output.identity_kinds)
            await self._decide(delivery, "dropped", "unreachable", f"no {kinds} is known")
            return None
        verdict = await self._pipeline.process(delivery)
        if isinstance(verdict, Drop):
            await self._decide(delivery, "dropped", verdict.code, verdict.text)
            return None
        if isinstance(verdict, Hold):
            await self._hold(delivery, verdict)
            return None
        limits = self._pipeline.limits(verdict)
        if isinstance(limits, Hold):
            await self._hold(delivery, limits)
            return None
        grant = await self.granting.granted(verdict, self._with_own(limits))
        return None if grant is None else (verdict, grant)

    def when(self, delivery: Delivery, limits: list[Limit]) -> list[tuple[int, str]]:
        """Return what holds a delivery now: until when (UTC microseconds) and what it is, the
        latest first.  `limits` are those of the chain; nothing is taken."""
        return self.granting.when(delivery, self._with_own(limits))

    def _with_own(self, limits: list[Limit]) -> list[Limit]:
        return [*limits, *self._slowing.limits(trio.current_time())]

    async def _hold(self, delivery: Delivery, hold: Hold) -> None:
        if hold.until is None:
            await self._decide(delivery, "held", hold.code, hold.text)
        else:
            due_at = max(micros(hold.until), self._clock.micros() + SOON)
            await self._decide(delivery, "queued", hold.code, hold.text, due_at)

    async def _decide(
        self,
        delivery: Delivery,
        to: Literal["queued", "held", "dropped"],
        code: str,
        reason: str,
        due_at: int | None = None,
    ) -> None:
        decision = Decision(delivery=delivery.id, to=to, due_at=due_at, code=code, reason=reason)
        await self._decided(delivery, decision)

    async def _decided(self, delivery: Delivery, decision: Decision) -> None:
        await self.attempts.persist(lambda: self._store.decide([decision], at=self._clock.micros()))
        if decision.to != "queued":
            self._report.decided(delivery, decision.to, decision.code)

    def _pace(self) -> float | None:
        """Return how many a second may go by the limits that all of them count against."""
        rates = [limit for limit in self.granting.shared if isinstance(limit, Rate)]
        return max(
            (one.per_second for one in rates if not one.key.startswith(SLOWED)), default=None
        )

    def _pause(self, seconds: float) -> None:
        until = trio.current_time() + seconds
        for priority in (0, 1, 2):
            self._hold_back(priority, until)

    def _hold_back(self, priority: int, until: float) -> None:
        self._paused[priority] = max(self._paused.get(priority, 0.0), until)
