"""How fast, how many, and over how long: declared here, kept by the core.

Another middleware may declare limits too; the core takes all of a delivery's limits together,
just before it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from gateway.api import (
    Delivery,
    Duration,
    Limit,
    Message,
    Middleware,
    PluginConfig,
    Quota,
    Rate,
    hookimpl,
)

DAY = 86_400.0
PAIR_BURST = 45  # Meta, "Pair rate limits": 45 at once, paid back at one per 6 seconds
PAIR_SECONDS = 6.0
CREDIT = 3
"""Sends that may follow each other without spacing, at least: lost moments are made up for."""
MOMENT = 0.02
"""Seconds that a busy machine may lose and a fast sender makes up for, within its rate."""


class RateLimitConfig(PluginConfig):
    """`[middleware.ratelimit]`."""

    per_second: float = 80.0
    """Sends per second and sender (Meta: 80; 20 with the phone app beside it)."""
    pair_burst: int = PAIR_BURST
    """Messages to one person at once …"""
    pair_seconds: Duration = Duration(PAIR_SECONDS)
    """… and seconds per message after that."""
    spread: Duration = Duration(0)
    """Time over which a message's deliveries are spread evenly, so that answers can be.
    0: at once, unless another middleware says otherwise."""
    daily: int | None = None
    """People reached outside windows in any 24 hours, per sender (the account's tier)."""
    expires: Duration = Duration(0)
    """What is not sent by then is dropped, not sent the next morning.  0: never."""

    def __post_init__(self) -> None:
        if not 1 / DAY <= self.per_second <= 1000:
            raise ValueError("per_second has to lie between 0.00002 (one a day) and 1000")
        if self.pair_burst < 1 or not 0 < self.pair_seconds <= DAY:
            raise ValueError("pair_burst and pair_seconds have to be positive, at most one day")
        if self.daily is not None and self.daily < 1:
            raise ValueError("daily has to be positive")
        if self.expires and self.expires <= self.spread:
            raise ValueError("expires has to be longer than spread, else the last are never sent")


class RateLimit(Middleware):
    """Declares the sender's rate, the pair rate, the daily limit; sets spread and expiry."""

    name = "ratelimit"
    config: RateLimitConfig

    def __init__(self, config: RateLimitConfig, label: str) -> None:
        super().__init__(config, label)
        self._credit = max(CREDIT, round(config.per_second * MOMENT))

    async def screen(self, message: Message) -> Message:
        """Set what the fan-out needs to know."""
        if message.kind != "marketing":
            return message
        changes: dict[str, object] = {}
        if self.config.spread:  # else what a middleware before this one set stays
            changes["spread"] = float(self.config.spread)
        if self.config.expires and message.expires_at is None and message.accepted_at is not None:
            changes["expires_at"] = message.accepted_at + timedelta(seconds=self.config.expires)
        return message.replace(**changes)

    def limits(self, delivery: Delivery) -> Sequence[Limit]:
        """Declare what this delivery counts against."""
        sender, contact = delivery.sender, delivery.contact
        declared: list[Limit] = [
            Rate(f"sender:{sender}", self.config.per_second, self._credit),
            Rate(f"pair:{sender}:{contact}", 1 / self.config.pair_seconds, self.config.pair_burst),
        ]
        if self.config.daily is not None and delivery.content.form == "template":
            declared.append(Quota(f"daily:{sender}", self.config.daily, DAY, distinct=str(contact)))
        return declared


@hookimpl
def register() -> list[type[RateLimit]]:
    """Hand over the class."""
    return [RateLimit]
