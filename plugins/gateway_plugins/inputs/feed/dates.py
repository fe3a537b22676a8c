"""Dates as blogs write them → UTC microseconds."""

from __future__ import annotations

import calendar
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

# feedparser takes these for UTC, so German posts would lie an hour or two in the future.
_ZONES = {"CET": "+0100", "MEZ": "+0100", "CEST": "+0200", "MESZ": "+0200"}
_ZONE = re.compile(r"\b(CES?T|MES?Z)\b")
_MONTHS = {"jän": "Jan", "mär": "Mar", "mrz": "Mar", "mai": "May", "okt": "Oct", "dez": "Dec"}
_MONTH = re.compile(r"\b(jän|mär|mrz|mai|okt|dez)\w*\.?", re.IGNORECASE)
_WEEKDAY = re.compile(r"^\s*[^\W\d]+\.?,\s*")
_GERMAN = re.compile(
    r"\s*(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?:[ ,T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*"
)


def when(text: str, parsed: time.struct_time | None) -> int | None:
    """Return UTC microseconds, None if unreadable.  `parsed` is what feedparser made of `text`."""
    text = text[:100]
    try:
        if parsed is None or _ZONE.search(text):
            moment = _read(text)
            if moment is not None:
                return _micros(moment)
        if parsed is not None:
            return _micros(datetime.fromtimestamp(calendar.timegm(parsed), UTC))
    except (ValueError, OverflowError):  # 30 February, year 0
        pass
    return None


def _micros(moment: datetime) -> int | None:
    # Nobody blogged before 1970: such dates are placeholders.
    seconds = moment.timestamp()
    return round(seconds * 1_000_000) if seconds > 0 else None


def _read(text: str) -> datetime | None:
    if found := _GERMAN.fullmatch(text):
        day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    text = _WEEKDAY.sub("", _ZONE.sub(lambda zone: _ZONES[zone[1]], text))
    text = _MONTH.sub(lambda month: _MONTHS[month[1].lower()], text)
    fields = parsedate_tz(text)
    if fields is None:
        return None
    return datetime(*fields[:6], tzinfo=timezone(timedelta(seconds=fields[9] or 0)))
