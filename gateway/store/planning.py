"""What is asked of the store before a message starts, and of a delivery that waits: a part of the
Store protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gateway.message import Delivery, Message


class OwnCap(msgspec.Struct, frozen=True):
    """A quota that each person has alone: its key with the contact's id between `prefix` and
    `suffix`, at most `n` in `window` seconds."""

    prefix: str
    suffix: str
    n: int
    window: float


class Group(msgspec.Struct, frozen=True):
    """So many people of an audience who are alike.

    `left_out`: why they do not get it, "" if they do.  `open`: free text may go to them now.
    `counted`: of the quotas that were asked about, those in which they stand already.  `prefix`:
    the beginning of the number (`+4917`) or user id (`DE.`) that tells the country.
    """

    left_out: str
    open: bool
    counted: frozenset[str]
    prefix: str
    n: int


class Spending(msgspec.Struct, frozen=True):
    """What has to be paid for.  `sent`: (category, prefix of the number) → messages since a time;
    `open`: kind → deliveries of other messages that have not gone yet."""

    sent: dict[tuple[str, str], int]
    open: dict[str, int]


class PlanStore(Protocol):
    """The audience in figures; one delivery as it would be leased."""

    async def audience(
        self,
        message: Message,
        *,
        at: int,
        windows: bool,
        margin: int,
        kinds: Sequence[str],
        quotas: Sequence[str],
        caps: Sequence[OwnCap],
    ) -> list[Group]:
        """Return whom a message reaches if it starts at `at` (UTC microseconds).

        `windows`, `margin` as for `lease`; `kinds` are the identities that its sender reaches.
        """
        ...

    async def standing(self, quota: str, *, at: int) -> list[int]:
        """Return until when each subject stands in a quota, the first to leave first."""
        ...

    async def spending(self, *, since: int, besides: int) -> Spending:
        """Return what was sent since a time (UTC microseconds) and what waits, besides a message."""
        ...

    async def peek(self, delivery: int, *, at: int, windows: bool, margin: int) -> Delivery | None:
        """Return a delivery that waits as it would be leased now; None if it does not wait."""
        ...
