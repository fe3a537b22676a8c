"""Quiet hours by the wall clock of the company, also when summer time begins or ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.api import Closed, ConfigError, Identity
from gateway.testing import FakeContext, delivery, limits, make, message, started
from gateway_plugins.middleware.ratelimit import RateLimit
from gateway_plugins.middleware.ratelimit.quiet import QuietHours

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        ("20:00-08:00", "2026-03-02T19:59:59", None),
        ("20:00-08:00", "2026-03-02T20:00:00", "2026-03-03T08:00:00"),
        ("20:00-08:00", "2026-03-03T00:00:00", "2026-03-03T08:00:00"),
        ("20:00-08:00", "2026-03-03T07:59:59", "2026-03-03T08:00:00"),
        ("20:00-08:00", "2026-03-03T08:00:00", None),
        ("12:00-14:00", "2026-03-03T13:00:00", "2026-03-03T14:00:00"),
        ("12:00-14:00", "2026-03-03T14:00:00", None),
        ("20:00-24:00", "2026-12-31T23:00:00", "2027-01-01T00:00:00"),
        # Summer time begins on 29 March 2026 and ends on 25 October 2026.
        ("20:00-08:00", "2026-03-28T21:00:00", "2026-03-29T08:00:00"),
        ("20:00-08:00", "2026-10-24T21:00:00", "2026-10-25T08:00:00"),
    ],
)
def test_until(hours: str, now: str, until: str | None) -> None:
    quiet = QuietHours.parse(hours)
    assert quiet is not None
    found = quiet.until(datetime.fromisoformat(now).replace(tzinfo=BERLIN), BERLIN)
    wanted = datetime.fromisoformat(until).replace(tzinfo=BERLIN) if until else None
    assert found == wanted


@pytest.mark.parametrize("minute", range(0, 24 * 60, 7))
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_the_end_always_lies_ahead(day: str, minute: int) -> None:
    """Also one that falls into the hour which is skipped or comes twice."""
    start = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    now = (start.astimezone(ZoneInfo("UTC")) + timedelta(minutes=minute)).astimezone(BERLIN)
    for hours in ("20:00-02:30", "01:30-02:30", "02:00-03:00", "23:00-08:00"):
        quiet = QuietHours.parse(hours)
        assert quiet is not None
        until = quiet.until(now, BERLIN)
        assert until is None or now < until <= now + timedelta(hours=26)


@pytest.mark.parametrize(
    "hours", ["20-8", "25:00-08:00", "20:00", "20:00-20:00", "abends", "8:0-9:00"]
)
def test_what_is_no_range(hours: str) -> None:
    with pytest.raises(ConfigError, match="quiet_hours"):
        make(RateLimit, quiet_hours=hours)


@pytest.mark.parametrize(
    ("kind", "closed"),
    [("marketing", True), ("utility", False), ("service", False), ("confirmation", False)],
)
async def test_only_marketing_waits(kind: str, closed: bool) -> None:
    """Who writes at night gets an answer at night."""
    plugin = make(RateLimit, quiet_hours="09:00-11:00")  # the context's time is 10:00 in Berlin
    async with started(plugin, FakeContext()):
        declared = limits(plugin, delivery(message=message(kind=kind)))
        assert isinstance(declared, list)
        assert any(isinstance(limit, Closed) for limit in declared) is closed
        assert await plugin.concerns() == ()


async def test_without_them_it_is_a_concern() -> None:
    plugin = make(RateLimit)
    async with started(plugin):
        (concern,) = await plugin.concerns()
        assert concern.weight == "missing"


async def test_a_plan_looks_ahead() -> None:
    """Of a delivery that would go later it is said what is quiet then."""
    context = FakeContext()
    context.clock.at = datetime(2026, 1, 14, 12, tzinfo=UTC)
    plugin = make(RateLimit, quiet_hours="20:00-08:00")
    found = []
    async with started(plugin, context):
        for hours in (None, 6, 8):
            when = None if hours is None else context.clock.at + timedelta(hours=hours)
            declared = limits(plugin, delivery().replace(when=when))
            assert isinstance(declared, list)
            found.append([f"{one.until:%d %H:%M}" for one in declared if isinstance(one, Closed)])
    assert found == [[], [], ["15 07:00"]]


# --- holidays -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        # Christmas: 25 and 26 December 2026, a Friday and a Saturday.
        ("20:00-08:00", "2026-12-24T19:59", None),
        ("20:00-08:00", "2026-12-24T20:00", "2026-12-27T08:00"),
        ("20:00-08:00", "2026-12-25T12:00", "2026-12-27T08:00"),
        ("20:00-08:00", "2026-12-26T23:00", "2026-12-27T08:00"),
        ("20:00-08:00", "2026-12-27T08:00", None),
        ("12:00-14:00", "2026-12-25T10:00", "2026-12-27T00:00"),
        ("", "2026-12-25T10:00", "2026-12-27T00:00"),
        ("", "2026-12-27T00:00", None),
        # Epiphany is one in Bavaria; the third of October, a Saturday, begins the evening before.
        ("", "2027-01-06T12:00", "2027-01-07T00:00"),
        ("20:00-08:00", "2026-10-02T22:00", "2026-10-04T08:00"),
    ],
)
def test_a_holiday_is_quiet_all_day(hours: str, now: str, until: str | None) -> None:
    """From the evening before, if that is quiet, to the next morning."""
    config = make(RateLimit, quiet_hours=hours, quiet_holidays="DE-BY").config
    quiet = config.quiet()
    found = quiet.until(datetime.fromisoformat(now).replace(tzinfo=BERLIN), BERLIN)
    wanted = datetime.fromisoformat(until).replace(tzinfo=BERLIN) if until else None
    assert found == wanted


@pytest.mark.parametrize(
    ("hours", "said"),
    [("", "a public holiday"), ("20:00-08:00", "quiet hours 20:00-08:00 or a public holiday")],
)
async def test_on_a_holiday_the_reason_does_not_speak_of_hours_alone(hours: str, said: str) -> None:
    """Christmas at noon: nobody would understand "quiet hours 20:00-08:00"."""
    context = FakeContext()
    context.clock.at = datetime(2026, 12, 25, 11, tzinfo=UTC)
    plugin = make(RateLimit, quiet_hours=hours, quiet_holidays="DE-BY")
    async with started(plugin, context):
        declared = limits(plugin, delivery())
    assert isinstance(declared, list)
    assert [one.reason for one in declared if isinstance(one, Closed)] == [said]


# --- where the person is ------------------------------------------------------------------------
def known(*values: str) -> tuple[Identity, ...]:
    return tuple(Identity("phone" if one[0] == "+" else "user_id", one) for one in values)


@pytest.mark.parametrize(
    ("identities", "now", "until"),
    [
        (known("+4917139200001"), "18:59", None),
        (known("+4917139200001"), "19:00", "07:00"),  # 20 o'clock in Berlin
        (known("DE.1234"), "19:00", "07:00"),
        (known("+447700900123"), "19:00", None),  # 19 o'clock in London
        (known("+447700900123"), "20:00", "08:00"),
        (known("GB.1234"), "20:00", "08:00"),
        (known("PK.1", "+4917139200001"), "15:00", "03:00"),  # the first that tells a country
        (known("nobody"), "19:00", "07:00"),  # the company's own zone
        ((), "19:00", "07:00"),
        # All of Spain: the Canaries are an hour behind, and wake up an hour later.
        (known("+34600123456"), "07:30", "08:00"),
        (known("+34600123456"), "08:00", None),
        (known("+34600123456"), "19:00", "08:00"),
        # All of the USA: Hawaii wakes up last; and all that shares +1: Guam, on the next day.
        (known("US.1"), "14:00", "18:00"),
        (known("+12125550123"), "14:00", "22:00"),
    ],
)
async def test_the_clock_where_the_person_is(
    identities: tuple[Identity, ...], now: str, until: str | None
) -> None:
    """UTC, in a January without summer time."""
    context = FakeContext()
    context.clock.at = datetime.fromisoformat(f"2026-01-14T{now}").replace(tzinfo=UTC)
    plugin = make(RateLimit, quiet_hours="20:00-08:00")
    async with started(plugin, context):
        declared = limits(plugin, delivery(identities=identities))
    assert isinstance(declared, list)
    closed = [one for one in declared if isinstance(one, Closed)]
    if until is None:
        assert closed == []
    else:
        assert [f"{one.until:%H:%M}" for one in closed] == [until]
        assert {one.reason for one in closed} == {"quiet hours 20:00-08:00"}


async def test_a_country_that_is_never_awake_as_a_whole_goes_by_the_company_s_clock() -> None:
    """Its zones together leave no hour; waiting for ever would be no answer."""
    context = FakeContext()
    context.clock.at = datetime(2026, 1, 14, 10, 30, tzinfo=UTC)
    plugin = make(RateLimit, quiet_hours="14:00-12:00")
    async with started(plugin, context):
        declared = limits(plugin, delivery(identities=known("RU.1")))
    assert isinstance(declared, list)
    assert [f"{one.until:%H:%M}" for one in declared if isinstance(one, Closed)] == ["11:00"]


async def test_it_is_looked_up_once_a_minute() -> None:
    """And holds to the minute all the same."""
    context = FakeContext()
    plugin = make(RateLimit, quiet_hours="20:00-08:00")
    async with started(plugin, context):
        found = []
        for now in ("18:59:59.9", "19:00:00", "19:00:59"):
            context.clock.at = datetime.fromisoformat(f"2026-01-14T{now}").replace(tzinfo=UTC)
            declared = limits(plugin, delivery())
            assert isinstance(declared, list)
            found.append(any(isinstance(one, Closed) for one in declared))
    assert found == [False, True, True]
