"""When a feed is read next: the operator's word, what servers and feeds ask for, and restarts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
import trio

from gateway.api import Duration
from gateway_plugins.inputs.feed import schedule
from gateway_plugins.inputs.feed.memory import Memory
from gateway_plugins.inputs.feed.parse import parse
from gateway_plugins.inputs.feed.schedule import first_look, next_look
from gateway_plugins.inputs.feed.wire import Document, Feed, Wishes
from tests.plugins.inputs.feed.scripted import Answered, Context, feed, poll

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)  # a Saturday
MINUTE, HOUR, DAY = 60, 3600, 86_400
QUARTER = 15 * MINUTE


@pytest.fixture
async def context() -> Context:
    return Context()


@pytest.mark.parametrize(
    ("headers", "wish", "every", "wait"),
    [
        ({}, 0, QUARTER, QUARTER),
        # the feed's own wish: an hour is what generators write by themselves
        ({}, HOUR, QUARTER, QUARTER),
        ({}, 2 * HOUR, QUARTER, 2 * HOUR),
        ({}, 7 * DAY, QUARTER, DAY),
        ({}, 2 * HOUR, 6 * HOUR, 6 * HOUR),
        ({}, 5 * MINUTE, QUARTER, QUARTER),
        ({}, 2 * HOUR, 7 * DAY, 7 * DAY),
        # the server's word comes first
        ({"cache-control": "public, max-age=1800"}, 12 * HOUR, QUARTER, 1800),
        ({"cache-control": "max-age=60"}, 12 * HOUR, QUARTER, QUARTER),
        ({"cache-control": 'Max-Age="7200"'}, 0, QUARTER, 2 * HOUR),
        ({"cache-control": "max-age=7200", "age": "3600"}, 0, QUARTER, HOUR),
        ({"cache-control": "max-age=7200", "age": "old"}, 0, QUARTER, 2 * HOUR),
        ({"cache-control": "max-age=999999999"}, 0, QUARTER, DAY),
        ({"cache-control": "s-maxage=7200"}, 0, QUARTER, QUARTER),
        ({"cache-control": "max-age=-1"}, 0, QUARTER, QUARTER),
        ({"cache-control": "no-cache, max-age=7200"}, 3 * HOUR, QUARTER, 3 * HOUR),
        ({"cache-control": "no-store"}, 0, QUARTER, QUARTER),
        ({"expires": "Sat, 21 Nov 2026 12:00:00 GMT"}, 0, QUARTER, 2 * HOUR),
        # by the server's own clock, which may be wrong
        ({"expires": "Sat, 21 Nov 2026 12:00:00 GMT", "date": "Sat, 21 Nov 2026 11:30:00 GMT"},
         0, QUARTER, 30 * MINUTE),
        ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0, QUARTER, QUARTER),
        ({"expires": "0"}, 2 * HOUR, QUARTER, 2 * HOUR),
        ({"cache-control": "max-age=60", "expires": "Sat, 21 Nov 2026 12:00:00 GMT"},
         0, QUARTER, QUARTER),
    ],
)  # fmt: skip
def test_what_makes_the_wait_longer(
    headers: dict[str, str], wish: float, every: float, wait: float
) -> None:
    wishes = Wishes(seconds=wish)
    with patch.object(schedule, "JITTER", 0.0):
        due = next_look(every, wishes, headers, NOW, hints=True)
        assert due - NOW.timestamp() == pytest.approx(wait)
        due = next_look(every, wishes, headers, NOW, hints=False)
        assert due - NOW.timestamp() == every


@pytest.mark.parametrize(
    ("hours", "days", "due"),
    [
        ((), (), "2026-11-21 10:15"),
        ((10, 11), (), "2026-11-21 12:00"),
        ((11,), (), "2026-11-21 10:15"),
        (tuple(range(10, 24)), (), "2026-11-22 00:00"),
        ((), (5, 6), "2026-11-23 00:00"),
        ((0, 1), (5, 6), "2026-11-23 02:00"),
        ((), (0, 1, 2, 3, 4, 5, 6), "2026-11-29 10:00"),  # never is not obeyed
    ],
)
def test_skipped_hours_and_days_are_in_gmt(
    hours: tuple[int, ...], days: tuple[int, ...], due: str
) -> None:
    wishes = Wishes(skip_hours=hours, skip_days=days)
    with patch.object(schedule, "JITTER", 0.0):
        moment = next_look(QUARTER, wishes, {}, NOW, hints=True)
    assert datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M") == due


SY = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'


@pytest.mark.parametrize(
    ("head", "wishes"),
    [
        ("", Wishes()),
        ("<ttl>60</ttl>", Wishes(seconds=HOUR)),
        ("<ttl> 5 </ttl>", Wishes(seconds=300)),
        ("<ttl>1800</ttl>", Wishes(seconds=1800)),  # meant as seconds
        ("<ttl>1440</ttl>", Wishes(seconds=DAY)),
        ("<ttl>-5</ttl>", Wishes()),
        ("<ttl>bald</ttl>", Wishes()),
        ("<ttl>99999999999999</ttl>", Wishes()),
        ("<sy:updatePeriod>\n\thourly\t</sy:updatePeriod>", Wishes(seconds=HOUR)),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>\n2\n</sy:updateFrequency>",
         Wishes(seconds=DAY / 2)),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>",
         Wishes(seconds=DAY)),
        ("<sy:updatePeriod>immer</sy:updatePeriod>", Wishes()),
        ("<sy:updatePeriod>monthly</sy:updatePeriod>", Wishes(seconds=30 * DAY)),
        ("<ttl>120</ttl><sy:updatePeriod>daily</sy:updatePeriod>", Wishes(seconds=2 * HOUR)),
        ("<skipHours><hour>0</hour><hour> 23 </hour><hour>24</hour><hour>x</hour></skipHours>",
         Wishes(skip_hours=(0, 23))),
        ("<skipDays><day>Sunday</day><day>saturday</day><day>Caturday</day></skipDays>",
         Wishes(skip_days=(5, 6))),
        ("<skipHours>" + "".join(f"<hour>{n}</hour>" for n in range(24)) + "</skipHours>",
         Wishes()),
        ('<itunes:new-feed-url xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">'
         "https://new.example/feed</itunes:new-feed-url>", Wishes(new_url="https://new.example/feed")),
        ('<itunes:new-feed-url xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">'
         "javascript:alert(1)</itunes:new-feed-url>", Wishes()),
    ],
)  # fmt: skip
def test_what_a_feed_says(head: str, wishes: Wishes) -> None:
    body = feed(1).replace(b"<channel>", f"<channel {SY}>{head}".encode())
    answer = parse(Document(body, "https://blog.example/feed/", "application/xml", 300))
    assert isinstance(answer, Feed)
    assert answer.wishes == wishes
    assert len(answer.entries) == 1


async def test_the_feed_s_wish_counts_after_304_too(context: Context, autojump_clock: Any) -> None:
    daily = feed(1).replace(b"<channel>", b"<channel><ttl>180</ttl>")
    tagged = Answered(headers={"etag": '"1"'}, body=daily)
    await poll(context, tagged, Answered(status=304), tagged)
    assert [asked for asked, _ in context.http.asked] == [0, 3 * HOUR, 6 * HOUR]
    await poll(context, tagged, hints=False)
    assert context.http.asked[-1][0] == 9 * HOUR


async def test_a_shorter_interval_counts_at_once(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(1), every=Duration(80_000))
    start = trio.current_time()
    await poll(context, feed(1), every=Duration(60))
    assert trio.current_time() - start <= 60.1


@pytest.mark.parametrize("years", [50, -50])
async def test_a_clock_that_was_wrong(context: Context, autojump_clock: Any, years: int) -> None:
    await poll(context, feed(1))
    wrong = f'"due":{context.clock.now().timestamp() + years * 365 * DAY}'.encode()
    state = context.state["feed"]
    begin = state.index(b'"due"')
    context.state["feed"] = state[:begin] + wrong + state[state.index(b",", begin) :]
    await poll(context, feed(1))
    assert context.http.asked[1][0] <= 901  # at once after the restart at 900


def test_the_first_looks_of_many_feeds_spread() -> None:
    """200 feeds that all are due look within 100 seconds, and at no second more than a few."""
    memories = [Memory(f"https://blog{n}.example/feed/") for n in range(200)]
    starts = sorted(first_look(memory, "blog", 200, 1000.0) - 1000 for memory in memories)
    assert 0 <= starts[0] < 5 < 90 < starts[-1] < 100
    assert max(sum(at <= one < at + 1 for one in starts) for at in range(100)) <= 9
    assert first_look(Memory("x", due=5000.0), "blog", 200, 1000.0) == 5000.0
    assert first_look(memories[0], "blog", 1, 1000.0) < 1000.5
