"""The time, injected: what decides about people and limits never asks the system itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import trio

DRIFT = 50_000
"""Microseconds by which the clocks may differ from what was measured before it is measured again."""


STEP = 60_000_000
"""Microseconds; a larger step of the machine's clock is not believed."""

LATE = 300_000_000
"""Microseconds that a provider's time may be ahead of ours: its clock and ours are never one …"""

FAR = 30 * 86_400_000_000
"""… and from which on it is no time, but an odd number."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _wall() -> int:
    return time.time_ns() // 1000


def _boot() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


class Clock(Protocol):
    """What tells the time: `SystemClock`, and what tests put in its place."""

    def micros(self) -> int:
        """Return UTC microseconds."""
        ...


class SystemClock:
    """The machine's clock, in UTC, that does not believe a jump.

    Small steps and slewing are followed.  After a larger step (a person, NTP, a machine that was
    woken from a snapshot) time goes on by the time since boot, which counts while suspended and
    which nobody sets; until the clock is back, or `believe` is called.  So no window opens, no
    quota is forgiven and nothing becomes due because of a wrong clock.
    """

    def __init__(self, wall: Callable[[], int] = _wall, boot: Callable[[], int] = _boot) -> None:
        """`wall` UTC microseconds, `boot` microseconds since the machine started."""
        self._wall = wall
        self._boot = boot
        self._ahead = wall() - boot()
        self._believed = False
        self.behind = False
        """Whether the machine's clock shows what is known to be over."""

    def now(self) -> datetime:
        """Return the time, aware."""
        return _EPOCH + timedelta(microseconds=self.micros())

    def micros(self) -> int:
        """Return UTC microseconds."""
        boot = self._boot()
        ahead = self._wall() - boot
        if abs(ahead - self._ahead) <= STEP or (self.behind and ahead > self._ahead):
            self._ahead = ahead
            self.behind = False
        return boot + self._ahead

    @property
    def jump(self) -> int:
        """By how many microseconds the machine's clock is ahead of this one; 0: it is believed."""
        return self._wall() - self.micros() if self._doubts() else 0

    def _doubts(self) -> bool:
        self.micros()
        return self.behind or abs(self._wall() - self._boot() - self._ahead) > STEP

    def since_boot(self) -> int:
        """Return microseconds since the machine started, those of a suspension included."""
        return self._boot()

    def not_before(self, at: int) -> None:
        """It is at least `at` (UTC microseconds): what was stored was stored before."""
        if at > self.micros() + STEP and not self._believed:
            self._ahead = at - self._boot()
            self.behind = True

    def heard(self, at: int) -> None:
        """A provider named this time as over, UTC microseconds."""
        if LATE < at - self.micros() <= FAR:
            self.not_before(at)

    def believe(self) -> None:
        """Follow the machine's clock from here on: a person says that it is right."""
        self._ahead = self._wall() - self._boot()
        self.behind, self._believed = False, True


def day_began(now: datetime, zone: str) -> datetime:
    """Return when the day began that it is in a zone; it may have 23 hours or 25."""
    here = now.astimezone(ZoneInfo(zone))
    return here.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


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
