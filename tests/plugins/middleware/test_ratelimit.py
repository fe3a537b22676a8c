"""How fast, how many, how long: what is declared for which delivery."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from gateway.api import (
    ConfigError,
    Hold,
    Limit,
    Message,
    Permissions,
    Places,
    Plan,
    Price,
    Quota,
    Rate,
    SenderFacts,
    Template,
    Text,
)
from gateway.testing import (
    NOW,
    TOPIC,
    FakeContext,
    delivery,
    judged,
    limits,
    make,
    message,
    started,
)
from gateway_plugins.middleware.ratelimit import RateLimit

TEXT = Text(body="Hallo")
TEMPLATE = Template(name="post", language="de", body="{{1}}", parameters={"1": "Hallo"})
KINDS = ("marketing", "utility", "service", "confirmation")
HOUR = timedelta(hours=1)
DAY = 86_400.0
SENDER, PAIR = Rate("sender:main", 80, 3), Rate("pair:main:7", 1 / 6, 45)


def bare(declared: object) -> list[Limit]:
    """Limits without their words."""
    assert isinstance(declared, list), declared
    return [
        msgspec.structs.replace(limit, words="") if isinstance(limit, Rate | Quota) else limit
        for limit in declared
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("settings", "content", "declared"),
    [
        ({}, TEXT, [SENDER, PAIR]),
        ({"tier_reserve": 0}, TEMPLATE, [SENDER, PAIR, Quota("tier:main", 250, DAY, distinct="7")]),
        (
            {"per_second": 20, "pair_burst": 1, "pair_seconds": "1min"},
            TEXT,
            [Rate("sender:main", 20, 3), Rate("pair:main:7", 1 / 60, 1)],
        ),
        ({"per_sender": {"main": 20}}, TEXT, [Rate("sender:main", 20, 3), PAIR]),
        ({"per_sender": {"other": 20}}, TEXT, [SENDER, PAIR]),
        ({"daily": 250, "tier_reserve": 0}, TEXT, [SENDER, PAIR]),
        (
            {"daily": 250, "tier_reserve": 0},
            TEMPLATE,
            [SENDER, PAIR, Quota("tier:main", 250, DAY, distinct="7")],
        ),
    ],
)
def test_limits(kind: Any, settings: dict[str, Any], content: Any, declared: list[Limit]) -> None:
    """Every kind counts for sender and person; a template also as a person reached that day."""
    leased = delivery(message=message(kind=kind), content=content, contact=7)
    assert bare(limits(make(RateLimit, **settings), leased)) == declared


@pytest.mark.parametrize(
    ("settings", "facts", "fast", "people", "by_marketing"),
    [
        ({}, {}, 80, 250, 225),  # nobody told it yet: as little as a new account has
        ({"daily": 1000}, {}, 80, 1000, 900),
        ({}, {"tier": None, "tier_known": True}, 80, None, None),
        ({}, {"tier": 250}, 80, 250, 225),
        ({}, {"tier": 5}, 80, 5, 5),
        ({"tier_reserve": 0.5}, {"tier": 250}, 80, 250, 125),
        ({"daily": 100}, {"tier": 250}, 80, 100, 90),
        ({"daily": 1000}, {"tier": 250}, 80, 250, 225),
        ({"daily": 1000}, {"tier": None, "tier_known": True}, 80, 1000, 900),
        ({}, {"per_second": 20}, 20, 250, 225),
        ({"per_second": 10}, {"per_second": 20}, 10, 250, 225),
        ({"per_second": 1000}, {"per_second": 80}, 80, 250, 225),
    ],
)
async def test_what_the_provider_says_of_a_number_caps_the_settings(
    settings: dict[str, Any],
    facts: dict[str, Any],
    fast: float,
    people: int | None,
    by_marketing: int | None,
) -> None:
    """The tier is that of the portfolio; a share of it stays free for what people wait for."""
    context = FakeContext("ratelimit")
    context.senders["main"] = SenderFacts(name="main", portfolio="wa", **facts)
    async with started(make(RateLimit, **settings), context) as plugin:
        for kind in KINDS:
            leased = delivery(message=message(kind=kind), content=TEMPLATE, contact=7)
            rate, _, *rest = bare(limits(plugin, leased))
            assert isinstance(rate, Rate)
            assert (rate.key, rate.per_second) == ("sender:main", fast)
            n = by_marketing if kind == "marketing" else people
            assert rest == ([Quota("tier:wa", n, DAY, "7")] if n is not None else [])


async def test_what_is_learnt_later_counts_from_then_on() -> None:
    """A tier that grows, and has no limit in the end; all counts under the same key."""
    context = FakeContext("ratelimit")
    async with started(make(RateLimit), context) as plugin:
        found = []
        for tier, known in ((None, False), (1000, True), (2000, True), (None, True)):
            context.senders["main"] = SenderFacts(
                name="main", portfolio="wa", tier=tier, tier_known=known
            )
            found.append(bare(limits(plugin, delivery(content=TEMPLATE)))[2:])
    quotas = [[Quota("tier:wa", n, DAY, "1")] for n in (225, 900, 1800)]
    assert found == [*quotas, []]


@pytest.mark.parametrize(
    ("until", "counts"), [(None, True), (0, True), (60, True), (119, True), (121, False)]
)
async def test_inside_a_window_nobody_new_is_reached(until: int | None, counts: bool) -> None:
    """Also by a template; the window has to stay open for two minutes, as Meta's clock decides."""
    context = FakeContext("ratelimit")
    end = None if until is None else context.clock.micros() + until * 1_000_000
    leased = delivery(content=TEMPLATE, permissions=Permissions(consent=1, window_until=end))
    async with started(make(RateLimit, daily=10), context) as plugin:
        declared = bare(limits(plugin, leased))
    assert any(isinstance(limit, Quota) for limit in declared) == counts


