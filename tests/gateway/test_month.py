"""What the month has cost: since when it counts, by whose country, and what has no price."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway.month import this_month
from gateway.pricing import Rates
from gateway.store.planning import Spending
from gateway.store.protocol import micros

RATES = Rates(
    currency="EUR",
    date=date(2025, 7, 1),
    source="a test",
    marketing={"DE": 0.10, "AT": 0.20},
    utility={"DE": 0.05},
)


class Spent:
    """A store that knows what was spent, and is asked for it only."""

    def __init__(self, sent: dict[tuple[str, str], int], waits: dict[str, int]) -> None:
        self._found = Spending(sent, waits)
        self.asked: list[tuple[int, int]] = []

    async def spending(self, *, since: int, besides: int) -> Spending:
        self.asked.append((since, besides))
        return self._found


@pytest.mark.parametrize(
    ("zone", "now", "begins"),
    [
        ("Europe/Berlin", "2026-11-21T17:41:00", "2026-10-31T23:00:00"),
        ("Europe/Berlin", "2026-10-31T23:00:00", "2026-10-31T23:00:00"),
        ("Europe/Berlin", "2026-10-31T22:59:59", "2026-09-30T22:00:00"),  # summer time then
        ("UTC", "2026-10-31T23:00:00", "2026-10-01T00:00:00"),
        ("Europe/Berlin", "2026-10-25T01:30:00", "2026-09-30T22:00:00"),  # in the second 02:30
    ],
)
async def test_since_when_it_counts(zone: str, now: str, begins: str) -> None:
    def at(text: str) -> int:
        return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))

    store: Any = Spent({}, {})
    found = await this_month(store, RATES, zone, "DE", at=at(now), besides=7)
    assert store.asked == [(at(begins), 7)]
    assert found.since == at(begins)
    assert (found.spent.amount, found.promised.amount) == (0, 0)


async def test_what_was_sent_and_what_waits() -> None:
    """Nobody's country is guessed but by the number; without one it is the company's."""
    sent = {
        ("marketing", "+4917"): 10, ("marketing", "+4366"): 2, ("marketing", ""): 1,
        ("marketing", "+3361"): 3, ("utility", "+4917"): 4, ("service", "+4917"): 99,
    }  # fmt: skip
    store: Any = Spent(sent, {"marketing": 5, "utility": 2, "service": 7})
    found = await this_month(store, RATES, "Europe/Berlin", "DE", at=1_795_282_860_000_000)
    assert found.spent.amount == pytest.approx(1.0 + 0.4 + 0.1 + 0.2)
    assert found.spent.unpriced == {"FR": 3}
    assert found.promised.amount == pytest.approx(0.5 + 0.1)
