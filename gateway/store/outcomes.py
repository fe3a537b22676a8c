"""The store's verbs about what became of deliveries; see protocol.py for what holds for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

Resolution = Literal["sent", "not_sent", "resend"]
"""What is done with a delivery whose outcome nobody knows.

`sent`: it counts as accepted.  `not_sent`: the attempt failed, and another one may follow.
`resend`: the attempt is given up as it is, and the delivery goes again, marked.
"""

POLICY = "resend_unknown"
"""Stands in the journal as who decided that an unknown one goes again: the settings."""

MOST_TRIES = 8
"""After so many attempts that may be repeated and failed all the same, a person has to look."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How patient the store is with what providers refuse: `[delivery]` of the settings."""

    backoff: float = 1.0
    """What every pause is multiplied by."""
    unreachable_after: int = 3
    """So many times undeliverable, and a person gets no more marketing until that person writes."""


PATIENCE = Patience()


class OutcomeStore(Protocol):
    """Unknown outcomes and what failed for good."""

    async def unknown_since(
        self, kind: str, *, before: int, after: tuple[int, int] = (0, 0), limit: int
    ) -> list[tuple[int, int, str]]:
        """Return deliveries of a kind that are unknown since `before` or longer, the oldest first,
        as (since, id, sender); `after` (since, id) is where to go on.  Not those of which only the
        replay file of a restored database knows: they are a person's."""
        ...

    async def resolve(
        self, deliveries: Sequence[int], how: Resolution, *, at: int, by: str
    ) -> list[str]:
        """Settle unknown deliveries without the provider; returns per delivery "", or the code of
        why it stays as it is (`not_there`: it is none).  Nothing that may not be repeated is sent
        again: confirmations never, nor what is over, cancelled, or was followed by a withdrawal."""
        ...

    async def retry(self, deliveries: Sequence[int], *, at: int, by: str) -> list[str]:
        """Queue failed deliveries again; returns per delivery "", or the code of why it stays
        failed.  Begin looks at all conditions once more."""
        ...

    async def outcome_report(self, name: str, **parameters: Any) -> Any:
        """Read for people: names in outcome_reports.py of the engine."""
        ...
