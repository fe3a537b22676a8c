"""When may this one go, and why not yet: all limits of a delivery, taken together.

Pure: no I/O, no clock of its own.  Times are seconds of one steady clock (the daemon's), except
quotas, whose uses are stored and therefore in UTC.

A Rate from one per second upwards keeps the times of the last N first bytes.  What was granted
and has not reported its first byte yet counts as if it were sent now, so that no one-second
window on the wire ever holds more than N, however long a connection takes to open.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from math import inf

import msgspec

from gateway.store.protocol import QuotaUse
from gateway.verdicts import Closed, Limit, Quota, Rate

HEADROOM = 0.004
"""Share of the spacing that is added: the wire's jitter must not touch the limit."""

IDLE = 4096
"""Keys that are kept; beyond it the ones longest unused go, if they are full again."""


class Wait(msgspec.Struct, frozen=True):
    """Not yet: the latest of the limits, by name.  `until` is in seconds of the steady clock."""

    until: float
    key: str
    reason: str


class _Bucket:
    """One Rate: a log of first bytes over one window, and spacing with a credit."""

    __slots__ = ("_allowance", "_n", "_spacing", "_span", "_unsent", "log", "next_free")

    def __init__(self, rate: Rate, born: float, fresh: bool) -> None:
        self._spacing = 1.0 / rate.per_second * (1.0 + HEADROOM)
        self._allowance = (rate.burst - 1) * self._spacing
        self._n = int(rate.per_second) if rate.per_second >= 1 else 0
        # A thousandth more, so that a window with both ends in it holds no more either.
        self._span = self._n / rate.per_second * 1.001 if self._n else 0.0
        self._unsent = 0
        self.log: deque[float] = deque(maxlen=self._n or 1)
        # After a restart nobody knows what went just before: start with an empty credit.
        self.next_free = born if fresh else born + self._allowance
        if not fresh and self._n:
            self.log.extend([born] * self._n)

    def ready_at(self, now: float) -> float:
        """Return when the next one may be granted, inf while that depends on a first byte."""
        at = self.next_free - self._allowance
        if self._n:
            taken = self._unsent
            if taken >= self._n:
                return inf
            index = len(self.log) - (self._n - taken)
            if index >= 0:
                at = max(at, self.log[index] + self._span)
        return at if at > now else now

    def take(self, now: float) -> None:
        self.next_free = max(self.next_free, now) + self._spacing
        self._unsent += 1

    def sent(self, at: float) -> None:
        self._unsent -= 1
        if self._n:
            self.log.append(max(at, self.log[-1]) if self.log else at)

    def give_back(self) -> None:
        self._unsent -= 1
        self.next_free -= self._spacing

    def idle(self, now: float) -> bool:
        return (
            self._unsent == 0
            and self.next_free <= now
            and (not self.log or self.log[-1] + self._span < now)
        )


class _Uses:
    """One Quota: its uses in time order, with how often each subject stands in it."""

    __slots__ = ("at", "subjects")

    def __init__(self) -> None:
        self.at: deque[tuple[float, str]] = deque()
        self.subjects: dict[str, int] = {}

    def add(self, at: float, subject: str) -> None:
        self.at.append((at, subject))
        self.subjects[subject] = self.subjects.get(subject, 0) + 1

    def remove_last(self, at: float, subject: str) -> None:
        for index in range(len(self.at) - 1, -1, -1):
            if self.at[index] == (at, subject):
                del self.at[index]
                self._less(subject)
                return

    def forget(self, before: float) -> None:
        while self.at and self.at[0][0] <= before:
            self._less(self.at.popleft()[1])

    def _less(self, subject: str) -> None:
        left = self.subjects[subject] - 1
        if left:
            self.subjects[subject] = left
        else:
            del self.subjects[subject]


