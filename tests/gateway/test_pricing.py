"""Prices: what a table says, what it does not, and what is wrong with one."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway.assembly import assemble
from gateway.discovery import discover
from gateway.errors import ConfigError
from gateway.pricing import Cost, Rates, bill, prefixed, read_rates
from gateway.tables import Problems
from tests.config.shipped import CONFIG

RATES = Rates(
    currency="EUR",
    date=date(2025, 7, 1),
    source="a test",
    marketing={"DE": 0.11, "US": 0.03, "other": 0.05},
    utility={"DE": 0.02},
)


@pytest.mark.parametrize(
    ("category", "prefix", "price"),
    [
        ("marketing", "+4917", 0.11),
        ("marketing", "+49", 0.11),
        ("marketing", "DE.", 0.11),
        ("marketing", "+1212", 0.03),
        ("marketing", "+1416", 0.03),  # one calling code, the largest country
        ("marketing", "+3361", 0.05),
        ("marketing", "", 0.05),
        ("marketing", "XYZ", 0.05),
        ("marketing_lite", "+4917", 0.11),
        ("utility", "+4917", 0.02),
        ("confirmation", "+4917", 0.02),
        ("utility", "+3361", None),
        ("service", "+4917", None),
        ("referral", "+4917", None),
    ],
)
def test_a_price(category: str, prefix: str, price: float | None) -> None:
    assert RATES.price(category, prefixed(prefix)) == price


def test_a_bill_says_what_it_does_not_know() -> None:
    """What has no price is told by country; answers inside a window are free unless they have one."""
    found = bill(
        RATES,
        [
            ("marketing", prefixed("+4917"), 10),
            ("marketing", prefixed("+3361"), 2),
            ("utility", prefixed("+3361"), 3),
            ("utility", prefixed("FR."), 1),
            ("utility", prefixed(""), 1),
            ("service", prefixed("+4917"), 100),
        ],
    )
    assert found.amount == pytest.approx(1.2)
    assert found.unpriced == {"FR": 4, "?": 1}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (None, "there is no file"),
        ("currency = ", "no value stands there"),
        ('currency = "EUR"\nsource = "x"', "date: is missing"),
        ('currency = "euro"\ndate = 2025-07-01\nsource = "x"', 'write its code, such as "EUR"'),
        ('currency = "EUR"\ndate = 2025-07-01\nsource = " "', "say where the prices are from"),
        (
            'currency = "EUR"\ndate = 2025-07-01\nsource = "x"\n[marketing]\nGermany = 1',
            "no country",
        ),
        ('currency = "EUR"\ndate = 2025-07-01\nsource = "x"\n[marketing]\nDE = -1', "is no price"),
        ('currency = "EUR"\ndate = 2025-07-01\nsource = "x"\n[marketing]\nDE = "1"', "a number"),
        ('currency = "EUR"\ndate = 2025-07-01\nsource = "x"\n[ads]\nDE = 1', "unknown key"),
    ],
)
def test_a_table_that_is_wrong(tmp_path: Path, text: str | None, wrong: str) -> None:
    """Told with the file and the key, together with all else that is wrong."""
    if text is not None:
        (tmp_path / "rates.toml").write_text(text)
    problems = Problems("gateway.toml")
    assert read_rates(Cost(rates="rates.toml"), tmp_path, problems) is None
    assert len(problems.found) == 1
    assert wrong in problems.found[0]
    assert "rates.toml" in problems.found[0]


def test_no_table_is_no_problem(tmp_path: Path) -> None:
    assert read_rates(Cost(), tmp_path, Problems("gateway.toml")) is None


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"per_month": 100.0}, "per_month: needs prices"),
        ({"per_month": 0.0, "rates": "r.toml"}, "per_month: has to be positive"),
        ({"per_month": float("nan"), "rates": "r.toml"}, "per_month: has to be positive"),
    ],
)
def test_a_budget_that_means_nothing_is_refused(settings: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        Cost(**settings)


@pytest.mark.parametrize("chain", ['"consent", "ratelimit"', '"consent"'])
def test_a_budget_that_nobody_keeps_is_refused(tmp_path: Path, chain: str) -> None:
    """It would be none."""
    shutil.copy(CONFIG / "rates.toml", tmp_path)
    file = tmp_path / "gateway.toml"
    file.write_text(
        f"chain = [{chain}]\n[company]\nname = 'x'\n[cost]\nrates = 'rates.toml'\nper_month = 5\n"
    )
    with pytest.raises(ConfigError) as refused:  # there is no sender either
        assemble(file, discover())
    assert ("nothing in the chain keeps it" in str(refused.value)) == ("ratelimit" not in chain)
