"""How often at most, as people write it: `3 per week`, `2 per day, 5 per week`."""

from __future__ import annotations

import re

import msgspec

DAY = 86_400.0
SPANS = {"hour": 3600.0, "day": DAY, "week": 7 * DAY, "month": 30 * DAY}

_PART = re.compile(r"\s*(\d{1,6})\s*(?:per|a|/)\s*(hour|day|week|month)\s*")


class Cap(msgspec.Struct, frozen=True):
    """At most `n` in any `window` seconds, and how people say it."""

    n: int
    window: float
    said: str


def caps(text: str, key: str) -> tuple[Cap, ...]:
    """Read them; none for an empty text.  Raises ValueError with a sentence about the key."""
    found = []
    for part in text.split(",") if text.strip() else ():
        match = _PART.fullmatch(part)
        if match is None or not int(match[1]):
            raise ValueError(f'{key}: write "3 per week" or "2 per day, 5 per week", not {text!r}')
        found.append(Cap(int(match[1]), SPANS[match[2]], f"{int(match[1])} a {match[2]}"))
    return tuple(found)
