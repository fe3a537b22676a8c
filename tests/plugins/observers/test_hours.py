"""Opening hours: what people write, and when somebody is there, over holidays and clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway_plugins.observers.hours import DAY, Hours, week

BERLIN = "Europe/Berlin"
OFFICE = "Mo-Fr 09:00-17:00"
NINE_TO_FIVE = (9 * 60, 17 * 60)


def at(text: str, zone: str = "") -> datetime:
    """`2026-03-02 09:00` on the wall in Berlin, or with an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone or BERLIN))
    return moment.astimezone(UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Mo-Fr 09:00-17:00",
        "Mo-Fr 9-17",
        "Mo.-Fr.: 9.00 – 17.00 Uhr",
        "Montag bis Freitag 9 bis 17 Uhr",
        "Mon-Fri 9:00 to 17:00",
        "monday to friday 09:00–17:00, Sat closed",
        "Mo, Di, Mi, Do, Fr 9-17",
        "Mo-Mi 9-17; Do und Fr 9-17; Sa+So geschlossen",
    ],
)
def test_what_people_write(text: str) -> None:
    assert week(text) == ((NINE_TO_FIVE,),) * 5 + ((), ())


@pytest.mark.parametrize(
    ("text", "monday", "saturday"),
    [
        ("24/7", ((0, DAY),), ((0, DAY),)),
        ("9-17", (NINE_TO_FIVE,), (NINE_TO_FIVE,)),
        ("täglich 9-17", (NINE_TO_FIVE,), (NINE_TO_FIVE,)),
        ("Mo-Fr 9-12, 13-17; Sa 10-14", ((540, 720), (780, 1020)), ((600, 840),)),
        ("Mo-Fr 13-17, Mo-Do 9-12, Sa 0-24", ((540, 720), (780, 1020)), ((0, DAY),)),
        ("Fr-Mo 22:00-02:00", ((1320, 1560),), ((1320, 1560),)),
        ("Mo 8-12 Uhr und 14-18 Uhr", ((480, 720), (840, 1080)), ()),
    ],
)
def test_breaks_weekends_and_nights(text: str, monday: object, saturday: object) -> None:
    hours = week(text)
    assert (hours[0], hours[5]) == (monday, saturday)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "name no hours"),
        ("Mo geschlossen", "name no hours"),
        ("Mo-Fr", "without hours"),
        ("Mo 9-12 Di", "without hours"),
        ("x-y 9-17", '"x", which is no day'),
        ("Mo-Fr 9am-5pm", 'cannot read "9am-5pm"'),
        ("Mo 9-25", 'no time "25"'),
        ("Mo 9:75-10", 'no time "9:75"'),
        ("Mo 9-9", "are no time"),
        ("Mo 24-9", "are no time"),
        ("Mo-Fr 9-17, Mi 8-10", "overlap"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Hours(text, BERLIN)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"closed": ["24.12."]}, "'24.12.' is no day"),
        ({"closed": ["2026-02-29"]}, "is no day"),
        ({"holidays": "XX"}, "none known for 'XX'"),
        ({"holidays": "DE-XX"}, "none known for 'DE-XX'"),
    ],
)
def test_wrong_days_off_are_told(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Hours(OFFICE, BERLIN, **settings)  # type: ignore[arg-type]


CHRISTMAS = {"holidays": "DE-BY", "closed": ["12-24", "12-31"]}


@pytest.mark.parametrize(
    ("text", "settings", "now", "then"),
    [
        # inside, at both ends, outside
        (OFFICE, {}, "2026-03-02 10:00", "2026-03-02 10:00"),
        (OFFICE, {}, "2026-03-02 09:00", "2026-03-02 09:00"),
        (OFFICE, {}, "2026-03-02 17:00", "2026-03-03 09:00"),
        (OFFICE, {}, "2026-03-02 03:00", "2026-03-02 09:00"),
        (OFFICE, {}, "2026-03-06 17:30", "2026-03-09 09:00"),
        ("Mo-Fr 9-12, 13-17", {}, "2026-03-02 12:30", "2026-03-02 13:00"),
        # the weekend on which the clocks change: nine o'clock stays nine o'clock
        (OFFICE, {}, "2026-03-27 18:00", "2026-03-30 09:00+02:00"),
        (OFFICE, {}, "2026-10-23 18:00", "2026-10-26 09:00+01:00"),
        ("So 2:30-5", {}, "2026-03-28 12:00", "2026-03-29 03:30+02:00"),  # 2:30 is left out
        ("So 2:30-5", {}, "2026-10-24 12:00", "2026-10-25 02:30+02:00"),  # … comes twice
        ("24/7", {}, "2026-03-29 01:59", "2026-03-29 01:59"),
        # past midnight belongs to the evening before
        ("Fr 22-2", {}, "2026-03-07 01:00", "2026-03-07 01:00"),
        ("Fr 22-2", {}, "2026-03-07 02:00", "2026-03-13 22:00"),
        ("Fr 22-2", {"closed": ["2026-03-06"]}, "2026-03-07 01:00", "2026-03-13 22:00"),
        # Thursday before Christmas 2026 is the 24th; Friday and Saturday are holidays
        (OFFICE, CHRISTMAS, "2026-12-23 17:00", "2026-12-28 09:00"),
        (OFFICE, CHRISTMAS, "2026-12-30 17:00", "2027-01-04 09:00"),
        (OFFICE, {"holidays": "DE-BY"}, "2027-01-05 17:00", "2027-01-07 09:00"),  # Epiphany
        (OFFICE, {"holidays": "DE-HH"}, "2027-01-05 17:00", "2027-01-06 09:00"),  # … not there
        (OFFICE, {"holidays": "de"}, "2026-04-02 17:00", "2026-04-07 09:00"),  # Easter
        (
            "Di 9-12",
            {"closed": ["2026-03-03", "2026-03-10"]},
            "2026-03-02 09:00",
            "2026-03-17 09:00",
        ),
    ],
)
def test_when_somebody_is_there_again(
    text: str, settings: dict[str, object], now: str, then: str
) -> None:
    hours = Hours(text, BERLIN, **settings)  # type: ignore[arg-type]
    assert hours.next(at(now)) == at(then)
    assert hours.open(at(now)) == (at(now) == at(then))


def test_the_zone_is_the_company_s() -> None:
    hours = Hours(OFFICE, "America/New_York")
    assert hours.next(at("2026-03-02 10:00")) == at("2026-03-02 09:00", "America/New_York")


def test_nobody_is_ever_there() -> None:
    """Days that are all closed are told as never, not looked for without end."""
    year = [date(2028, 1, 1) + timedelta(days=n) for n in range(366)]
    hours = Hours("Mo 9-10", BERLIN, closed=[f"{day:%m-%d}" for day in year])
    assert hours.next(at("2026-03-02 10:00")) is None
    assert hours.after(at("2026-03-02 10:00"), 60) is None
    assert not hours.open(at("2026-03-02 09:30"))


@pytest.mark.parametrize(
    ("text", "settings", "now", "hours", "then"),
    [
        (OFFICE, {}, "2026-03-02 10:00", 4, "2026-03-02 14:00"),
        (OFFICE, {}, "2026-03-02 15:00", 4, "2026-03-03 11:00"),
        (OFFICE, {}, "2026-03-02 13:00", 4, "2026-03-02 17:00"),  # to the last minute
        (OFFICE, {}, "2026-03-06 16:00", 8, "2026-03-09 16:00"),
        (OFFICE, {}, "2026-03-07 12:00", 1, "2026-03-09 10:00"),
        ("Mo-Fr 9-12, 13-17", {}, "2026-03-02 11:00", 2, "2026-03-02 14:00"),
        (OFFICE, CHRISTMAS, "2026-12-23 16:00", 2, "2026-12-28 10:00"),
        # the night of 29 March lacks an hour, that of 25 October has one more
        ("24/7", {}, "2026-03-29 00:00", 4, "2026-03-29 05:00"),
        ("24/7", {}, "2026-10-25 00:00", 4, "2026-10-25 03:00"),
        # hours that reach into those of the next day count once
        ("Mo 22-8, Di 6-10", {}, "2026-03-03 05:00", 4, "2026-03-03 09:00"),
    ],
)
def test_how_long_somebody_was_there(
    text: str, settings: dict[str, object], now: str, hours: float, then: str
) -> None:
    """The hours between, nights, weekends and holidays aside."""
    found = Hours(text, BERLIN, **settings)  # type: ignore[arg-type]
    assert found.after(at(now), hours * 3600) == at(then)
