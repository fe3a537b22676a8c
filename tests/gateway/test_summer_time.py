"""The nights that have an hour more or less: what is counted in hours stays that long, what is said
by the clock on the wall follows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.cli.words import Times
from gateway.clock import day_began
from gateway.store.protocol import micros
from tests.gateway.store.house import House

BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN, SPRING = "2026-10-25", "2027-03-28"
NIGHTS = [AUTUMN, SPRING]
HOUR = 3600 * 1_000_000


def berlin(text: str, fold: int = 0) -> datetime:
    """The clock on the wall; `fold=1`: the second time that it shows this."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("now", "began", "hours"),
    [
        (berlin(f"{AUTUMN}T01:30"), f"{AUTUMN}T00:00", 1.5),
        (berlin(f"{AUTUMN}T02:30"), f"{AUTUMN}T00:00", 2.5),
        (berlin(f"{AUTUMN}T02:30", fold=1), f"{AUTUMN}T00:00", 3.5),
        (berlin(f"{AUTUMN}T23:59"), f"{AUTUMN}T00:00", 24 + 59 / 60),
        (berlin(f"{SPRING}T01:30"), f"{SPRING}T00:00", 1.5),
        (berlin(f"{SPRING}T03:30"), f"{SPRING}T00:00", 2.5),
        (berlin(f"{SPRING}T23:59"), f"{SPRING}T00:00", 22 + 59 / 60),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), f"{AUTUMN}T00:00", 0),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), "2026-10-26T00:00", 0),
    ],
)
def test_today_begins_at_midnight(now: datetime, began: str, hours: float) -> None:
    found = day_began(now, "Europe/Berlin")
    assert micros(found) == micros(berlin(began))
    assert (micros(now) - micros(found)) / HOUR == pytest.approx(hours)


@pytest.mark.parametrize("night", NIGHTS)
async def test_a_spread_is_as_long_as_ever(house: House, night: str) -> None:
    """Two hours from half past one are two hours, whatever the clock shows then."""
    house.now = begun = micros(berlin(f"{night}T01:30"))
    people = await house.confirmed(100)
    message = await house.started(spread=2 * 3600.0)
    rows = [await house.row(message, person) for person in people]
    waits = [row["due_at"] - begun for row in rows if row is not None]
    assert len(waits) == 100
    assert max(waits) <= 2 * HOUR + HOUR // 100
    assert max(waits) > 1.8 * HOUR
    assert min(waits) < 0.2 * HOUR


@pytest.mark.parametrize("night", NIGHTS)
async def test_what_expires_after_hours(house: House, night: str) -> None:
    """Twelve hours after its acceptance, and not at the same time of day."""
    house.now = begun = micros(berlin(f"{night}T00:30"))
    await house.confirmed(1)
    until = datetime.fromtimestamp(begun / 1e6, UTC) + timedelta(hours=12)
    await house.started(expires_at=until)
    assert await house.store.to_sweep(at=begun + 12 * HOUR - 1, limit=9) == []
    assert len(await house.store.to_sweep(at=begun + 12 * HOUR, limit=9)) == 1


@pytest.mark.parametrize("night", NIGHTS)
@pytest.mark.parametrize(
    ("after", "form"), [(24 * HOUR - 1_000_000, "text"), (24 * HOUR, "template")]
)
async def test_a_window_is_open_for_24_hours(
    house: House, night: str, after: int, form: str
) -> None:
    """The provider counts hours; the day before has another length than the day itself."""
    said = berlin(f"{night}T00:30")
    house.now = micros(said)
    await house.confirmed(1)
    await house.says(1, "Hallo")
    opened = house.now
    await house.started()
    (delivery,) = await house.lease(limit=1, at=opened + after)
    assert delivery.content.form == form


@pytest.mark.parametrize(
    ("now", "headline", "hour_ago"),
    [
        (berlin(f"{AUTUMN}T02:30"), "25 Oct 02:30 CEST", "01:30"),
        (berlin(f"{AUTUMN}T02:30", fold=1), "25 Oct 02:30 CET", "02:30"),
        (berlin(f"{AUTUMN}T03:00"), "25 Oct 03:00 CET", "02:00"),
        (berlin(f"{SPRING}T01:59"), "28 Mar 01:59 CET", "00:59"),
        (berlin(f"{SPRING}T03:00"), "28 Mar 03:00 CEST", "01:00"),
    ],
)
def test_status_says_which_of_the_two_it_is(now: datetime, headline: str, hour_ago: str) -> None:
    times = Times("Europe/Berlin", micros(now))
    assert times.headline() == headline
    assert times.short(micros(now) - HOUR) == hour_ago
    assert times.ago(micros(now) - HOUR) == "60 min ago"
