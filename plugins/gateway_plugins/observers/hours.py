"""When somebody of the company is there: opening hours, holidays, days that are closed.

    Mo-Fr 09:00-12:00, 13:00-17:00; Sa 10-14        Montag bis Freitag 9 bis 17 Uhr        24/7

Times are those of the wall clock: a day on which the clocks change opens and closes at the usual
time and is an hour shorter or longer.  Hours past midnight belong to the day on which they begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from holidays import HolidayBase

Span = tuple[int, int]
"""From and to, in minutes after midnight; `to` may lie on the next day."""

DAY = 24 * 60
FARTHEST = 400
"""Days that are looked at for the next opening."""

_NAMES = (
    "mo montag montags mon monday",
    "di dienstag dienstags tu tue tues tuesday",
    "mi mittwoch mittwochs we wed wednesday",
    "do donnerstag donnerstags th thu thur thurs thursday",
    "fr freitag freitags fri friday",
    "sa samstag samstags sonnabend sat saturday",
    "so sonntag sonntags su sun sunday",
)
DAYS = {name: day for day, names in enumerate(_NAMES) for name in names.split()}
EVERY_DAY = {"täglich", "daily"}
SHUT = {"geschlossen", "closed", "zu", "off"}
LINKS = {"und", "and", "uhr"}

_UNTIL = re.compile(r"\s*(?:[-–—]|\b(?:bis|to|until)\b)\s*")
_TOKEN = re.compile(
    r"(?P<from>\d{1,2}(?:[:.]\d\d)?)(?:uhr)?-(?P<to>\d{1,2}(?:[:.]\d\d)?)"
    r"|(?P<first>[a-zäöü]+)\.?(?:-(?P<last>[a-zäöü]+)\.?)?"
)
_BETWEEN = re.compile(r"[\s,;:&+.]*")
_DATE = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)")
EXAMPLE = 'write "Mo-Fr 09:00-17:00", with breaks "Mo-Fr 9-12, 13-17; Sa 10-14", or "24/7"'


class Hours:
    """Opening hours in a time zone.  All times given and returned are aware."""

    def __init__(
        self, text: str, zone: str, *, closed: Iterable[str] = (), holidays: str = ""
    ) -> None:
        """`closed`: dates (`2026-12-24`), or days of every year (`12-24`).  `holidays`: a country
        or a part of one, `DE-BY`.  Raises ValueError with a sentence."""
        self._week = week(text)
        self._zone = ZoneInfo(zone)
        self._closed = {_closed(one) for one in closed}
        self._holidays = public_holidays(holidays) if holidays else None

    def open(self, at: datetime) -> bool:
        """Return whether somebody is there."""
        return self.next(at) == at

    def next(self, at: datetime) -> datetime | None:
        """Return `at` if somebody is there, else when next; None if never."""
        return next((max(opens, at) for opens, closes in self._spans(at) if closes > at), None)

    def after(self, at: datetime, seconds: float) -> datetime | None:
        """Return when somebody was there for so many seconds, counted from `at`; None if never."""
        left, seen = timedelta(seconds=seconds), at
        for opens, closes in self._spans(at):
            begins = max(opens, seen)
            if closes - begins >= left:
                return begins + left
            if closes > begins:
                left -= closes - begins
                seen = closes
        return None

    def _spans(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield (opens, closes), from the day before `at` on, in order of opening."""
        today = at.astimezone(self._zone).date()
        for days in range(-1, FARTHEST):
            day = today + timedelta(days=days)
            if not self._rests(day):
                for begins, ends in self._week[day.weekday()]:
                    yield self._moment(day, begins), self._moment(day, ends)

    def _rests(self, day: date) -> bool:
        given = day.isoformat()
        if given in self._closed or given[5:] in self._closed:
            return True
        return self._holidays is not None and day in self._holidays

    def _moment(self, day: date, minutes: int) -> datetime:
        days, minutes = divmod(minutes, DAY)
        wall = datetime.combine(day + timedelta(days=days), time(*divmod(minutes, 60)), self._zone)
        return wall.astimezone(UTC)


def week(text: str) -> tuple[tuple[Span, ...], ...]:
    """Return the spans of each day of the week, Monday first.  Raises ValueError."""
    if text.strip() == "24/7":
        return (((0, DAY),),) * 7
    found: list[list[Span]] = [[] for _ in _NAMES]
    days: list[int] = []
    timed = False  # the days have had their hours: another day begins a new rule
    rest = _UNTIL.sub("-", text.casefold())
    while rest := rest[_end(_BETWEEN, rest) :]:
        token = _TOKEN.match(rest)
        if token is None:
            raise ValueError(f'cannot read "{rest[:20]}" in the opening hours; {EXAMPLE}')
        rest = rest[token.end() :]
        if token["from"]:
            for day in days or range(7):
                found[day].append(_span(token["from"], token["to"]))
            timed = True
        elif token["first"] in SHUT and days and not timed:
            timed = True
        elif token["first"] not in LINKS:
            days = _days(token["first"], token["last"]) + ([] if timed else days)
            timed = False
    if days and not timed:
        raise ValueError(f"the opening hours end with a day without hours; {EXAMPLE}")
    if not any(found):
        raise ValueError(f"the opening hours name no hours; {EXAMPLE}")
    return tuple(tuple(_apart(sorted(spans))) for spans in found)


def public_holidays(region: str) -> HolidayBase:
    """Return the holidays of a country, or of a part of one.  Raises ValueError."""
    import holidays  # 100 ms, and only those who name a region need it

    country, _, part = region.upper().partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        raise ValueError(
            f'holidays: there are none known for {region!r}; write a country and a part of it, "DE-BY"'
        ) from None


def _closed(text: str) -> str:
    parts = _DATE.fullmatch(text.strip())
    try:
        if parts is None:
            raise ValueError
        # A leap year, for 02-29 of every year.
        date(int(parts[1] or 2000), int(parts[2]), int(parts[3]))
    except ValueError:
        raise ValueError(
            f'closed: {text!r} is no day; write "2026-12-24", or "12-24" for every year'
        ) from None
    return text.strip()


def _days(first: str, last: str | None) -> list[int]:
    if first in EVERY_DAY and last is None:
        return list(range(7))
    for name in (first, last or first):
        if name not in DAYS:
            raise ValueError(f'the opening hours name "{name}", which is no day; {EXAMPLE}')
    length = (DAYS[last or first] - DAYS[first]) % 7
    return [(DAYS[first] + days) % 7 for days in range(length + 1)]


def _span(begins: str, ends: str) -> Span:
    start, end = _minutes(begins), _minutes(ends)
    if start in (end, DAY):
        raise ValueError(f'the opening hours "{begins}-{ends}" are no time; {EXAMPLE}')
    return start, end + DAY if end < start else end


def _minutes(text: str) -> int:
    hour, _, minute = text.replace(".", ":").partition(":")
    minutes = int(hour) * 60 + int(minute or 0)
    if minutes > DAY or int(minute or 0) > 59:
        raise ValueError(f'there is no time "{text}"; {EXAMPLE}')
    return minutes


def _apart(spans: list[Span]) -> list[Span]:
    for (_, ends), (begins, _) in pairwise(spans):
        if begins < ends:
            raise ValueError("the opening hours of a day overlap; name each day's hours once")
    return spans


def _end(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0
