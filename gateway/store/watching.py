"""What the gateway asks the store to watch itself: a part of the Store protocol."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import msgspec

FAILURES, WITHDRAWALS = "failures", "withdrawals"
"""Why a message paused itself: too many of what it sent failed, or people withdrew."""


class Unheard(msgspec.Struct, frozen=True):
    """What a sender's provider accepted since it was last heard of.

    `accepted` sends in `seconds` of listening; `heard_at` is when something was heard (UTC
    microseconds), None if that is too long ago to be seen.
    """

    accepted: int = 0
    seconds: float = 0.0
    heard_at: int | None = None


class Share(msgspec.Struct, frozen=True):
    """What became of a message to many since it started, or since a person let it go on.

    `sent` reached the provider, `failed` of them failed; `withdrew` so many people whose last
    message this was.
    """

    message: int
    number: int
    sent: int
    failed: int
    withdrew: int


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a replacement: where the next one goes on (None: done), and what was done.

    `dropped` are deliveries to people whom the new sender cannot reach; `stay` are those that
    were begun, or answer inside a window with the old one.
    """

    position: tuple[int, int] | None
    moved: int = 0
    dropped: int = 0
    stay: int = 0


class WatchStore(Protocol):
    """Hearing, shares of failures and withdrawals, a sender in the place of another, a clock that
    was ahead."""

    async def unheard(self, senders: Collection[str]) -> Mapping[str, Unheard]:
        """Return what was not heard of, by sender, read back from the end of the journal to what
        was heard last, or to where a person let the sender go on."""
        ...

    async def shares(self, *, at_least: int) -> list[Share]:
        """Return the shares of all messages to many that go out, with so many sent."""
        ...

    async def failures(self, message: int, *, limit: int) -> dict[str, int]:
        """Return code → deliveries of a message that failed, of the newest, most first."""
        ...

    async def paused_messages(self) -> dict[str, int]:
        """Return cause → messages that are paused for it."""
        ...

    async def pause_message(self, message: int, code: str, reason: str, *, at: int) -> bool:
        """Pause a message for a cause of the gateway's own; False if it does not go out."""
        ...

    async def replace_sender(
        self,
        old: str,
        new: str,
        position: tuple[int, int],
        *,
        same_portfolio: bool,
        at: int,
        limit: int,
        really: bool,
    ) -> Moved:
        """Give `new` what waits with `old`, at most `limit` deliveries looked at a step.

        Begins at position (0, 0).  Never what was begun, as long as one attempt of it may have
        reached the person.  Who is known by a user id alone is reached only in the
        `same_portfolio`.  Without `really` it is only counted.
        """
        ...

    async def set_back(self, by: int, *, at: int, after: int = 0, limit: int) -> int | None:
        """The clock was ahead by so many microseconds, and it is `at`: what it queued, and waits,
        is due so much earlier, though not before now.

        Looks at `limit` deliveries after an id.  Returns where to go on, None at the end.
        """
        ...

    async def audience_of(self, topics: Collection[str]) -> tuple[int, int]:
        """Return how many people with a confirmed consent to one of the topics have a phone
        number, and how many are known by a user id alone."""
        ...
