"""How long a message takes: its rate, its spread, and what is closed before its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gateway.message import Message
from gateway.planning import _ends
from gateway.plans import Places
from gateway.verdicts import Closed, Quota

NIGHT = "quiet hours 20:00-08:00"


def at(text: str) -> datetime:
    day, clock = text.split()
    return datetime.fromisoformat(f"2026-11-{day}T{clock}").replace(tzinfo=UTC)


def quiet(begins: int, ends: int, why: str) -> Callable[[datetime], Closed | None]:
    """Closed from one hour to another, each day."""

    def closed(when: datetime) -> Closed | None:
        until = when.replace(hour=ends, minute=0, second=0, microsecond=0)
        if begins < ends:
            return Closed(until, why) if begins <= when.hour < ends else None
        if ends <= when.hour < begins:
            return None
        return Closed(until + timedelta(days=when.hour >= begins), why)

    return closed


def never(when: datetime) -> None:
    return None


AT_NIGHT = quiet(20, 8, NIGHT)


def tier(last_at: str) -> Places:
    return Places(key="tier:wa", said="", n=1, used=0, needed=2, today=1, last_at=at(last_at))


@pytest.mark.parametrize(
    ("begins", "people", "per_second", "spread", "closed", "ends", "waits"),
    [
        # nothing in between: to the second
        ("21 18:00", 0, 80.0, 0, AT_NIGHT, "21 18:00", ""),
        ("21 18:00", 8000, None, 0, AT_NIGHT, "21 18:00", ""),
        ("21 18:00", 7200, 2.0, 0, AT_NIGHT, "21 19:00", ""),
        ("21 17:00", 8000, 80.0, 7200, AT_NIGHT, "21 19:00", ""),
        ("21 17:00", 8000, 80.0, 7200, never, "21 19:00", ""),
        # by the rate: an hour before the night, and the rest after it
        ("21 19:00", 7200, 1.0, 0, AT_NIGHT, "22 09:00", NIGHT),
        # by the spread: half of it comes due at night, and goes at the full rate in the morning
        ("21 19:00", 8000, 80.0, 7200, AT_NIGHT, "22 08:00", NIGHT),
        # twelve hours a day, for more than one day
        ("21 08:00", 30 * 3600, 1.0, 0, AT_NIGHT, "23 14:00", NIGHT),
        # a break at noon that is over before the end: nothing ends later
        ("21 10:00", 1000, 80.0, 6 * 3600, quiet(12, 13, "noon"), "21 16:00", "noon"),
        # days that never open: no plan for ever
        ("21 19:00", 7200, 1.0, 0, lambda when: Closed(when + timedelta(minutes=1), "x"), "", "x"),
    ],
)
def test_when_the_last_one_goes(
    begins: str,
    people: int,
    per_second: float | None,
    spread: float,
    closed: Callable[[datetime], Closed | None],
    ends: str,
    waits: str,
) -> None:
    post = Message(external_id="1", spread=spread)
    found, why = _ends(post, people, per_second, [], at(begins), [], closed)
    assert why == waits
    if ends:
        assert abs(found - at(ends)) <= timedelta(minutes=2 if waits else 0)


def test_the_others_follow_a_first_batch_and_do_not_wake_people_either() -> None:
    first = Quota("first:1", 200, 5400.0, once=True)
    post = Message(external_id="1")
    assert _ends(post, 200, 80.0, [], at("21 19:00"), [first], never) == (
        at("21 19:00") + timedelta(seconds=2.5),
        "",
    )
    found, why = _ends(post, 300, 80.0, [], at("21 19:00"), [first], AT_NIGHT)
    assert (found.replace(second=0, microsecond=0), why) == (at("22 08:00"), NIGHT)


@pytest.mark.parametrize(
    ("last_at", "ends", "waits"),
    [("22 12:00", "22 12:00", ""), ("22 23:00", "23 08:00", NIGHT), ("21 17:00", "21 19:00", "")],
)
def test_a_place_that_comes_free_at_night_is_taken_in_the_morning(
    last_at: str, ends: str, waits: str
) -> None:
    post = Message(external_id="1", spread=3600.0)
    assert _ends(post, 2, 80.0, [tier(last_at)], at("21 18:00"), [], AT_NIGHT) == (at(ends), waits)


def test_a_plan_ends_some_day() -> None:
    """A million people, one a day."""
    post = Message(external_id="1", spread=1e300)
    found, _ = _ends(post, 10**6, 1 / 86400, [], at("21 18:00"), [], never)
    assert found.year == 2036
