"""What a middleware may answer: let pass (the value, changed or not), Drop, Hold, and limits.

A code becomes a metric label, so each class declares its codes (`codes = {"blocked_word"}`);
an undeclared one counts as nonsense and holds the delivery.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Drop(msgspec.Struct, frozen=True):
    """Do not send, for good.  `text` is one sentence for the marketer, without personal data."""

    code: str
    text: str


class Hold(msgspec.Struct, frozen=True):
    """Wait: until a time, or for a person if `until` is None."""

    code: str
    text: str
    until: datetime | None = None


class Rate(msgspec.Struct, frozen=True):
    """At most `per_second` sends a second under `key`, counted at the first byte on the wire.

    From one per second upwards no one-second window ever holds more than `per_second`; below,
    up to `burst` may go at once and are then paid back.  `burst` is also how many may follow
    each other without spacing.  `words` say to people what it is ("one message in 6 s to one
    person"); without them its figures do.
    """

    key: str
    per_second: float
    burst: int = 1
    words: str = ""

    @property
    def said(self) -> str:
        """What it is, for people."""
        return self.words or f"{self.per_second:g} per second"


class Quota(msgspec.Struct, frozen=True):
    """At most `n` sends under `key` in any `window` seconds; survives a restart.

    With `distinct` only different values of it count (for a tier: the contact), and those who
    wait for a place stand in line, the oldest delivery first.  `n` may be another one each time:
    all that went under the key counts.  `once` opens for good when the first use is `window` old
    (a first batch, then a look at what it did).  `words` as for a Rate.
    """

    key: str
    n: int
    window: float
    distinct: str | None = None
    once: bool = False
    words: str = ""

    @property
    def said(self) -> str:
        """What it is, for people."""
        return self.words or f"{self.n} per {self.window:g} s"


class Closed(msgspec.Struct, frozen=True):
    """Not before `until`, whatever the others allow (quiet hours)."""

    until: datetime
    reason: str


Limit = Rate | Quota | Closed


class Concern(msgspec.Struct, frozen=True):
    """What a data protection officer would ask about these settings, for `gateway check
    --compliance`: what is `missing` for lawful operation, or `advice`; and what to change.

    Both sentences are for a manager, not for an engineer.
    """

    weight: Literal["missing", "advice"]
    text: str
    change: str
