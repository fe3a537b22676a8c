"""A machine's clocks, to be set, suspended and taken back by a test."""

from __future__ import annotations

from gateway.clock import SystemClock

SECOND = 1_000_000
HOUR = 3600 * SECOND
NOON = 1_800_000_000_000_000


class Machine:
    """Clocks in microseconds: `wall` can be set, `boot` counts on whatever happens.

    `between`: how long the process stands still between two looks at them.
    """

    def __init__(self, wall: int = NOON, boot: int = 7 * HOUR) -> None:
        self.wall = wall
        self.boot = boot
        self.between = 0

    def clock(self) -> SystemClock:
        return SystemClock(self._read_wall, lambda: self.boot)

    def _read_wall(self) -> int:
        self.run(self.between / SECOND)
        return self.wall

    def run(self, seconds: float) -> None:
        """Let time pass, suspended or not."""
        self.wall += round(seconds * SECOND)
        self.boot += round(seconds * SECOND)

    def step(self, by: int) -> None:
        """Set the clock."""
        self.wall += by
