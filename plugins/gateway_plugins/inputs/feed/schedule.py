"""When to look next.

`every` is the operator's word and the shortest time between two looks.  It becomes longer, up to
a day, by the first of these that is there: `Retry-After`, `Cache-Control: max-age` or `Expires`,
the feed's own `ttl` or `sy:updatePeriod`.  An hour in the feed itself is what generators write
when nobody decided (WordPress: hourly), and changes nothing.  Then `skipHours` and `skipDays`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2b

from .memory import Memory
from .wire import Wishes

LONGEST = 86_400.0  # seconds between two looks that a server, a feed or failures may bring about
UNDECIDED = 3_600.0  # seconds that a feed says when its owner says nothing
JITTER = 0.05  # of the interval, so that many feeds do not stay in step
SPREAD = 0.5  # seconds per feed of the daemon, over which the first looks after a start spread
MONTH = 30 * 86_400.0
MANY = 5  # failures; a daemon that was off for a month did not try for a month
_VALIDATOR = re.compile(r"[!-~](?:[ -~]{0,998}[!-~])?")
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_UNCACHED = re.compile(r"(?:^|[\s,])no-(?:cache|store)\b", re.IGNORECASE)


def next_look(
    every: float, wishes: Wishes, headers: Mapping[str, str], now: datetime, *, hints: bool
) -> float:
    """Return the unix seconds of the next look after one that went well."""
    wait = every
    if hints:
        wish = fresh_for(headers, now)
        if wish is None:
            wish = wishes.seconds if wishes.seconds > UNDECIDED else 0.0
        wait = max(every, min(wish, LONGEST))
    due = now.timestamp() + wait * (1 + JITTER * random.random())
    return _allowed(due, wishes) if hints else due


def fresh_for(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return for how many seconds a server says that its answer holds; None if it does not say."""
    control = headers.get("cache-control", "")
    if _UNCACHED.search(control):
        return None
    found = _MAX_AGE.search(control)
    if found is not None:
        age = headers.get("age", "").strip()
        return max(0.0, float(found[1]) - (float(age[:9]) if age.isdecimal() else 0.0))
    until = _moment(headers.get("expires", ""))
    if until is None:
        return None
    return max(0.0, (until - (_moment(headers.get("date", "")) or now)).total_seconds())


def _allowed(due: float, wishes: Wishes) -> float:
    """Return the time, or the beginning of the first hour after it that the feed does not skip."""
    moment = datetime.fromtimestamp(due, UTC)
    for _ in range(8 * 24):
        if moment.hour not in wishes.skip_hours and moment.weekday() not in wishes.skip_days:
            break
        moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return moment.timestamp()


def pause(every: float, failures: int, asked: float = 0.0) -> float:
    """Return the seconds to wait after the n-th failure, `asked` being the server's wish."""
    longest = max(LONGEST, every)
    return min(max(every * 2.0 ** min(failures - 1, 20), asked), longest)


def hopeless(memory: Memory, now: float) -> bool:
    """Whether it failed for so long that a person has to say whether it goes on."""
    return memory.failures >= MANY and now - memory.failing_since >= MONTH


def first_look(memory: Memory, label: str, feeds: int, now: float) -> float:
    """Return when to look first after a start: when it is due, but not all overdue ones at once.

    Each has its own place, by its name and address, in half a second for each feed.
    """
    seed = blake2b(f"{label}\0{memory.url}".encode(), digest_size=4).digest()
    return max(memory.due, now + int.from_bytes(seed, "big") / 2**32 * SPREAD * feeds)


def validators(headers: Mapping[str, str]) -> dict[str, str]:
    """Return ETag and Last-Modified as they came, "" for what cannot be sent back."""
    found = {"etag": headers.get("etag", ""), "modified": headers.get("last-modified", "")}
    return {name: value if _VALIDATOR.fullmatch(value) else "" for name, value in found.items()}


def retry_after(status: int, headers: Mapping[str, str], now: datetime) -> float:
    """Return the seconds that the server asked us to wait, 0 if it did not."""
    value = headers.get("retry-after", "").strip() if status in {429, 503} else ""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    until = _moment(value)
    return max(0.0, (until - now).total_seconds()) if until is not None else 0.0


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
