"""The time, injected: what decides about people and limits never asks the system itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        """Return the time, aware."""
        return datetime.now(UTC)

    def micros(self) -> int:
        """Return UTC microseconds."""
        return time.time_ns() // 1000