class Grant:
    """All limits of one delivery, taken.  Report the first byte, or give it back."""

    __slots__ = ("_buckets", "_done", "_quotas", "uses")

    def __init__(
        self,
        buckets: list[_Bucket],
        quotas: list[tuple[_Uses, float, str]],
        uses: tuple[QuotaUse, ...],
    ) -> None:
        self._buckets = buckets
        self._quotas = quotas
        self.uses = uses
        self._done = False

    def sent(self, at: float) -> None:
        """The first byte left at `at` (steady seconds).  Later calls change nothing."""
        if not self._done:
            self._done = True
            for bucket in self._buckets:
                bucket.sent(at)

    def give_back(self) -> None:
        """Nothing was sent: the limits are as if it had never been taken."""
        if not self._done:
            self._done = True
            for bucket in self._buckets:
                bucket.give_back()
            for uses, at, subject in self._quotas:
                uses.remove_last(at, subject)


class Limiter:
    """Holds the state of all limits of one node, by key."""

    def __init__(self, born: float, past: Sequence[QuotaUse] = ()) -> None:
        """`born`: now, in steady seconds.  `past`: stored uses that still count."""
        self._born = born
        self._buckets: OrderedDict[tuple[str, float, int], _Bucket] = OrderedDict()
        self._quotas: dict[str, _Uses] = {}
        for use in past:
            self._quotas.setdefault(use.key, _Uses()).add(use.at / 1e6, use.subject)

    def take(self, limits: Sequence[Limit], now: float, utc: float, who: str = "") -> Grant | Wait:
        """Take all limits, or none and say when and why.

        `now` steady seconds, `utc` seconds since 1970, `who` the delivery, for quotas that do
        not name a distinct subject.
        """
        worst: Wait | None = None
        buckets: list[_Bucket] = []
        quotas: list[tuple[_Uses, float, str]] = []
        uses: list[QuotaUse] = []
        for limit in limits:
            if isinstance(limit, Rate):
                bucket = self._bucket(limit, now)
                buckets.append(bucket)
                ready = bucket.ready_at(now)
                if ready > now:
                    worst = _later(
                        worst, Wait(ready, limit.key, f"{limit.per_second:g} per second")
                    )
            elif isinstance(limit, Quota):
                subject = limit.distinct if limit.distinct is not None else who
                use = self._quotas.setdefault(limit.key, _Uses())
                use.forget(utc - limit.window)
                if limit.distinct is not None and subject in use.subjects:
                    continue  # this one counts already
                if len(use.subjects if limit.distinct is not None else use.at) >= limit.n:
                    free = use.at[0][0] + limit.window if use.at else utc + limit.window
                    worst = _later(
                        worst,
                        Wait(
                            now + max(free - utc, 0.001),
                            limit.key,
                            f"{limit.n} per {limit.window:g} s",
                        ),
                    )
                    continue
                quotas.append((use, utc, subject))
                uses.append(QuotaUse(limit.key, subject, int(utc * 1e6)))
            elif isinstance(limit, Closed):
                wait = limit.until.timestamp() - utc
                if wait > 0:
                    worst = _later(worst, Wait(now + wait, "closed", limit.reason))
        if worst is not None:
            return worst
        for bucket in buckets:
            bucket.take(now)
        for use, at, subject in quotas:
            use.add(at, subject)
        return Grant(buckets, quotas, tuple(uses))

    def _bucket(self, rate: Rate, now: float) -> _Bucket:
        key = (rate.key, rate.per_second, rate.burst)
        bucket = self._buckets.get(key)
        if bucket is None:
            # Once the daemon has run as long as a full credit needs, a new key starts full.
            full = rate.burst / rate.per_second + (1.0 if rate.per_second >= 1 else 0.0)
            fresh = now - self._born >= full
            bucket = self._buckets[key] = _Bucket(rate, now if fresh else self._born, fresh)
            self._tidy(now)
        else:
            self._buckets.move_to_end(key)
        return bucket

    def _tidy(self, now: float) -> None:
        for _ in range(2):
            if len(self._buckets) <= IDLE:
                return
            key, bucket = next(iter(self._buckets.items()))
            if bucket.idle(now):
                del self._buckets[key]
            else:
                self._buckets.move_to_end(key)


def _later(one: Wait | None, other: Wait) -> Wait:
    return other if one is None or other.until > one.until else one
