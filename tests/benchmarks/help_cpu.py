"""`help_cpu_ms`: what `gateway --help` costs before anybody has read a word."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks.figures import Figure, middle, told

NAMES = ("help_cpu_ms",)


def measure(rounds: int = 15) -> Iterator[Figure]:
    """Yield its CPU time, Python's own start included."""
    _once()  # not counted: byte code is written, files come into the cache
    spent = [_once() * 1e3 for _ in range(rounds)]
    told(f"gateway --help takes {middle(spent):.0f} ms")
    how = f"user and system CPU time of the process, median of {rounds}"
    yield Figure("help_cpu_ms", middle(spent), "ms", 100.0, how)


def _once() -> float:
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "--help"], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime
