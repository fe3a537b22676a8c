"""The circuit breaker of one sender: when a provider does not answer, less and less is tried.

    closed ── 3 in a row without an answer ──▶ open ── its pause is over ──▶ half_open
       ▲                                        ▲                               │
       │                                        └────────── no answer ──────────┤
       └──────────────────────── any answer, a refusal too ─────────────────────┘

While half open one request at a time is made.  Pure: times are seconds of one steady clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

State = Literal["closed", "half_open", "open"]

STATES: tuple[State, ...] = ("closed", "half_open", "open")

FAILING = 3
"""From so many requests in a row on without an answer the breaker is open."""

LONGEST = 60.0
"""Seconds; cap of the pause, which begins with one and doubles."""


class Breaker:
    """Counts what got no answer.  `chance` returns 0 to 1, `factor` multiplies every pause."""

    def __init__(self, chance: Callable[[], float], factor: float = 1.0) -> None:
        self._chance = chance
        self._factor = factor
        self._failures = 0
        self._pauses = 0
        self._until = 0.0

    def state(self, now: float) -> State:
        """Return what it is at this moment."""
        if self._failures < FAILING:
            return "closed"
        return "open" if now < self._until else "half_open"

    @property
    def failing(self) -> bool:
        """Whether the provider cannot be reached, or does not answer: at most one at a time."""
        return self._failures >= FAILING

    def failed(self, now: float) -> float | None:
        """Take note of a request without an answer; returns for how long nothing is to be tried.

        What fails while it is open was in the air before, and does not lengthen the pause.
        """
        was = self.state(now)
        self._failures += 1
        if not self.failing or was == "open":
            return None
        longest = min(2.0 ** min(self._pauses, 10), LONGEST) * self._factor
        self._pauses += 1
        pause = longest * (0.5 + self._chance() / 2)
        self._until = now + pause
        return pause

    def answered(self) -> bool:
        """Take note of an answer; returns whether the breaker was open until then."""
        was, self._failures, self._pauses = self.failing, 0, 0
        return was
