"""The one clock of a sandbox: runs by itself, and can be put forward by hours or days."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import trio


class Clock:
    """Calling it gives unix seconds; delays run on the same clock.

    `now` gives unix seconds when nobody put the clock forward.  A test may give a reading that
    stands still: then time stamps, windows and limits stand still, while delays go on with
    trio's clock.  `forward` moves all of them together.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._moved = trio.Event()
        self.ahead = 0.0
        """Seconds by which it was put forward."""
        self.woken: list[Callable[[], None]] = []
        """Called after each `forward`: those who wait in a way of their own."""

    def __call__(self) -> float:
        """Unix seconds."""
        return self._now() + self.ahead

    def by_system(self) -> Callable[[], float] | None:
        """How to get the seconds by which it is ahead of the system's clock; None: it runs on
        another one."""
        return (lambda: self.ahead) if self._now is time.time else None

    def running(self) -> float:
        """Seconds since some moment, for what is due later; never goes back."""
        return trio.current_time() + self.ahead

    def forward(self, seconds: float) -> None:
        """Let so much time pass at once, and wake those who waited for it."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError("the clock goes forward only")
        self.ahead += seconds
        self._moved.set()
        self._moved = trio.Event()
        for wake in self.woken:
            wake()

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed on this clock."""
        due = self.running() + seconds
        while (left := due - self.running()) > 0:
            with trio.move_on_after(left):
                await self._moved.wait()
