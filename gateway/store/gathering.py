"""Under load, jobs of the writer are gathered for a moment: a commit costs more than a job."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

MANY = 64
"""Jobs within WITHIN that make it worth while: one message on its way makes a dozen."""

WITHIN = 0.100
"""Seconds."""

GATHER = 0.002
"""Seconds from one commit to the next transaction at least, while so many come."""


class Gathering:
    """Says to the thread that writes how long to wait.  Used in that thread alone."""

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._ended = deque([float("-inf")] * MANY, MANY)  # when each of the last jobs ended

    def wait(self) -> None:
        """Called when work has come: wait for more, if many came lately."""
        now = self._clock()
        if now - self._ended[0] < WITHIN:
            left = self._ended[-1] + GATHER - now
            if left > 0:
                self._sleep(left)

    def done(self, jobs: int) -> None:
        """Called after a commit, with how many jobs were in it."""
        self._ended.extend([self._clock()] * min(jobs, MANY))
