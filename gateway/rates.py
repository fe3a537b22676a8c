"""Rates: a log of first bytes over one window, and spacing with a small credit, by key."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil, inf

from gateway.verdicts import Rate

HEADROOM = 0.006
"""Share of the spacing that is added: the wire's jitter must not touch the limit."""

LONGEST_SPAN = 2.01  # seconds that a Rate from one per second upwards looks back at most


class Pace:
    """One Rate of a key.  `next`: when its whole credit is back; each send moves it on.

    From one per second upwards (`n` > 0) it only smooths, at the grant, and the key's log is what
    holds.  Below, it is the limit itself and counts at the first byte.
    """

    __slots__ = ("allowance", "n", "next", "spacing", "span")

    def __init__(self, rate: Rate, born: float, past: Sequence[float], last: float) -> None:
        self.spacing = (1.0 + HEADROOM) / rate.per_second
        self.allowance = (rate.burst - 1) * self.spacing
        self.n = ceil(rate.per_second) if rate.per_second >= 1 else 0
        # A thousandth more, so that a window with both ends in it holds no more either.
        self.span = self.n / rate.per_second * 1.001
        # What nobody knows of counts as a credit that was spent.
        if self.n:
            self.next = max(born, last) + self.allowance
        else:  # uses are stored for `memory`: a restart neither forgives nor forgets them
            self.next = born - self.memory / 2
            for at in past:
                if at > born - self.memory:  # its credit counts as spent at that time
                    self.next = max(self.next, at) + self.spacing
            self.next = max(self.next, last + self.memory / 2)

    @property
    def memory(self) -> float:
        """Seconds that a use is worth storing: twice the time that a spent credit needs."""
        return 2 * (self.allowance + self.spacing)


class Key:
    """What went out under one key of rates, and what is about to."""

    __slots__ = (
        "_born",
        "_known_since",
        "_last",
        "_last_take",
        "_log",
        "_paces",
        "_past",
        "name",
        "unsent",
    )

    def __init__(self, name: str, born: float, past: Sequence[float]) -> None:
        """`past`: when stored sends went, in steady seconds."""
        self.name = name
        self._past = past
        self._born = self._known_since = born
        self._last = self._last_take = -inf
        self._log: deque[float] | None = None
        self._paces: dict[tuple[float, int], Pace] = {}
        self.unsent = 0
        """What was granted and has not left."""

    def pace(self, rate: Rate) -> Pace:
        """Return the state of one of its rates, made anew if it is the first time."""
        pace = self._paces.get((rate.per_second, rate.burst))
        if pace is None:
            if len(self._paces) > 4:  # a plugin that changes its rate all the time
                del self._paces[next(iter(self._paces))]
            pace = Pace(rate, self._born, self._past, self._last)
            self._paces[rate.per_second, rate.burst] = pace
            if self._log is None and pace.n:
                self._log = deque(maxlen=pace.n)
                self._known_since = max(self._born, self._last)
            elif self._log is not None and pace.n > (self._log.maxlen or 0):
                self._log = deque(self._log, maxlen=pace.n)
        return pace

    def ready_at(self, pace: Pace, now: float) -> float:
        """Return when the next may go, if what is in the air is sent now."""
        if not pace.n:
            ahead = pace.next if pace.next > now else now
            return ahead + (self.unsent * pace.spacing - pace.allowance)
        at = pace.next - pace.allowance
        room = pace.n - self.unsent
        if room <= 0:
            return max(at, now + pace.span)
        assert self._log is not None
        index = len(self._log) - room
        oldest = self._log[index] if index >= 0 else self._known_since
        return max(at, oldest + pace.span)

    def take(self, paces: Sequence[Pace], now: float) -> None:
        """One more is granted, by all of these."""
        self.unsent += 1
        self._last_take = now
        for pace in paces:
            if pace.n:
                pace.next = max(pace.next, now) + pace.spacing

    def sent(self, at: float) -> None:
        """The first byte of one that was granted left."""
        self.unsent -= 1
        self._last = max(at, self._last)
        if self._log is not None:
            self._log.append(self._last)
        for pace in self._paces.values():
            if not pace.n:
                pace.next = max(pace.next, self._last) + pace.spacing

    def passed(self, n: int, at: float) -> None:
        """So many went, or came, without being granted."""
        self.unsent += n
        for _ in range(n):
            self.sent(at)

    def give_back(self, paces: Sequence[Pace], taken: float) -> None:
        """One that was granted at `taken` was not sent."""
        self.unsent -= 1
        for pace in paces:
            if pace.n:
                pace.next -= pace.spacing
                if self._last_take > taken:  # that one keeps its own distance
                    pace.next = max(pace.next, self._last_take + pace.spacing)

    def idle(self, now: float) -> bool:
        """Whether nothing of it counts any more."""
        return (
            self.unsent == 0
            and self._last + LONGEST_SPAN < now
            and all(pace.next <= now for pace in self._paces.values())
        )
