"""A feed that moves, one that is gone, and networks that only pretend it moved."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
import trio

from gateway.api import Duration, FetchError
from gateway_plugins.inputs.feed.memory import Memory, recall
from tests.plugins.inputs.feed.scripted import (
    URL,
    Answered,
    Context,
    command,
    feed,
    key,
    poll,
    running,
)

NEW = "https://new.example/feed/"
DAY = 86_400
DAILY = {"every": Duration(DAY), "hints": False}


@pytest.fixture
async def context() -> Context:
    return Context()


def memory(context: Context, url: str = URL) -> Memory:
    return recall(context.state["feed"], url)


def landed(body: bytes, where: str = NEW) -> Answered:
    return Answered(body=body, url=where, moved=where)


async def test_a_new_address_counts_after_a_week(context: Context, autojump_clock: Any) -> None:
    moved = landed(feed(1))
    await poll(context, feed(1), *[moved] * 9, feed(2, 1), **DAILY)
    assert context.http.urls == [URL] * 9 + [NEW] * 2
    assert context.batches[-1] == [key(2)]
    assert memory(context).url == URL  # what the operator wrote stays
    assert context.health[5].note == f"nothing new, redirects to {NEW} since 2026-11-22"
    assert context.health[-1].note == f"1 new, moved to {NEW}: change url"
    row = await command(context, "feed")
    assert row["whereabouts"] == f"moved to {NEW}: change url"


async def test_a_redirect_that_ends_is_forgotten(context: Context, autojump_clock: Any) -> None:
    moved = landed(feed(1))
    await poll(context, feed(1), *[moved] * 5, feed(1), *[moved] * 7, **DAILY)
    assert context.http.urls == [URL] * 14
    assert memory(context).candidate == NEW


@pytest.mark.parametrize(
    ("url", "where", "at_once"),
    [
        ("http://blog.example/feed/", "https://blog.example/feed/", True),
        ("http://blog.example/feed/?x=1", "https://blog.example/feed/", False),
        ("http://blog.example/feed/", "https://www.blog.example/feed/", False),
        ("http://blog.example:8080/feed/", "https://blog.example/feed/", False),
        ("https://blog.example/feed/", "http://blog.example/feed/", False),
    ],
)
async def test_https_counts_at_once(
    context: Context, autojump_clock: Any, url: str, where: str, at_once: bool
) -> None:
    await poll(context, landed(feed(1), where), feed(1), url=url)
    assert context.http.urls == [url, where if at_once else url]


@pytest.mark.parametrize("status", [404, 410])
async def test_an_old_address_that_is_gone_makes_the_new_one_count(
    context: Context, autojump_clock: Any, status: int
) -> None:
    await poll(context, feed(1), landed(feed(1)), Answered(status=status), feed(2, 1), feed(2, 1))
    assert context.http.urls == [URL, URL, URL, NEW, NEW]
    assert context.batches[-2:] == [[key(2)], []]
    assert not memory(context).trial


async def test_a_captive_portal_captures_nothing(context: Context, autojump_clock: Any) -> None:
    """A login page that is reached by 301, for weeks, and then a feed of somebody else."""
    portal = landed(b"<html><body>Please log in", "https://portal.example/")
    parked = landed(feed(98, 99), "https://parked.example/feed/")
    await poll(context, feed(1), *[portal] * 20, *[parked] * 20, feed(2, 1), **DAILY)
    assert set(context.http.urls) == {URL}
    assert context.doubted == [key(98), key(99)]  # for a person, once
    assert context.accepted[-1].external_id == key(2)
    assert not context.accepted[-1].doubt
    assert (memory(context).address, memory(context).candidate) == ("", "")


async def test_a_moved_feed_that_breaks_goes_back(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(1), *[landed(feed(1))] * 8, **DAILY)
    gone, silent = Answered(status=404), FetchError("connect", "new.example")
    await poll(context, silent, feed(2, 1), gone, feed(3, 2, 1), **DAILY)
    assert context.http.urls[-4:] == [NEW, NEW, NEW, URL]
    assert context.batches[-2:] == [[key(2)], [key(3)]]


ITUNES = (
    '<channel xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">'
    f"<itunes:new-feed-url>{NEW}</itunes:new-feed-url>"
).encode()


def told(*numbers: int) -> bytes:
    return feed(*numbers).replace(b"<channel>", ITUNES)


async def test_the_feed_s_own_word_is_tried_after_a_week(
    context: Context, autojump_clock: Any
) -> None:
    await poll(context, *[told(1)] * 8, told(2, 1), **DAILY)
    assert context.http.urls == [URL] * 8 + [NEW]
    assert context.batches[-1] == [key(2)]
    assert memory(context).address == NEW


@pytest.mark.parametrize(
    "wrong",
    [
        Answered(status=404),
        Answered(body=b"<html>"),
        Answered(body=feed(7, 8)),
    ],
)
async def test_the_feed_s_own_word_may_be_wrong(
    context: Context, autojump_clock: Any, wrong: Answered
) -> None:
    await poll(context, *[told(1)] * 8, wrong, *[told(1)] * 9, told(2, 1), **DAILY)
    assert context.http.urls == [URL] * 8 + [NEW] + [URL] * 10
    assert [one.external_id for one in context.accepted] == [key(2)]


async def test_the_feed_s_own_word_may_be_right_later(
    context: Context, autojump_clock: Any
) -> None:
    """A new address that does not answer yet is left at once, and tried again after a week."""
    wait = FetchError("connect_timeout", "new.example")
    await poll(context, *[told(1)] * 8, wait, *[told(1)] * 7, told(2, 1), feed(2, 1), **DAILY)
    assert context.http.urls == [URL] * 8 + [NEW] + [URL] * 8 + [NEW]
    assert memory(context).address == NEW


async def test_neither_address_works_and_both_are_tried_ever_more_rarely(
    context: Context, autojump_clock: Any
) -> None:
    gone, silent = Answered(status=404), FetchError("connect", "new.example")
    script = [gone, silent] * 5
    await poll(context, feed(1), landed(feed(1)), *script, gone, feed(2, 1))
    assert context.http.urls == [URL] * 2 + [URL, NEW] * 6
    assert context.batches[-1] == [key(2)]
    times = [asked for asked, _ in context.http.asked]
    pauses = [b - a for a, b in pairwise(times)][2:]
    assert pauses[0] == 60
    assert pauses[1:8] == [900 * 2**n for n in range(1, 7)] + [DAY]


async def test_gone_stops_and_a_person_revives(context: Context, autojump_clock: Any) -> None:
    gone = Answered(status=410)
    await poll(context, feed(1), gone)
    assert context.health[-1].needs_person
    assert "HTTP 410: it was taken away for good" in context.health[-1].trouble
    assert "gateway feeds poll blog" in context.health[-1].trouble
    assert context.health[-1].next_at is None
    async with running(context):
        await trio.sleep(90 * DAY)
    assert len(context.http.asked) == 2  # also after a restart, for months
    assert context.health[-1] == context.health[-2]
    assert (await command(context, "feed"))["state"] == "stopped"
    row = await command(context, "poll")
    assert (row["state"], row["failures"]) == ("ok", 0)
    await poll(context, feed(2, 1))
    assert context.batches[-1] == [key(2)]


async def test_another_address_in_the_settings_revives(
    context: Context, autojump_clock: Any
) -> None:
    await poll(context, feed(1), Answered(status=410))
    await poll(context, feed(2, 1), url=NEW)
    assert context.batches[-1] == [key(2)]
    assert not memory(context, NEW).stopped


@pytest.mark.parametrize(
    ("shown", "note"),
    [
        (feed(2, 1), "it shows known posts, nothing new"),
        (feed(3, 2, 1), "1 new"),
        (feed(8, 9), "read afresh: all it shows counts as known (2)"),
        (feed(), "nothing new"),
    ],
)
async def test_another_address_in_the_settings_is_no_first_look(
    context: Context, autojump_clock: Any, shown: bytes, note: str
) -> None:
    await poll(context, feed(2, 1))
    await poll(context, shown, url=NEW)
    notes = [context.health[0].note, context.health[-1].note]
    assert notes == ["first look, 2 known", note]


async def test_a_running_feed_is_polled_by_command(context: Context, autojump_clock: Any) -> None:
    """`gateway feeds poll` does not wait until it is due, and tells what came of it."""
    context.http.script = [Answered(status=410), Answered(body=feed(1))]
    async with running(context) as plugin:
        await trio.sleep(3600)
        assert (await plugin.command("feed", {}))["state"] == "stopped"
        start = trio.current_time()
        row = await plugin.command("poll", {})
        assert trio.current_time() - start < 5
        assert (row["state"], row["found"]) == ("ok", 1)


async def test_a_month_of_errors_stops(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(1), *[Answered(status=500)] * 36)
    assert not memory(context).stopped
    first_failure = memory(context).failing_since
    await poll(context, Answered(status=500))
    assert memory(context).stopped
    assert context.health[-1].needs_person
    days = (context.http.asked[-1][0] - context.http.asked[1][0]) / DAY
    assert 30 <= days < 31
    assert memory(context).failing_since == first_failure


async def test_a_daemon_that_was_off_for_a_month_goes_on(
    context: Context, autojump_clock: Any
) -> None:
    await poll(context, feed(1), Answered(status=500))
    await trio.sleep(60 * DAY)
    await poll(context, Answered(status=500), feed(2, 1))
    assert context.batches[-1] == [key(2)]


async def test_restarts_keep_what_is_told(context: Context, autojump_clock: Any) -> None:
    """After a start, status knows how the feed fared before it is read again."""
    await poll(context, feed(1))
    await poll(context)
    assert context.health[-1] == context.health[0].replace(at=context.health[-1].at)
    assert context.health[-1].note == "first look, 1 known"
    assert msgspec.structs.asdict(context.health[-1])["at"] is not None
