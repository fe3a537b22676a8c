"""Whether a store can write, and what it takes meanwhile if it cannot.

What ends something (an outcome, a withdrawal, a stop) is always tried; what a webhook brings as
long as that leaves room for those; what is new only while all is well.
"""

from __future__ import annotations

import time
from enum import IntEnum
from typing import Protocol

from gateway.errors import Ailment, StoreFault

PASSING = ("readonly", "locked", "failing")
"""Are over as soon as something was written.  A full disk is over when there is room again; a
damaged file when it was restored, which takes a restart."""


class Work(IntEnum):
    """What a job is good for; the lower, the longer it is taken."""

    ENDS = 0
    HEARD = 1
    NEW = 2


class Condition:
    """How one store fares.  Read from any thread; a change is one assignment."""

    def __init__(self) -> None:
        self.fault: StoreFault | None = None
        self.since = 0.0
        """When that began, UTC seconds; 0 while all is well."""
        self.tight = False
        """There is hardly any room left: only what ends something is taken."""

    @property
    def ailment(self) -> Ailment | None:
        """What keeps it from writing; None while all is well."""
        return self.fault.ailment if self.fault is not None else None

    @property
    def problem(self) -> str | None:
        """One sentence for people, or None."""
        return str(self.fault) if self.fault is not None else None

    def met(self, fault: StoreFault) -> None:
        """A job met a fault.  A damaged file stays damaged, whatever else is met."""
        if self.ailment == fault.ailment or self.ailment == "damaged":
            return
        self.since = self.since or time.time()
        self.fault = fault

    def wrote(self) -> None:
        """Something was written."""
        if self.ailment in PASSING:
            self.well()

    def well(self) -> None:
        """All is well again."""
        self.fault, self.since, self.tight = None, 0.0, False

    def refusal(self, work: Work) -> StoreFault | None:
        """Return why such a job is not taken now, made anew for each caller; None if it is."""
        fault = self.fault
        if fault is None or work is Work.ENDS:
            return None
        if work is Work.HEARD and not (self.tight or fault.ailment == "damaged"):
            return None
        return StoreFault(fault.ailment, str(fault))


class TendedStore(Protocol):
    """A store that says how it fares."""

    @property
    def condition(self) -> Condition: ...

    async def tend(self) -> None:
        """Look after the disk: notice that it fills, and that it is well again.  To be called
        every few seconds.  Raises nothing."""
        ...
