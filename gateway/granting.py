"""The limits of one sender's deliveries: each is granted, waits a moment, or comes back later."""

from __future__ import annotations

from bisect import insort
from collections.abc import Awaitable, Callable
from math import inf

import trio

from gateway.attempt import Report
from gateway.clock import Clock, WallTime
from gateway.limiter import Grant, Limiter, Wait
from gateway.message import Delivery
from gateway.store.protocol import Decision, micros
from gateway.verdicts import Limit, Quota, Rate

AHEAD = 0.050
"""Seconds of work that are leased ahead of the limits: a STOP finds little to undo."""


class _Waiting:
    """A delivery in line.  `answer` is None until it is known, and if sending stops."""

    __slots__ = ("_woken", "answer", "delivery", "limits", "started", "turn")

    def __init__(self, delivery: Delivery, limits: list[Limit], started: float) -> None:
        self.delivery, self.limits, self.started = delivery, limits, started
        self.turn = _turn(delivery)
        self.answer: Grant | Wait | None = None
        self._woken = trio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def woken_within(self, seconds: float) -> None:
        """Sleep until it is woken, so long at most; not at all if it has its answer."""
        if self.answer is None:
            with trio.move_on_after(seconds):
                await self._woken.wait()
            self._woken = trio.Event()


class Granting:
    """Takes the limits of one delivery after the other: replies first, then the oldest message."""

    def __init__(
        self,
        limiter: Limiter,
        clock: Clock,
        report: Report,
        stopping: trio.Event,
        decide: Callable[[Delivery, Decision], Awaitable[None]],
        pause: Callable[[int, float], None],
    ) -> None:
        """`decide` gives a delivery back or drops it; `pause(priority, until)` holds all of a
        priority back, until an instant in steady seconds."""
        self._limiter = limiter
        self._clock = clock
        self._wall = WallTime(clock.micros)
        self._report = report
        self._stopping = stopping
        self._decide = decide
        self._pause = pause
        self._line: list[_Waiting] = []  # replies first, then the oldest message
        self._distance = AHEAD / 4  # seconds between grants, learned
        self._last_grant = 0.0
        self._keys: frozenset[str] = frozenset()
        self.shared: list[Rate | Quota] = []
        """Limits that all of this sender count against."""

    @property
    def interval(self) -> float:
        """Seconds from one to the next as the limits allow it that all share; as it went lately,
        if there are none.  What a slow disk makes of it must not lease even less ahead."""
        rates = [limit.per_second for limit in self.shared if isinstance(limit, Rate)]
        return 1 / min(rates) if rates else self._distance

    async def granted(self, delivery: Delivery, limits: list[Limit]) -> Grant | None:
        """Take all limits, waiting some milliseconds if it must; None if it comes back later."""
        started = trio.current_time()
        if not (self._line or self._stopping.is_set()):  # nobody waits before this one
            answer = self._take(delivery, limits, started)
            if isinstance(answer, Grant):
                return answer
        mine = _Waiting(delivery, limits, started)
        insort(self._line, mine, key=lambda one: one.turn)
        leads = False
        try:
            while mine.answer is None and not self._stopping.is_set():
                if self._line[0] is mine:
                    leads = True
                    await mine.woken_within(self._answered(mine))
                else:
                    await mine.woken_within(inf)
        except BaseException:
            if isinstance(mine.answer, Grant):
                mine.answer.give_back()
            raise
        finally:
            if mine.answer is None:
                self._line.remove(mine)
            if leads or mine.answer is None:
                self._go_on()
        if isinstance(mine.answer, Grant):
            return mine.answer
        if mine.answer is None:  # it stops
            await self._decide(delivery, Decision(delivery=delivery.id, to="queued"))
        else:
            await self._not_yet(delivery, mine.answer, limits)
        return None

    def _go_on(self) -> None:
        """Answer those who come next, as far as that can be said in this moment: a busy event
        loop comes round every few milliseconds, and many may go by then.  Wake the next one."""
        while self._line and not self._stopping.is_set():
            first = self._line[0]
            self._answered(first)
            if first.answer is None:
                break
            first.wake()
        if self._line:
            self._line[0].wake()

    def _answered(self, first: _Waiting) -> float:
        """Answer the first in line, who is out of it then; or say how many seconds it waits."""
        answer = self._take(first.delivery, first.limits, first.started)
        wait = 0.0
        if isinstance(answer, Wait):
            wait = max(0.0, answer.again - trio.current_time())  # time goes on meanwhile
        if isinstance(answer, Grant) or wait > AHEAD * 1.5:
            first.answer = answer
            del self._line[0]
            return 0.0
        return wait

    def when(self, delivery: Delivery, limits: list[Limit]) -> list[tuple[int, str]]:
        """Return what holds a delivery now: until when (UTC microseconds) and what it is, the
        latest first.  Nothing is taken."""
        now, utc = trio.current_time(), self._clock.micros()
        found = self._limiter.when(limits, now, utc / 1e6, _turn(delivery))
        return [(self._wall.micros(wait.until), wait.reason) for wait in found]

    def _take(self, delivery: Delivery, limits: list[Limit], started: float) -> Grant | Wait:
        now, utc = trio.current_time(), self._clock.micros() / 1e6
        answer = self._limiter.take(limits, now, utc, str(delivery.id), _turn(delivery))
        if isinstance(answer, Grant):
            self._learn(now, limits)
            self._report.stage("limits_wait", now - started)
        return answer

    def _learn(self, now: float, limits: list[Limit]) -> None:
        # A moment in which nothing was due says little: what follows it must not begin from naught.
        distance = min(now - self._last_grant, AHEAD / 2)
        self._last_grant = now
        self._distance += (distance - self._distance) * 0.2
        keyed = [limit for limit in limits if isinstance(limit, Rate | Quota)]
        self.shared = [limit for limit in keyed if limit.key in self._keys] or self.shared
        self._keys = frozenset(limit.key for limit in keyed)

    async def _not_yet(self, delivery: Delivery, wait: Wait, limits: list[Limit]) -> None:
        """Give a delivery back, with the reason; drop it if its time is over by then.

        A rate that the one before counted against too concerns all of its kind: it stays due
        and the queue waits.  Otherwise this one alone comes back later.
        """
        self._report.waited(wait.kind, max(0.0, wait.again - trio.current_time()))
        back = Decision(delivery=delivery.id, to="queued", code="limit", reason=wait.reason)
        expires_at = delivery.message.expires_at
        shared = wait.key in self._keys and any(
            isinstance(limit, Rate) and limit.key == wait.key for limit in limits
        )
        if wait.fixed and expires_at and self._wall.micros(wait.until) >= micros(expires_at):
            over = f"{wait.reason}: until after its time is over"
            back = Decision(delivery=delivery.id, to="dropped", code="expired", reason=over)
        elif shared:
            self._pause(delivery.priority, wait.again - AHEAD / 2)
        else:
            back = Decision(
                delivery=delivery.id, to="queued", due_at=self._wall.micros(wait.again),
                code="limit", reason=wait.reason,
            )  # fmt: skip
        await self._decide(delivery, back)


def _turn(delivery: Delivery) -> int:
    """Its place among those who wait for one: replies first, then the oldest message."""
    return delivery.priority << 64 | delivery.id
