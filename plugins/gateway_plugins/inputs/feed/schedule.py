"""When to poll next, and what one poll leaves for the next."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

LONGEST = 86_400.0  # seconds between two polls, however often they failed
JITTER = 0.05  # of the interval, so that many feeds do not stay in step
_VALIDATOR = re.compile(r"[!-~](?:[ -~]{0,998}[!-~])?")


class Memory(msgspec.Struct, frozen=True):
    """What a poll leaves for the next one.  `due` is in unix seconds."""

    url: str
    due: float = 0.0
    failures: int = 0
    fetched: bool = False
    """True once the feed was read: from then on unknown entries are new."""
    moved: bool = False
    """True if another address was polled before, so that `first` was used up."""
    etag: str = ""
    modified: str = ""

    def replace(self, **changes: object) -> Memory:
        """Return a changed copy."""
        return msgspec.structs.replace(self, **changes)

    def dump(self) -> bytes:
        """Return what `recall` reads."""
        return msgspec.json.encode(self)


_memories = msgspec.json.Decoder(Memory)


def recall(stored: bytes | None, url: str) -> Memory:
    """Read a memory.  One of another address only tells that there was one.

    Raises msgspec.DecodeError.
    """
    memory = _memories.decode(stored) if stored else Memory(url)
    return memory if memory.url == url else Memory(url, moved=True)


def interval(every: float) -> float:
    """Return the seconds until the next regular poll."""
    return every * (1 + JITTER * random.random())


def pause(every: float, failures: int, asked: float = 0.0) -> float:
    """Return the seconds to wait after the n-th failure, `asked` being the server's wish."""
    longest = max(LONGEST, every)
    return min(max(every * 2.0 ** min(failures - 1, 20), asked), longest)


def validators(headers: Mapping[str, str]) -> dict[str, str]:
    """Return ETag and Last-Modified as they came, "" for what cannot be sent back."""
    found = {"etag": headers.get("etag", ""), "modified": headers.get("last-modified", "")}
    return {name: value if _VALIDATOR.fullmatch(value) else "" for name, value in found.items()}


def retry_after(status: int, headers: Mapping[str, str], now: datetime) -> float:
    """Return the seconds that the server asked us to wait, 0 if it did not."""
    value = headers.get("retry-after", "").strip() if status in {429, 503} else ""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
