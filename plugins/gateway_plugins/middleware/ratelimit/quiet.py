"""Quiet hours and holidays: when nobody wants to be woken by news, where that person is.

Free hours are counted on the wall clock, so that the change of summer time moves nothing.  Where
a person is, the country of the number says (tz database, `zone.tab`); of a country with several
time zones all of them have to be outside the quiet hours.
"""

from __future__ import annotations

import re
from collections.abc import Container
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from gateway.api import Closed, Identity, countries

_RANGE = re.compile(r"\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*")
MIDNIGHT = time(0)
FARTHEST = 30
"""Days in a row that may be holidays; no calendar has as many."""
ROUNDS = 8
"""Looks at the zones of a country, each from where the last quiet hours end."""


class QuietHours:
    """One range a day, such as `20:00-08:00`; without one, whole holidays only."""

    def __init__(
        self, begins: time | None, ends: time, holidays: Container[date] | None = None
    ) -> None:
        self.begins = begins
        self.ends = ends
        self.holidays = holidays

    @classmethod
    def parse(cls, text: str, holidays: Container[date] | None = None) -> QuietHours | None:
        """Read `20:00-08:00`; None if there are neither hours nor holidays.  Raises ValueError
        with a sentence."""
        if not text.strip():
            return cls(None, MIDNIGHT, holidays) if holidays is not None else None
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
        return cls(begins, ends, holidays)

    def until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when the quiet time that holds at `now` ends (aware, UTC); None if none does."""
        here = now.astimezone(zone)
        end = self._ends_after(here)
        if end is None:
            return None
        for _ in range(FARTHEST):
            after = self._ends_after(end)
            if after is None:
                break
            end = after
        ended = end.astimezone(UTC)
        # An end in the hour that summer time skips or repeats may lie behind us by the clock.
        return ended if ended > now else now + timedelta(minutes=1)

    def _ends_after(self, here: datetime) -> datetime | None:
        """The end of the quiet time at an instant, as if no other followed."""
        clock, day = here.time().replace(tzinfo=None), here.date()
        tomorrow = day + timedelta(days=1)
        if self.holidays is not None and day in self.holidays:
            wraps = self.begins is not None and self.begins > self.ends
            return datetime.combine(tomorrow, self.ends if wraps else MIDNIGHT, here.tzinfo)
        if self.begins is None:
            return None
        if self.begins < self.ends:
            if not self.begins <= clock < self.ends:
                return None
        elif self.ends <= clock < self.begins:
            return None
        elif clock >= self.begins:
            day = tomorrow
        return datetime.combine(day, self.ends, here.tzinfo)


class Quiet:
    """Whether it is quiet now where somebody is.  Looked up once a minute and country."""

    def __init__(self, hours: QuietHours, text: str, home: ZoneInfo) -> None:
        """`text`: the hours as the settings have them.  `home`: the company's time zone, for those
        of whom no country is known."""
        self._hours = hours
        said = [f"quiet hours {text.strip()}"] if text.strip() else []
        said += ["a public holiday"] if hours.holidays is not None else []
        self._said = " or ".join(said)
        self._home = (home,)
        self._minute = 0
        self._closed: dict[tuple[ZoneInfo, ...], Closed | None] = {}

    def closed(self, now: datetime, identities: tuple[Identity, ...]) -> Closed | None:
        """Return the limit that holds for somebody at this moment, None if none does."""
        minute = int(now.timestamp()) // 60
        if minute != self._minute:
            self._minute = minute
            self._closed.clear()
        zones = self._zones(identities)
        if zones not in self._closed:
            self._closed[zones] = self._look(now, zones)
        return self._closed[zones]

    def _zones(self, identities: tuple[Identity, ...]) -> tuple[ZoneInfo, ...]:
        for identity in identities:
            zones = zones_of(countries(identity))
            if zones:
                return zones
        return self._home

    def _look(self, now: datetime, zones: tuple[ZoneInfo, ...]) -> Closed | None:
        until = now
        for _ in range(ROUNDS):
            ends = [end for zone in zones if (end := self._hours.until(until, zone)) is not None]
            if not ends:
                break
            until = max(ends)
        else:  # no hour is free in all of them
            until = self._hours.until(now, self._home[0]) or now
        return Closed(until, self._said) if until > now else None


@lru_cache(maxsize=512)
def zones_of(regions: tuple[str, ...]) -> tuple[ZoneInfo, ...]:
    """Return all time zones of some countries; those whose clocks agree in every week, once."""
    found: dict[tuple[timedelta | None, ...], ZoneInfo] = {}
    for region in regions:
        for name in _table().get(region, ()):
            zone = ZoneInfo(name)
            weeks = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(weeks=n) for n in range(53))
            offsets = tuple(week.astimezone(zone).utcoffset() for week in weeks)
            found.setdefault(offsets, zone)
    return tuple(found.values())


@lru_cache(maxsize=1)
def _table() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    text = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            region, _, name = line.split("\t")[:3]
            found.setdefault(region, []).append(name)
    return found
