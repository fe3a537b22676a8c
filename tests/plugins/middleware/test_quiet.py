"""Quiet hours by the wall clock of the company, also when summer time begins or ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.api import Closed, ConfigError
from gateway.testing import FakeContext, delivery, limits, make, message, started
from gateway_plugins.middleware.quiet import QuietHours
from gateway_plugins.middleware.ratelimit import RateLimit

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