@pytest.mark.parametrize("kind", KINDS)
async def test_how_often_a_person_is_written_to(kind: Any) -> None:
    """Over all topics and by topic; only news is capped."""
    settings = {"per_person": "2 per day, 5 per week", "per_topic": {"blog": "3/week"}}
    declared = bare(limits(make(RateLimit, **settings), delivery(message=message(kind=kind))))
    wanted = [
        Quota("person:1", 2, DAY),
        Quota("person:1", 5, 7 * DAY),
        Quota("topic:1:blog", 3, 7 * DAY),
    ]
    assert declared[2:] == (wanted if kind == "marketing" else [])


def test_a_topic_without_a_cap_has_none() -> None:
    plugin = make(RateLimit, per_topic={"blog": "1 per day"})
    assert len(bare(limits(plugin, delivery(message=message(topic="other"))))) == 2


async def test_a_cap_for_a_topic_that_does_not_exist_is_told() -> None:
    plugin = make(RateLimit, per_topic={"blgo": "1 per day"})
    with pytest.raises(ConfigError, match=f"no topic 'blgo'; known: {TOPIC.name}"):
        async with started(plugin):
            pass


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wish", [None, 0, 1, 3])
def test_a_person_s_own_wish_counts_for_news(kind: Any, wish: int | None) -> None:
    """So many a week, over all senders and topics."""
    leased = delivery(
        message=message(kind=kind), permissions=Permissions(consent=1, per_week=wish), contact=7
    )
    declared = bare(limits(make(RateLimit), leased))
    wanted = [Quota("wish:7", wish, 7 * DAY)] if wish and kind == "marketing" else []
    assert [limit for limit in declared if isinstance(limit, Quota)] == wanted


