"""The store's verbs about what is kept of people, who looked at it, and how long it stays."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

Purge = Literal[
    "raw", "account", "conversation", "windows", "echoes", "cases", "sign_ups", "sent", "contents",
    "proof", "unconfirmed", "contacts", "journal", "lookups",
]  # fmt: skip
"""What is purged, each by its own pass: raw webhooks of messages and of the account, what people
wrote, until when that let free text through, what the company wrote beside the gateway, closed
cases, sign-ups, deliveries, contents, evidence, people who never confirmed, people of whom nothing
is left, journal, access log."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure did.  `refused` is why it did nothing, in one sentence; `files` are the
    SHA-256 of proof files that nothing needs any more."""

    refused: str = ""
    identities: int = 0
    files: tuple[bytes, ...] = ()


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What one step of a purge did; `after` is where the next one goes on, None if it is through."""

    gone: int = 0
    after: int | None = None
    files: tuple[bytes, ...] = ()


class RightsStore(Protocol):
    """What people may demand, and what the law lets nobody keep."""

    async def erase(self, contact: int, *, by: str, reason: str, at: int) -> Erased:
        """Forget a person, for good; the caller withdrew before and waited for what was in the
        air.  Raises StoreError if there is no key for the hashes that keep the person away."""
        ...

    async def hold(self, contact: int, *, reason: str, at: int) -> None:
        """Keep everything about a contact whatever the settings say; an empty reason ends that."""
        ...

    async def looked(self, who: str, what: str, contact: int | None, *, at: int) -> None:
        """Note that somebody saw, or took out, personal data."""
        ...

    async def attach(self, contact: int, digest: bytes, name: str, *, at: int) -> None:
        """Note that a file (by SHA-256) proves something about a contact."""
        ...

    async def purge(
        self,
        what: Purge,
        *,
        before: int,
        after: int,
        limit: int,
        at: int,
        observers: tuple[str, ...],
    ) -> Purged:
        """Take away what is older than `before` (UTC microseconds), looking at `limit` rows at
        most from `after` on.  The journal stays as far as one of `observers` has not read it."""
        ...

    async def purged(self, counts: dict[str, int], *, at: int) -> None:
        """Note in the journal what was purged."""
        ...
