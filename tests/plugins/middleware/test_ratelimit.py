"""How fast, how many, how long: what is declared for which delivery."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.api import ConfigError, Limit, Message, Permissions, Quota, Rate, Template, Text
from gateway.testing import NOW, delivery, judged, limits, make, message
from gateway_plugins.middleware.ratelimit import RateLimit

TEXT = Text(body="Hallo")
TEMPLATE = Template(name="post", language="de", body="{{1}}", parameters={"1": "Hallo"})
KINDS = ("marketing", "utility", "service", "confirmation")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("settings", "content", "declared"),
    [
        ({}, TEXT, [Rate("sender:main", 80, 3), Rate("pair:main:7", 1 / 6, 45)]),
        ({}, TEMPLATE, [Rate("sender:main", 80, 3), Rate("pair:main:7", 1 / 6, 45)]),
        (
            {"per_second": 20, "pair_burst": 1, "pair_seconds": "1min"},
            TEMPLATE,
            [Rate("sender:main", 20, 3), Rate("pair:main:7", 1 / 60, 1)],
        ),
        (
            {"daily": 250},
            TEXT,
            [Rate("sender:main", 80, 3), Rate("pair:main:7", 1 / 6, 45)],
        ),
        (
            {"daily": 250},
            TEMPLATE,
            [
                Rate("sender:main", 80, 3),
                Rate("pair:main:7", 1 / 6, 45),
                Quota("daily:main", 250, 86_400, distinct="7"),
            ],
        ),
    ],
)
def test_limits(kind: Any, settings: dict[str, Any], content: Any, declared: list[Limit]) -> None:
    """Every kind counts for sender and person; a template also as a person reached that day."""
    leased = delivery(message=message(kind=kind), content=content, contact=7)
    assert limits(make(RateLimit, **settings), leased) == declared


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wish", [None, 0, 1, 3])
def test_a_person_s_own_wish_counts_for_news(kind: Any, wish: int | None) -> None:
    """So many a week, over all senders and topics."""
    leased = delivery(
        message=message(kind=kind), permissions=Permissions(consent=1, per_week=wish), contact=7
    )
    declared = limits(make(RateLimit), leased)
    assert isinstance(declared, list)
    wanted = [Quota("wish:7", wish, 7 * 86_400)] if wish and kind == "marketing" else []
    assert [limit for limit in declared if isinstance(limit, Quota)] == wanted


def test_a_fast_sender_may_make_up_for_what_a_busy_machine_lost() -> None:
    """Its credit grows with its rate; the rate itself stays what was set."""
    sender, _ = limits(make(RateLimit, per_second=1000), delivery())  # type: ignore[misc]
    assert sender == Rate("sender:main", 1000, 20)


def test_each_sender_and_person_has_its_own_limits() -> None:
    """Two senders share nothing, two people share the sender only."""
    plugin = make(RateLimit, daily=1)
    keys = [
        {limit.key for limit in limits(plugin, delivery(sender=sender, contact=contact))}  # type: ignore[union-attr]
        for sender, contact in (("main", 1), ("main", 2), ("other", 1))
    ]
    assert keys[0] & keys[1] == {"sender:main"}
    assert keys[0] & keys[2] == set()


@pytest.mark.parametrize(
    ("kind", "settings", "given", "spread", "expires"),
    [
        ("marketing", {}, {}, 0, None),
        ("marketing", {"spread": "10min"}, {}, 600, None),
        ("marketing", {"expires": "1h"}, {}, 0, NOW + HOUR),
        ("marketing", {"spread": "10min", "expires": "1h"}, {}, 600, NOW + HOUR),
        # what somebody set before
        ("marketing", {}, {"spread": 60.0}, 60, None),
        ("marketing", {"spread": "10min"}, {"spread": 60.0}, 600, None),
        ("marketing", {"expires": "1h"}, {"expires_at": NOW + 3 * HOUR}, 0, NOW + 3 * HOUR),
        ("marketing", {"expires": "1h"}, {"expires_at": NOW}, 0, NOW),
        ("marketing", {"expires": "1h"}, {"accepted_at": None}, 0, None),
        # answers go at once, and wait as long as they have to
        ("utility", {"spread": "10min", "expires": "1h"}, {}, 0, None),
        ("service", {"spread": "10min", "expires": "1h"}, {}, 0, None),
        ("confirmation", {"spread": "10min", "expires": "1h"}, {}, 0, None),
    ],
)
async def test_spread_and_expiry(
    kind: Any, settings: dict[str, Any], given: dict[str, Any], spread: float, expires: Any
) -> None:
    """Marketing is spread and expires as set; what stands in the message before is kept."""
    before = message(kind=kind, **given)
    after = await judged(make(RateLimit, **settings), before)
    assert isinstance(after, Message)
    assert (after.spread, after.expires_at) == (spread, expires)
    assert after == before.replace(spread=after.spread, expires_at=after.expires_at)


async def test_screening_again_changes_nothing() -> None:
    """A message that is looked at twice keeps its first end."""
    plugin = make(RateLimit, spread="10min", expires="1h")
    once = await judged(plugin, message())
    assert isinstance(once, Message)
    assert await judged(plugin, once) == once


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"per_second": 0}, "per_second"),
        ({"per_second": -1}, "per_second"),
        ({"per_second": 1001}, "per_second"),
        ({"per_second": 1e-9}, "per_second"),
        ({"per_second": float("nan")}, "per_second"),
        ({"per_second": float("inf")}, "per_second"),
        ({"pair_burst": 0}, "pair_burst"),
        ({"pair_seconds": "0s"}, "pair_seconds"),
        ({"pair_seconds": "500d"}, "pair_seconds"),
        ({"daily": 0}, "daily"),
        ({"spread": "1h", "expires": "1h"}, "expires: has to be longer than spread"),
        ({"spread": "-1s"}, "duration"),
        ({"per_hour": 5}, "unknown key"),
    ],
)
def test_settings_that_could_never_send_are_refused(settings: dict[str, Any], said: str) -> None:
    """What would hold or drop everything is said at start-up."""
    with pytest.raises(ConfigError, match=said):
        make(RateLimit, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"per_second": 1000},
        {"per_second": 0.0001},
        {"pair_seconds": "1d", "pair_burst": 1},
        {"daily": 1},
        {"spread": "1h", "expires": "61min"},
    ],
)
def test_settings_at_the_edge_are_usable(settings: dict[str, Any]) -> None:
    """The slowest and fastest that may be set are limits that the core takes."""
    assert isinstance(limits(make(RateLimit, **settings), delivery()), list)
