"""What a message would do if it began now: whom it reaches, how long it takes, what it costs."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from gateway.message import Value

BUDGET = "budget"
"""Code of the hold of a message that would pass what is left of the month's budget: a budget in the
settings needs a middleware that declares it."""


class Places(Value, frozen=True, kw_only=True):
    """A limit on how many different people may be written to in a time, such as the account's tier.

    `said`: what it is.  Of its `n` places `used` are taken at this moment; this message needs
    `needed` more.  `today`: how many of its people can go before one who holds a place leaves.
    `last_at`: when the last of them has a place; None if that cannot be said.
    """

    key: str
    said: str
    n: int
    used: int
    needed: int
    today: int
    last_at: datetime | None = None

    @property
    def suffices(self) -> bool:
        """Whether everybody has a place now."""
        return self.used + self.needed <= self.n


class Price(Value, frozen=True, kw_only=True):
    """What a message costs, by the operator's table.  Amounts are in `currency`.

    `billed`: how many messages cost something.  `unpriced`: country → messages of which the table
    says nothing.  `spent` and `promised`: this month so far, and what waits of other messages;
    `budget`: what the settings allow a month.
    """

    amount: float
    currency: str
    rates_of: date
    billed: int
    unpriced: dict[str, int] = {}
    spent: float = 0.0
    promised: float = 0.0
    budget: float | None = None

    @property
    def left(self) -> float | None:
        """What is left this month before this message; None without a budget."""
        if self.budget is None:
            return None
        return max(0.0, self.budget - self.spent - self.promised)

    @property
    def too_much(self) -> bool:
        """Whether it would pass what is left."""
        left = self.left
        return left is not None and self.amount > left


class Plan(Value, frozen=True, kw_only=True):
    """What a message would do if it began at `at`.

    `reached`: how many people get it; `left_out`: why → how many of the topic do not.  `by_text`:
    of those reached, how many have an open window and get free text.  `begins`: when the first
    can go, and what is `closed` until then; `seconds`: how long it takes from then, by spread, rate,
    places and what is closed in between (`waits`: why, such as quiet hours that begin before its
    end).  `expires_at`: when what has not gone is dropped.  `price`: None without a table of prices.
    """

    at: datetime
    reached: int
    left_out: dict[str, int] = {}
    by_text: int = 0
    places: tuple[Places, ...] = ()
    per_second: float | None = None
    begins: datetime
    closed: str = ""
    seconds: float = 0.0
    waits: str = ""
    expires_at: datetime | None = None
    price: Price | None = None

    @property
    def ends(self) -> datetime:
        """When the last one goes."""
        return self.begins + timedelta(seconds=self.seconds)

    @property
    def too_late(self) -> bool:
        """Whether some would go only after its time is over, and are dropped."""
        return self.expires_at is not None and self.ends > self.expires_at

    @property
    def tightest(self) -> Places | None:
        """The places that hold it back most, None if all suffice."""
        short = [places for places in self.places if not places.suffices]
        return min(short, key=lambda places: places.today, default=None)
