"""What a feed says about how often to read it, and where it moved to.  Runs in the child."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .links import web_address
from .wire import Wishes

DAY = 86_400.0
LONGEST_TTL = 1_440  # minutes; more was meant as seconds (real feeds say 1800)
LONGEST_WISH = 30 * DAY
HEAD = 64_000  # bytes in which the channel's own elements stand
_PERIODS = {"hourly": 3_600, "daily": DAY, "weekly": 7 * DAY, "monthly": 30 * DAY}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# feedparser keeps only the last hour and the last day of these lists.
_SKIP_HOURS = re.compile(rb"<skipHours\s*>([^\0]{0,4000}?)</skipHours\s*>", re.IGNORECASE)
_SKIP_DAYS = re.compile(rb"<skipDays\s*>([^\0]{0,4000}?)</skipDays\s*>", re.IGNORECASE)
_HOUR = re.compile(rb"<hour\s*>\s*(\d{1,2})\s*</hour\s*>", re.IGNORECASE)
_WEEKDAY = re.compile(rb"<day\s*>\s*(\w{6,9})\s*</day\s*>", re.IGNORECASE)


def wishes_of(body: bytes, about: Mapping[str, object], url: str) -> Wishes:
    """Return the wishes of a feed's head; what makes no sense counts as not said."""
    head = body[:HEAD]
    hours, days = _SKIP_HOURS.search(head), _SKIP_DAYS.search(head)
    skipped = {int(one) % 24 for one in _HOUR.findall(hours[1])} if hours else set()
    names = {one.decode().lower() for one in _WEEKDAY.findall(days[1])} if days else set()
    off = [at for at, name in enumerate(_DAYS) if name in names]
    return Wishes(
        seconds=_seconds(about),
        skip_hours=tuple(sorted(skipped)) if len(skipped) < 24 else (),
        skip_days=tuple(off) if len(off) < 7 else (),
        new_url=web_address(about.get("itunes_new-feed-url"), url),
    )


def _seconds(about: Mapping[str, object]) -> float:
    ttl = _number(about.get("ttl"))
    if ttl > 0:
        return ttl if ttl > LONGEST_TTL else ttl * 60
    period = about.get("sy_updateperiod")
    if not isinstance(period, str):
        return 0.0
    seconds = _PERIODS.get(period.strip().lower(), 0.0)
    return min(seconds / max(1.0, _number(about.get("sy_updatefrequency"))), LONGEST_WISH)


def _number(value: object) -> float:
    text = value.strip() if isinstance(value, str) else ""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0.0
