"""The settings of the rate limits."""

from __future__ import annotations

from collections.abc import Container
from datetime import date

from gateway.api import Duration, PluginConfig
from gateway_plugins.middleware.ratelimit.per import DAY, caps
from gateway_plugins.middleware.ratelimit.quiet import QuietHours
from gateway_plugins.observers.hours import public_holidays

PAIR_BURST = 45  # Meta, "Pair rate limits": 45 at once, paid back at one per 6 seconds
PAIR_SECONDS = 6.0
SLOWEST, FASTEST = 1 / DAY, 1000


class RateLimitConfig(PluginConfig):
    """`[middleware.ratelimit]`."""

    per_second: float = 80.0
    """Sends per second and sender, what comes in included (Meta: 80; up to 1,000 for large
    accounts).  What the provider says of a number caps it."""
    per_sender: dict[str, float] = {}
    """The same for single senders; 20 for one with the phone app beside it."""
    pair_burst: int = PAIR_BURST
    """Messages to one person at once …"""
    pair_seconds: Duration = Duration(PAIR_SECONDS)
    """… and seconds per message after that."""
    spread: Duration = Duration(0)
    """Time over which a message's deliveries are spread evenly, so that answers can be.
    0: at once, unless another middleware says otherwise."""
    first_people: int = 0
    """So many people get a message first …"""
    first_wait: Duration = Duration(1800)
    """… and the others after this time: what goes wrong shows by then, and pauses it."""
    daily: int | None = None
    """People reached outside windows in any 24 hours, by all numbers of one business account.
    The account's tier, once the provider told it, caps it; as long as there is neither, 250 count,
    what a new account has."""
    tier_reserve: float = 0.1
    """Share of these that marketing leaves free for confirmations and utility messages."""
    warm_up: tuple[int, ...] = ()
    """People a day by a new number: on its first day, its second, …; then no limit of its own."""
    per_person: str = ""
    """Marketing to one person at most, such as `2 per day, 5 per week`, over all topics."""
    per_topic: dict[str, str] = {}
    """The same for single topics."""
    expires: Duration = Duration(0)
    """What is not sent by then is dropped, not sent the next morning.  0: never."""
    quiet_hours: str = ""
    """When no marketing goes out, such as `20:00-08:00`, by the clock where the person is."""
    quiet_holidays: str = ""
    """Whose public holidays are quiet from morning to night: a country or a part of it, `DE-BY`."""

    def __post_init__(self) -> None:
        for key, fast in (("per_second", self.per_second), *self.per_sender.items()):
            if not SLOWEST <= fast <= FASTEST:
                where = key if key == "per_second" else f"per_sender: {key}"
                raise ValueError(f"{where} has to lie between 0.00002 (one a day) and 1000")
        if self.pair_burst < 1 or not 0 < self.pair_seconds <= DAY:
            raise ValueError("pair_burst and pair_seconds have to be positive, at most one day")
        if self.first_people < 0:
            raise ValueError("first_people: is a number of people; 0 sends to all of them at once")
        if not 0 < self.first_wait <= DAY:
            raise ValueError("first_wait: lies between 0 (not itself) and one day")
        if self.daily is not None and self.daily < 1:
            raise ValueError("daily has to be positive")
        if not 0 <= self.tier_reserve < 1:
            raise ValueError("tier_reserve: is a share from 0 to 1 (not itself), such as 0.1")
        if any(people < 1 for people in self.warm_up):
            raise ValueError("warm_up: is a list of people per day, such as [50, 100, 250, 500]")
        if self.expires and self.expires <= self.spread:
            raise ValueError("expires has to be longer than spread, else the last are never sent")
        if self.first_people and self.expires and self.expires <= self.spread + self.first_wait:
            raise ValueError("expires has to be longer than spread and first_wait together")
        caps(self.per_person, "per_person")
        for topic, text in self.per_topic.items():
            caps(text, f"per_topic: {topic}")
        self.quiet()

    def quiet(self) -> QuietHours | None:
        """Return the quiet hours and holidays; None if there are none."""
        holidays: Container[date] | None = None
        if self.quiet_holidays:
            try:
                holidays = public_holidays(self.quiet_holidays)
            except ValueError as error:
                raise ValueError(f"quiet_{error}") from None
        return QuietHours.parse(self.quiet_hours, holidays)
