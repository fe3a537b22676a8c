"""A small world for the limiter: deliveries that come, wait, go and come back, by the clock.

What it checks with is written without the limiter's own ways: it knows first bytes only.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from itertools import count
from math import ceil

import msgspec

from gateway.limiter import Grant, Limiter
from gateway.rates import HEADROOM
from gateway.store.protocol import QuotaUse
from gateway.verdicts import Closed, Limit, Quota
from tests.gateway.wires import START, TINY

BACK = 0.5
"""Seconds after which what was given back asks again."""
SLOWEST = 1.2
"""Seconds that a first byte, or what is given back, takes at most."""


class Coming(msgspec.Struct, frozen=True):
    """A delivery: when it comes, to whom, how long its first byte takes, whether its first grant
    is given back; `gone`: for good, as begin refused it."""

    at: float
    who: str
    delay: float = 0.0
    back: bool = False
    gone: bool = False


class Sent(msgspec.Struct, frozen=True):
    """A first byte: which delivery, to whom, when it was granted and when it left."""

    delivery: int
    who: str
    due: float
    granted: float
    at: float


Limits = Callable[[int, str, float], list[Limit]]
"""(delivery, to whom, when it asks in steady seconds) → its limits."""


class World:
    """Runs deliveries through a limiter, in the order of time."""

    def __init__(self, limits: Limits, *, restarts: Sequence[float] = ()) -> None:
        self.limits = limits
        self.limiter = Limiter(0.0)
        self.sent: list[Sent] = []
        self.changes: list[float] = []
        """When something was given back, or all was started anew."""
        self.ahead = START
        """UTC less steady seconds; a clock that is set anew changes it."""
        self._uses: list[QuotaUse] = []
        self._flying: dict[int, tuple[Grant, Sent]] = {}
        self._order = count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        for at in restarts:
            self.at(at, self._restart)

    def at(self, at: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at, next(self._order), act))

    def run(self, coming: Sequence[Coming], until: float) -> None:
        for id, one in enumerate(coming, 1):
            self.at(one.at, lambda now, id=id, one=one: self._ask(id, one, one.back, now))
        while self._events and self._events[0][0] <= until:
            at, _, act = heapq.heappop(self._events)
            act(at)

    def _ask(self, id: int, one: Coming, back: bool, now: float) -> None:
        limits = self.limits(id, one.who, now)
        answer = self.limiter.take(limits, now, self.ahead + now, str(id), id)
        if not isinstance(answer, Grant):
            assert answer.again <= answer.until + TINY
            again = max(answer.again, now + 1e-6)
            self.at(again, lambda now: self._ask(id, one, back, now))
            return
        if back:
            self.at(now + one.delay, lambda now: self._given_back(id, one, answer, now))
            return
        self._uses += answer.uses
        sent = Sent(id, one.who, one.at, now, now + one.delay)
        self._flying[id] = (answer, sent)
        self.at(now + one.delay, lambda _: self._left(id))

    def _given_back(self, id: int, one: Coming, grant: Grant, now: float) -> None:
        grant.give_back()
        self.changes.append(now)
        if one.gone:
            return
        again = msgspec.structs.replace(one, at=now + BACK)
        self.at(again.at, lambda now: self._ask(id, again, False, now))

    def _left(self, id: int) -> None:
        if id in self._flying:
            grant, sent = self._flying.pop(id)
            grant.sent(sent.at)
            self.sent.append(sent)

    def _restart(self, now: float) -> None:
        """Killed: what was in the air left, and nobody could write down when."""
        for _, sent in self._flying.values():
            self.sent.append(msgspec.structs.replace(sent, at=now))
        self._flying.clear()
        still = [use for use in self._uses if use.until > (self.ahead + now) * 1e6]
        self.limiter = Limiter(now, still)
        self.changes.append(now)


def binds(limit: Limit, before: Sequence[Sent], who: str, at: float, utc: float) -> bool:
    """Whether one more first byte at `at` would break a limit, or come nearer to it than the
    documented headroom.  `before` is what left, or was in the air, by then."""
    times = sorted(one.at for one in before)
    if isinstance(limit, Closed):
        return utc < limit.until.timestamp() + TINY
    if isinstance(limit, Quota):
        inside = [one for one in before if one.at > at - limit.window - TINY]
        if limit.once:
            first = min(times, default=at)
            return at - first < limit.window + TINY and len(before) + 1 > limit.n
        if limit.distinct is None:
            return len(inside) + 1 > limit.n
        known = {one.who for one in inside}
        return who not in known and len(known) + 1 > limit.n
    spread = limit.per_second / (1 + 2 * HEADROOM)
    if limit.per_second >= 1:
        n = ceil(limit.per_second)
        span = n / limit.per_second * (1 + 2 * HEADROOM)
        if sum(one > at - span for one in times) + 1 > n:
            return True
    return any(
        len(times) - index + 1 > limit.burst + (at - one) * spread - TINY
        for index, one in enumerate(times)
    )
