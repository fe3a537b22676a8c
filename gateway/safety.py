"""The core's tables of gateway.toml about sending safely: delivery and hearing."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.sections import refuse
from gateway.store.outcomes import Patience
from gateway.values import Duration


class DeliverySettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`[delivery]`: what follows when a delivery does not succeed."""

    backoff: float = 1.0
    """What every pause of the error policy is multiplied by."""
    unknown_after: Duration = Duration(300)
    """How long an unknown outcome waits for its status; then `resend_unknown` decides."""
    resend_unknown: tuple[Literal["utility", "service"], ...] = ()
    """Kinds of which an unknown one is sent again, marked as such.  All others wait for a person."""
    unreachable_after: int = 3
    """So many times undeliverable, and a person gets no more marketing until that person writes."""
    failure_share: float = 0.2
    """A message pauses when more than this share of what it sent has failed …"""
    withdrawal_share: float = 0.05
    """… or of those whom it reached withdrew …"""
    share_after: int = 50
    """… once so many were sent."""

    @property
    def patience(self) -> Patience:
        """What the store needs of it."""
        return Patience(backoff=self.backoff, unreachable_after=self.unreachable_after)

    def __post_init__(self) -> None:
        refuse(
            (not 0 < self.backoff <= 10, "backoff: lies between 0 (not itself) and 10"),
            (self.unknown_after <= 0, "unknown_after: has to be positive"),
            (self.unreachable_after < 1, "unreachable_after: is at least 1"),
            (not 0 < self.failure_share <= 1, "failure_share: lies between 0 (not itself) and 1"),
            (
                not 0 < self.withdrawal_share <= 1,
                "withdrawal_share: lies between 0 (not itself) and 1",
            ),
            (self.share_after < 1, "share_after: is at least 1"),
        )


class Hearing(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`[hearing]`: if we cannot hear, we do not speak.

    When so many sends were `accepted` and no status came `within` that time, marketing holds:
    withdrawals would be lost too.
    """

    accepted: int = 20
    within: Duration = Duration(300)

    def __post_init__(self) -> None:
        refuse(
            (self.accepted < 1, "accepted: is at least 1"),
            (self.within <= 0, "within: has to be positive"),
        )