@pytest.mark.parametrize(
    ("days", "people"),
    [(None, 50), (-400.0, 50), (0.0, 50), (0.99, 50), (1.0, 100), (2.5, 250), (3.0, None)],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_new_number_warms_up(kind: Any, days: float | None, people: int | None) -> None:
    """Day by day since its first send; confirmations and answers are never kept back."""
    context = FakeContext("ratelimit")
    first = NOW - timedelta(days=days) if days is not None else None
    context.senders["main"] = SenderFacts(
        name="main", portfolio="wa", tier_known=True, first_send=first
    )
    leased = delivery(message=message(kind=kind), content=TEMPLATE, contact=7)
    async with started(make(RateLimit, warm_up=[50, 100, 250]), context) as plugin:
        declared = bare(limits(plugin, leased))[2:]
        assert bare(limits(plugin, leased.replace(content=TEXT)))[2:] == []
    counts = people is not None and kind in ("marketing", "utility")
    assert declared == ([Quota("warm_up:main", people or 0, DAY, "7")] if counts else [])


def test_the_first_people_of_a_message_go_first() -> None:
    """For messages to many; each message has its own."""
    plugin = make(RateLimit, first_people=200, first_wait="20min")
    for id in (1, 2):
        declared = bare(limits(plugin, delivery(message=message(id=id))))
        assert declared[2:] == [Quota(f"first:{id}", 200, 1200.0, once=True)]
    for alone in (message(to=7), message(kind="utility")):
        assert bare(limits(plugin, delivery(message=alone)))[2:] == []


def test_every_limit_says_what_it_is() -> None:
    """In words for people, without anybody's number or id."""
    settings = {
        "daily": 1000, "per_person": "2 per day", "per_topic": {"blog": "1 per week"},
        "first_people": 200,
    }  # fmt: skip
    leased = delivery(
        contact=4711, content=TEMPLATE, permissions=Permissions(consent=1, per_week=1)
    )
    declared = limits(make(RateLimit, **settings), leased)
    assert isinstance(declared, list)
    assert [limit.said for limit in declared if isinstance(limit, Rate | Quota)] == [
        "80 a second by main",
        "45 messages at once to one person, then one in 6 s",
        "1,000 people in 24 hours, 100 kept free",
        "2 a day to one person",
        "1 a week of blog to one person",
        "the person's own wish: 1 a week",
        "the first 200 people, then 30min to see what comes back",
    ]


def test_a_limit_that_nobody_told_says_so() -> None:
    declared = limits(make(RateLimit), delivery(content=TEMPLATE))
    assert isinstance(declared, list)
    assert (
        declared[2].said == "250 people in 24 hours until the provider tells the tier, 25 kept free"
    )  # type: ignore[union-attr]


def test_a_fast_sender_may_make_up_for_what_a_busy_machine_lost() -> None:
    """Its credit grows with its rate; the rate itself stays what was set."""
    sender, _ = bare(limits(make(RateLimit, per_second=1000), delivery()))
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
    async with started(make(RateLimit, **settings)) as plugin:
        after = await judged(plugin, before)
    assert isinstance(after, Message)
    assert (after.spread, after.expires_at) == (spread, expires)
    assert after == before.replace(spread=after.spread, expires_at=after.expires_at)


async def test_screening_again_changes_nothing() -> None:
    """A message that is looked at twice keeps its first end."""
    async with started(make(RateLimit, spread="10min", expires="1h")) as plugin:
        once = await judged(plugin, message())
        assert isinstance(once, Message)
        assert await judged(plugin, once) == once


def planned(**price: Any) -> Plan:
    places = Places(
        key="tier:wa", said="250 people in 24 hours", n=250, used=100, needed=400, today=150
    )
    own = Price(currency="EUR", rates_of=date(2025, 7, 1), billed=400, **price) if price else None
    return Plan(at=NOW, begins=NOW, reached=400, places=(places,), price=own)


@pytest.mark.parametrize(
    ("price", "held"),
    [
        ({}, False),
        ({"amount": 40.0}, False),
        ({"amount": 40.0, "budget": 40.0}, False),
        ({"amount": 40.0, "budget": 39.0}, True),
        ({"amount": 40.0, "budget": 100.0, "spent": 50.0}, False),
        ({"amount": 40.0, "budget": 100.0, "spent": 50.0, "promised": 20.0}, True),
        ({"amount": 40.0, "budget": 100.0, "spent": 500.0}, True),
    ],
)
async def test_what_would_pass_the_month_s_budget_waits_for_a_person(
    price: dict[str, Any], held: bool
) -> None:
    """With what was spent and what still waits; one yes lets this message go."""
    context = FakeContext("ratelimit")
    context.plans[1] = planned(**price)
    async with started(make(RateLimit), context) as plugin:
        verdict = await judged(plugin, message())
        again = await judged(plugin, message(approved=("budget",)))
        utility = await judged(plugin, message(kind="utility"))
    assert isinstance(verdict, Hold) == held
    if isinstance(verdict, Hold):
        assert (verdict.code, verdict.until) == ("budget", None)
        assert "costs about 40.00 EUR" in verdict.text
    assert isinstance(again, Message)
    assert isinstance(utility, Message)


async def test_a_tier_that_does_not_suffice_is_told_with_the_verdict() -> None:
    """Before anything goes, also where nobody is asked."""
    context = FakeContext("ratelimit")
    context.plans[1] = planned()
    async with started(make(RateLimit), context) as plugin:
        verdict = await judged(plugin, message(notes=("before",)))
    assert isinstance(verdict, Message)
    assert verdict.notes == ("before", "250 people in 24 hours: enough for 150 of 400 people now")


@pytest.mark.parametrize(
    ("waits", "told"),
    [
        ("", "its time is over before the last one can go"),
        ("quiet hours", "its time is over before the last one can go (quiet hours)"),
    ],
)
async def test_what_cannot_all_go_in_time_is_told_with_the_verdict(waits: str, told: str) -> None:
    """Half of it would be dropped at night, and nobody would know before."""
    context = FakeContext("ratelimit")
    for hours, notes in ((11, (told,)), (13, ())):
        context.plans[1] = Plan(
            at=NOW, begins=NOW, reached=400, seconds=12 * 3600.0, waits=waits,
            expires_at=NOW + hours * HOUR,
        )  # fmt: skip
        async with started(make(RateLimit), context) as plugin:
            verdict = await judged(plugin, message())
        assert isinstance(verdict, Message)
        assert verdict.notes == notes


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"per_second": 0}, "per_second"),
        ({"per_second": -1}, "per_second"),
        ({"per_second": 1001}, "per_second"),
        ({"per_second": 1e-9}, "per_second"),
        ({"per_second": float("nan")}, "per_second"),
        ({"per_second": float("inf")}, "per_second"),
        ({"per_sender": {"main": 0}}, "per_sender.*main has to lie between"),
        ({"pair_burst": 0}, "pair_burst"),
        ({"pair_seconds": "0s"}, "pair_seconds"),
        ({"pair_seconds": "500d"}, "pair_seconds"),
        ({"first_people": -1}, "first_people"),
        ({"first_wait": "0s"}, "first_wait"),
        ({"daily": 0}, "daily"),
        ({"tier_reserve": 1}, "tier_reserve"),
        ({"tier_reserve": -0.1}, "tier_reserve"),
        ({"warm_up": [50, 0]}, "warm_up"),
        ({"per_person": "often"}, 'per_person: write "3 per week"'),
        ({"per_person": "0 per day"}, "per_person"),
        ({"per_person": "2 per day,"}, "per_person"),
        ({"per_topic": {"blog": "3 per decade"}}, 'blog: write "3 per week"'),
        ({"spread": "1h", "expires": "1h"}, "expires: has to be longer than spread"),
        ({"first_people": 9, "expires": "20min"}, "longer than spread and first_wait"),
        ({"spread": "-1s"}, "duration"),
        ({"quiet_holidays": "XX"}, "quiet_holidays: there are none known"),
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
        {"per_sender": {"main": 0.5}},
        {"pair_seconds": "1d", "pair_burst": 1},
        {"daily": 1},
        {"daily": 1, "tier_reserve": 0.9},
        {"spread": "1h", "expires": "61min"},
    ],
)
def test_settings_at_the_edge_are_usable(settings: dict[str, Any]) -> None:
    """The slowest and fastest that may be set are limits that the core takes."""
    assert isinstance(limits(make(RateLimit, **settings), delivery(content=TEMPLATE)), list)
