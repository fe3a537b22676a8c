"""How fast, how many, and over how long: declared here, kept by the core.

Another middleware may declare limits too; the core takes all of a delivery's limits together,
just before it begins.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from zoneinfo import ZoneInfo

from gateway.api import (
    Closed,
    Concern,
    Context,
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
from gateway_plugins.middleware.quiet import QuietHours

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
    quiet_hours: str = ""
    """When no marketing goes out, such as `20:00-08:00` in the company's time zone."""

    def __post_init__(self) -> None:
        if not 1 / DAY <= self.per_second <= 1000:
            raise ValueError("per_second has to lie between 0.00002 (one a day) and 1000")
        if self.pair_burst < 1 or not 0 < self.pair_seconds <= DAY:
            raise ValueError("pair_burst and pair_seconds have to be positive, at most one day")
        if self.daily is not None and self.daily < 1:
            raise ValueError("daily has to be positive")
        if self.expires and self.expires <= self.spread:
            raise ValueError("expires has to be longer than spread, else the last are never sent")
        QuietHours.parse(self.quiet_hours)


class RateLimit(Middleware):
    """Declares the rates of sender and pair, the daily limit, the person's own wish; sets spread
    and expiry."""

    name = "ratelimit"
    config: RateLimitConfig

    def __init__(self, config: RateLimitConfig, label: str) -> None:
        super().__init__(config, label)
        self._credit = max(CREDIT, round(config.per_second * MOMENT))
        self._quiet = QuietHours.parse(config.quiet_hours)

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Learn the time, and where."""
        self._clock, self._zone = context.clock, ZoneInfo(context.company.time_zone)
        yield

    async def concerns(self) -> Sequence[Concern]:
        """Messages at night are no crime, but the first thing people complain about."""
        if self._quiet is not None:
            return ()
        text = "News may go out in the middle of the night: there are no quiet hours."
        return [Concern("missing", text, f'[middleware.{self.label}] quiet_hours = "20:00-08:00"')]

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
        wish = delivery.permissions.per_week
        if wish and delivery.message.kind == "marketing":  # the person's own: "less often"
            declared.append(Quota(f"wish:{contact}", wish, 7 * DAY))
        if self.config.daily is not None and delivery.content.form == "template":
            declared.append(Quota(f"daily:{sender}", self.config.daily, DAY, distinct=str(contact)))
        if self._quiet is not None and delivery.message.kind == "marketing":
            until = self._quiet.until(self._clock.now(), self._zone)
            if until is not None:
                declared.append(Closed(until, f"quiet hours {self.config.quiet_hours}"))
        return declared


@hookimpl
def register() -> list[type[RateLimit]]:
    """Hand over the class."""
    return [RateLimit]
