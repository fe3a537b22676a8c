"""What a benchmark says: one figure, its goal, and how it was measured."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from statistics import median, quantiles

import msgspec


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of `make bench`.  `goal` None: measured for the profile, with nothing to reach."""

    figure: str
    value: float
    unit: str
    goal: float | None
    how: str
    part: str | None = None

    def line(self) -> str:
        """The figure as a line of JSON."""
        shown = msgspec.structs.asdict(self) | {"value": _rounded(self.value)}
        if self.part is None:
            del shown["part"]
        return msgspec.json.encode(shown).decode()


def middle(values: Sequence[float]) -> float:
    """The median: what a round usually gives, whatever else the machine did in one of them."""
    return median(values)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent do not exceed."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def told(text: str) -> None:
    """Say on stderr what is going on."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def cpu_seconds(pid: int) -> float:
    """CPU time of another process, all threads, user and system, to the nanosecond.

    The clock's id is made as Linux makes it (clock_getcpuclockid(3)).
    """
    return time.clock_gettime((~pid << 3) | 2)


def _rounded(value: float) -> float:
    return float(f"{value:.3g}") if abs(value) < 1000 else round(value)
