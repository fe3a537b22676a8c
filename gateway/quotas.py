"""Quotas: when what counts under one key went, or who stands in it, and who waits for a place.

All times are steady seconds: a clock that is set anew neither opens a quota nor closes one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice

from gateway.verdicts import Quota

MOMENT = 1.0  # seconds after which to ask again, when it depends on what is in the air

LOOK_AGAIN = 60.0
"""Seconds after which one who waits in line asks again: a place may have come free before …"""
EACH_WAITING = 0.010
"""… and longer the longer the line is: asking costs time of the others."""
LONGEST_LINE = 20_000
"""Places in line that are kept; who comes behind them asks again after FAR."""
FAR = 3600.0
LATE = 5.0
"""Seconds after which one who did not come back in time has lost the place."""

NEAR = 1e-7  # seconds; what is nearer than this is now, and rounding

KEPT_ONCE = 7 * 86_400.0
"""Seconds that it is remembered that a `once` has opened."""


class Times:
    """What counts under one key, however often the same subject comes: times in order."""

    __slots__ = ("_at", "_unsent", "longest")

    def __init__(self, past: Sequence[tuple[float, str]]) -> None:
        self._at = [at for at, _ in past]
        self._unsent = 0
        self.longest = 0.0
        """Seconds that a use is worth keeping: the longest window of all quotas of the key."""

    def opened(self, quota: Quota, now: float) -> bool:
        """Whether a `once` has opened for good."""
        return quota.once and bool(self._at) and self._at[0] + quota.window <= now

    def free_in(self, quota: Quota, now: float) -> tuple[float, float]:
        """Return in how many seconds the next may go, and in how many to ask again: what is in
        the air may come back."""
        self.longest = max(self.longest, KEPT_ONCE if quota.once else quota.window)
        over = 0 if quota.once else bisect_right(self._at, now - quota.window + NEAR)
        excess = len(self._at) - over + self._unsent + 1 - quota.n
        if excess <= 0:
            return 0.0, 0.0
        index = 0 if quota.once else over + excess - 1  # the one opens as a whole
        known = index < len(self._at)
        free = self._at[index] + quota.window - now if known else quota.window
        if not (self._unsent and quota.n):
            return free, free
        if excess <= self._unsent:
            return MOMENT, MOMENT
        earliest = self._at[0 if quota.once else index - self._unsent] + quota.window - now
        return free, min(free, max(MOMENT, earliest))

    def count(self, quota: Quota, now: float) -> int:
        """Return how many count now, what is in the air included."""
        return len(self._at) - bisect_right(self._at, now - quota.window + NEAR) + self._unsent

    def take(self, subject: str) -> None:
        """One more is granted."""
        self._unsent += 1

    def sent(self, subject: str, at: float) -> None:
        """One that was granted left."""
        self._unsent -= 1
        over = bisect_right(self._at, at - self.longest)
        if over:
            del self._at[:over]
        insort(self._at, at)

    def give_back(self, subject: str) -> None:
        """One that was granted was not sent."""
        self._unsent -= 1

    def idle(self, now: float) -> bool:
        """Whether nothing counts any more."""
        return not self._unsent and (not self._at or self._at[-1] + self.longest <= now)


class Subjects:
    """Who counts under one key and window: each with the last time, and who waits for a place."""

    __slots__ = ("_new", "_sent", "_unsent", "line", "window")

    def __init__(self, window: float, past: Sequence[tuple[float, str]]) -> None:
        self.window = window
        self._sent: OrderedDict[str, float] = OrderedDict()
        for at, subject in past:
            self._sent[subject] = at
            self._sent.move_to_end(subject)
        self._unsent: dict[str, int] = {}
        self._new = 0  # of those in the air, how many count only because of it
        self.line = Line()

    def free_in(self, quota: Quota, more: int, now: float, turn: int) -> tuple[float, float]:
        """Return in how many seconds it may go, and in how many to ask again."""
        self._forget(now)
        if quota.distinct in self._sent or quota.distinct in self._unsent:
            return 0.0, 0.0  # this one counts already
        unsure = self._new + more
        excess = len(self._sent) + unsure + self.line.ahead(turn, now) + 1 - quota.n
        if excess <= 0:
            return 0.0, 0.0
        if quota.n and excess <= unsure:
            return MOMENT, MOMENT  # some of what is in the air may come back
        times = islice(self._sent.values(), excess - 1 - (unsure if quota.n else 0), None)
        earliest = next(times, now) + self.window - now  # if what is in the air comes back
        free = earliest
        if unsure and quota.n:
            free = next(islice(times, unsure - 1, None), now) + self.window - now
            earliest = max(MOMENT, earliest)
        return free, min(free, self.line.pause, earliest)

    def count(self, quota: Quota, now: float) -> int:
        """Return how many count now, those in the air included."""
        self._forget(now)
        return len(self._sent) + self._new

    def take(self, subject: str) -> None:
        """One more is granted to a subject."""
        if subject not in self._unsent and subject not in self._sent:
            self._new += 1
        self._unsent[subject] = self._unsent.get(subject, 0) + 1

    def sent(self, subject: str, at: float) -> None:
        """One that was granted left: the subject counts from here on."""
        self._landed(subject)
        if subject not in self._sent:
            self._new -= 1
        if self._sent:
            at = max(at, next(reversed(self._sent.values())))
        self._sent[subject] = at
        self._sent.move_to_end(subject)

    def give_back(self, subject: str) -> None:
        """One that was granted was not sent."""
        if self._landed(subject) and subject not in self._sent:
            self._new -= 1

    def idle(self, now: float) -> bool:
        """Forget what is over; True if nothing is left."""
        self._forget(now)
        return not self._sent and not self._unsent

    def _landed(self, subject: str) -> bool:
        """One less in the air; True if it was the last of this subject."""
        left = self._unsent[subject] - 1
        if left:
            self._unsent[subject] = left
        else:
            del self._unsent[subject]
        return not left

    def _forget(self, now: float) -> None:
        while self._sent:
            subject, at = next(iter(self._sent.items()))
            if at + self.window > now + NEAR:
                return
            del self._sent[subject]
            if subject in self._unsent:
                self._new += 1


class Line:
    """Who waits for a place, by turn: the lower goes first.  0 is nobody's turn."""

    __slots__ = ("_back", "_turns")

    def __init__(self) -> None:
        self._turns: list[int] = []
        self._back: dict[int, float] = {}  # until when each comes back

    def __len__(self) -> int:
        return len(self._turns)

    @property
    def pause(self) -> float:
        """Seconds after which one who waits asks again."""
        if len(self._turns) >= LONGEST_LINE:
            return FAR
        return LOOK_AGAIN + EACH_WAITING * len(self._turns)

    def ahead(self, turn: int, now: float) -> int:
        """Return how many go before that turn; who did not come back has lost the place."""
        while self._turns and self._back[self._turns[0]] + LATE < now:
            del self._back[self._turns.pop(0)]
        return bisect_left(self._turns, turn) if turn else 0

    def note(self, turn: int, until: float) -> None:
        """Note who stands in line, and until when that one comes back."""
        if turn in self._back or (turn and len(self._turns) < LONGEST_LINE):
            if turn not in self._back:
                insort(self._turns, turn)
            self._back[turn] = until

    def leave(self, turn: int) -> None:
        """Whoever has that turn got a place, and waits no more."""
        if self._back.pop(turn, None) is not None:
            del self._turns[bisect_left(self._turns, turn)]


def after(until: float, utc: float) -> float:
    """Return how many seconds it is until then; 0 if that is over."""
    return until - utc + TICK if until > utc else 0.0


TICK = 1e-6
"""Seconds; what lies nearer than this is now: UTC as a float is no finer."""
