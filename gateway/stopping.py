"""What is stopped, and why: a scope and a cause.  Several causes may stop one scope, each by itself.

A scope is `all`, `sender:NAME`, or the marketing of all (`marketing`) or of one sender
(`marketing:NAME`).  A cause is a short code; `person` is a command, all others are the gateway's
own, and most of those it lifts by itself.
"""

from __future__ import annotations

from typing import Final

import msgspec

ALL = "all"
MARKETING = "marketing"
PERSON = "person"
"""The cause of a stop that somebody typed in."""
DEAF = "deaf"
"""The cause while no status comes for what was sent (hearing.py)."""
REPLACED = "replaced"
"""The cause at a sender that another one took the place of."""
RESTORED: Final = "restored"
GAP: Final = "gap"
CLOCK: Final = "clock"
DAMAGED: Final = "damaged"
"""Causes that hold marketing until a person looked: the database is not of this moment, nobody was
there for long, the clock jumped, the database is damaged."""
BEHIND: Final = "clock_behind"
"""Holds marketing until the clock is right: it shows what is known to be over."""


OURS: Final = frozenset({PERSON, DEAF, REPLACED, RESTORED, GAP, CLOCK, DAMAGED, BEHIND})
"""The gateway's own causes, and a person's: no provider's news lift them."""


class Stop(msgspec.Struct, frozen=True):
    """One stop.  `reason` is one sentence; `since` UTC microseconds."""

    scope: str
    code: str
    reason: str
    since: int

    @property
    def marketing_only(self) -> bool:
        """Whether answers and confirmations still go."""
        return self.scope.partition(":")[0] == MARKETING

    @property
    def sender(self) -> str:
        """The sender that is meant; "" for all."""
        return self.scope.partition(":")[2]

    def concerns(self, sender: str) -> bool:
        """Whether it concerns a sender."""
        return self.sender in ("", sender)


def sender_scope(sender: str, *, marketing: bool = False) -> str:
    """Return the scope of one sender; `marketing`: of its marketing only."""
    return f"{MARKETING if marketing else 'sender'}:{sender}"
