"""The page of `gateway message plan`: when it goes, and what is told loudly."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli.plan_page import render

PLAN = {
    "at": "2026-11-21T18:00:00Z", "begins": "2026-11-21T18:00:00Z", "closed": "", "reached": 8000,
    "left_out": {"withdrawn": 2, "capped": 40}, "by_text": 0, "places": [], "per_second": 80.0,
    "seconds": 100.0, "waits": "", "expires_at": None, "price": None,
}  # fmt: skip
FOUND = {
    "message": 412, "title": "Neun Fragen", "topic": "blog", "sender": "main", "state": "held",
    "spread": 0.0, "trouble": "", "time_zone": "Europe/Berlin", "rates": None,
}  # fmt: skip
NIGHT = {"seconds": 46_875.0, "waits": "quiet hours 20:00-08:00"}


def page(found: dict[str, Any] | None = None, **plan: Any) -> list[str]:
    return render(FOUND | (found or {}) | {"plan": PLAN | plan}, 100)


def test_the_whole_page() -> None:
    assert page() == [
        "#412     “Neun Fragen”",
        "reaches  8,000 of 8,042 people",
        "not      40 got as much as they get at most · 2 stopped",
        "goes     at once · takes about 100 s, until 19:01 · at most 80 a second",
        "costs    not known: no table of prices is set ([cost] rates)",
    ]


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        (
            NIGHT,
            "goes     at once · takes about 13 h, until 22 Nov 08:01"
            " · waits in between: quiet hours 20:00-08:00",
        ),
        (NIGHT | {"expires_at": "2026-11-22T08:00:00Z"}, "expires  22 Nov 09:00"),
        (
            NIGHT | {"expires_at": "2026-11-22T07:00:00Z"},
            "expires  22 Nov 08:00 · NOT ALL IN TIME: what has not gone by then is not sent",
        ),
        (
            {"closed": "quiet hours", "begins": "2026-11-22T07:00:00Z"},
            "goes     from 22 Nov 08:00: quiet hours · takes about 100 s, until 22 Nov 08:01",
        ),
    ],
)
def test_what_does_not_go_in_one_go(plan: dict[str, Any], line: str) -> None:
    assert line in page(**plan)


def test_a_tier_that_does_not_suffice() -> None:
    tier = {
        "key": "tier:wa", "said": "250 people in 24 hours", "n": 250, "used": 100, "needed": 8000,
        "today": 150, "last_at": "2026-12-22T18:00:00Z",
    }  # fmt: skip
    assert page(places=[tier])[4:6] == [
        "tier     250 people in 24 hours · 100 taken, 8,000 needed · NOT ENOUGH: 150 of 8,000 now",
        "         the last 22 Dec 19:00",
    ]
