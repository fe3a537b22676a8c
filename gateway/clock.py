"""The time, injected: what decides about people and limits never asks the system itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import trio

DRIFT = 50_000
"""Microseconds by which the clocks may differ from what was measured before it is measured again."""


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """Return the time, aware."""
        return datetime.now(UTC)

    def micros(self) -> int:
        """Return UTC microseconds."""
        return time.time_ns() // 1000


class WallTime:
    """Steady seconds (trio's) as UTC microseconds.

    The same instant is always the same number, however often it is asked for: what waits for one
    moment keeps its order.
    """

    def __init__(self, micros: Callable[[], int]) -> None:
        """`micros` tells the time, UTC microseconds."""
        self._now = micros
        self._ahead = 0

    def micros(self, steady: float) -> int:
        """Return when an instant is, UTC microseconds."""
        ahead = self._now() - round(trio.current_time() * 1e6)
        if abs(ahead - self._ahead) > DRIFT:
            self._ahead = ahead
        return self._ahead + round(steady * 1e6)
