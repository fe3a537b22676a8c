"""Quiet hours: when nobody wants to be woken by news.  The company's time zone decides.

Free hours are counted on the wall clock, so that the change of summer time moves nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_RANGE = re.compile(r"\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*")


class QuietHours:
    """One range a day, such as `20:00-08:00`."""

    def __init__(self, begins: time, ends: time) -> None:
        self.begins = begins
        self.ends = ends

    @classmethod
    def parse(cls, text: str) -> QuietHours | None:
        """Read `20:00-08:00`; None for an empty text.  Raises ValueError with a sentence."""
        if not text.strip():
            return None
        found = _RANGE.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            hours = [int(part) for part in found.groups()]
            begins, ends = time(hours[0], hours[1]), time(hours[2] % 24, hours[3])
        except ValueError:
            raise ValueError(f'quiet_hours: write "20:00-08:00", not {text!r}') from None
        if begins == ends:
            raise ValueError("quiet_hours: begins when it ends; leave it out, or pause the sender")
        return cls(begins, ends)

    def until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when the quiet hours that hold at `now` end (aware, UTC); None if none do."""
        here = now.astimezone(zone)
        clock = here.time().replace(tzinfo=None)
        if self.begins < self.ends:
            if not self.begins <= clock < self.ends:
                return None
            day = here.date()
        else:
            if self.ends <= clock < self.begins:
                return None
            day = here.date() + timedelta(days=clock >= self.begins)
        end = datetime.combine(day, self.ends, zone).astimezone(UTC)
        # An end in the hour that summer time skips or repeats may lie behind us by the clock.
        return end if end > now else now + timedelta(minutes=1)
