"""Slower for a while: half as fast after each "too fast" of the provider, then faster step by step.

Additive increase, multiplicative decrease (as TCP does, RFC 5681): the rate is halved, at most
once in HEARD seconds, and every STEP_EVERY seconds without another refusal a STEPS-th of the old
rate comes back, until it is the old one and this limit is gone.  In memory only: a start begins
at the full rate, and the first refusal halves it within a moment.

Pure: times are seconds of one steady clock.
"""

from __future__ import annotations

from gateway.verdicts import Rate

SLOWEST = 1.0
"""Messages a second that are always tried."""

HEARD = 5.0
"""Seconds after a halving in which more refusals are about what was in the air before it."""

STEP_EVERY = 15.0
STEPS = 20
"""From half the rate to the whole takes ten steps: two and a half minutes."""

KEY = "slowed"
"""Kind of the limit, before the sender's name; a metric's label."""


class Slowing:
    """How fast one sender may go.  `factor` multiplies every wait."""

    def __init__(self, sender: str, factor: float = 1.0) -> None:
        self._key = f"{KEY}:{sender}"
        self._factor = factor
        self._full = 0.0  # messages a second, before the first halving
        self._low = 0.0  # after the last one; 0: not slowed
        self._at = 0.0  # of the last one

    def slow(self, now: float, full: float) -> bool:
        """The provider said that `full` messages a second are too many; False if it was known."""
        rate = self.rate(now)
        if rate is not None and now < self._at + HEARD * self._factor:
            return False
        if rate is None:
            self._full = max(full, SLOWEST)
            rate = self._full
        self._low = max(SLOWEST, rate / 2)
        self._at = now
        return True

    def rate(self, now: float) -> float | None:
        """Return how many a second may go; None: it is slowed by nothing."""
        if not self._low:
            return None
        steps = int(max(0.0, now - self._at) / (STEP_EVERY * self._factor))
        rate = self._low + steps * self._full / STEPS
        if rate < self._full:
            return rate
        self._low = 0.0
        return None

    def share(self, now: float) -> float:
        """Return the rate as a part of the full one, 0 to 1."""
        rate = self.rate(now)
        return 1.0 if rate is None else rate / self._full

    def limits(self, now: float) -> list[Rate]:
        """Return the limit that holds at this moment, if there is one."""
        rate = self.rate(now)
        if rate is None:
            return []
        return [Rate(self._key, rate, words=f"{rate:.3g} per second, the provider asked for less")]
