"""What messages cost: a dated table of prices by country and category, which the operator keeps.

A provider's prices change several times a year and depend on the contract, so none are built in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from gateway import document
from gateway.errors import ConfigError
from gateway.message import Identity
from gateway.numbers import countries
from gateway.sections import refuse
from gateway.tables import Problems, read_table

OTHER = "other"
"""Stands for every country that the table does not name."""

CATEGORIES = {"confirmation": "utility", "marketing_lite": "marketing"}
"""What is billed under the name of another."""


class Cost(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`[cost]`: what sending may cost.

    `rates`: file with the prices, beside the settings.  `per_month`: in their currency; marketing
    that would pass it is held for a person.
    """

    rates: str = ""
    per_month: float | None = None

    def __post_init__(self) -> None:
        refuse(
            (
                self.per_month is not None and not 0 < self.per_month < 10**9,
                "per_month: has to be positive",
            ),
            (
                self.per_month is not None and not self.rates,
                'per_month: needs prices; add rates = "rates.toml" (config/rates.toml)',
            ),
        )


class Rates(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One file of prices: per category country (ISO 3166, or `other`) → price of one message."""

    currency: str
    date: date
    source: str
    marketing: dict[str, float] = {}
    utility: dict[str, float] = {}
    service: dict[str, float] = {}

    def __post_init__(self) -> None:
        named = [
            (f"{category}: {country}", country, price)
            for category in ("marketing", "utility", "service")
            for country, price in getattr(self, category).items()
        ]
        refuse(
            (
                not (len(self.currency) == 3 and self.currency.isupper()),
                'currency: write its code, such as "EUR"',
            ),
            (not self.source.strip(), "source: is empty; say where the prices are from"),
            *(
                (
                    country != OTHER and not (len(country) == 2 and country.isupper()),
                    f'{key}: is no country; write one as "DE", or "{OTHER}"',
                )
                for key, country, _ in named
            ),
            *((not 0 <= price < 1000, f"{key}: is no price") for key, _, price in named),
        )

    def price(self, category: str, identity: Identity) -> float | None:
        """Return the price of one message, None if the table has none.

        `identity` may be cut off behind the country: `+491`, `DE.`.
        """
        prices: dict[str, float] = getattr(self, CATEGORIES.get(category, category), {})
        for country in countries(identity)[:1]:
            if country in prices:
                return prices[country]
        return prices.get(OTHER)


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """What so many messages cost; `unpriced`: country → messages of which the table says nothing."""

    amount: float
    unpriced: dict[str, int]


def bill(rates: Rates, messages: Iterable[tuple[str, Identity, int]]) -> Bill:
    """Add up (category, identity, how many)."""
    amount = 0.0
    unpriced: dict[str, int] = {}
    for category, identity, n in messages:
        price = rates.price(category, identity)
        if price is not None:
            amount += price * n
        elif category != "service":  # without a price of their own they are free
            country = next(iter(countries(identity)), "?")
            unpriced[country] = unpriced.get(country, 0) + n
    return Bill(amount=amount, unpriced=unpriced)


def prefixed(prefix: str) -> Identity:
    """Return what a number or user id that was cut off behind its country stands for."""
    return Identity("phone" if prefix.startswith("+") else "user_id", prefix or "?")


def read_rates(cost: Cost, beside: Path, problems: Problems) -> Rates | None:
    """Read the prices that the settings name; what is wrong with them goes to `problems`."""
    if not cost.rates:
        return None
    file = beside / cost.rates
    if not file.is_file():
        problems.add("[cost] rates", f"there is no file {file}")
        return None
    try:
        raw: dict[str, Any] = document.read(file)
    except ConfigError as error:
        problems.add("[cost] rates", str(error))
        return None
    own = Problems(str(file))
    rates = read_table(raw, Rates, "prices", own, file.parent)
    problems.found.extend(own.found)
    return rates
