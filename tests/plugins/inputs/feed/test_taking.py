"""Which of the new posts go on and which wait for a person: floods, moves, archives, empty feeds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugins.inputs.feed.scripted import START, Answered, Context, feed, item, key, poll


@pytest.fixture
async def context() -> Context:
    return Context()


def sent(context: Context) -> list[str]:
    return [message.external_id for message in context.accepted if not message.doubt]


def keys(*numbers: int) -> list[str]:
    return [key(number) for number in numbers]


async def test_of_a_flood_the_newest_go_on(context: Context, autojump_clock: Any) -> None:
    tags = {"etag": '"1"'}
    grown = Answered(headers=tags, body=feed(*range(12, 0, -1)))
    await poll(context, feed(*range(7, 0, -1)), grown, grown, feed(*range(13, 0, -1)), max_new=2)
    assert sent(context) == keys(11, 12, 13)
    assert context.doubted == keys(8, 9, 10)
    assert context.batches == [[], keys(8, 9, 10, 11, 12), [], keys(13)]
    (doubt,) = {message.doubt for message in context.accepted if message.doubt}
    assert doubt == (
        "5 new posts at once, the newest 2 went on: gateway feeds release blog, or refuse blog"
    )
    assert context.metrics.counts["entries doubted"] == 3
    assert context.health[1].note == "2 new, 3 wait for a person"
    # Nothing waits for the next look, so a 304 hides nothing.
    assert context.http.asked[2][1]["if-none-match"] == '"1"'


async def test_if_hardly_anything_is_known_all_wait(context: Context, autojump_clock: Any) -> None:
    """A rebuilt site: other ids, links, titles and dates for all but one."""
    await poll(context, feed(4, 3, 2, 1), feed(25, 24, 23, 22, 1), feed(26, 25, 24, 23, 22))
    assert context.doubted == keys(22, 23, 24, 25)
    assert context.accepted[0].doubt.startswith(
        "4 of 5 posts in the feed look new, as after a move"
    )
    assert sent(context) == keys(26)


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [
        ([3, 2, 1], [9, 8], True),  # fewer than max_new, and nothing known
        ([3, 2, 1], [9], True),  # a feed of three that shows one unknown: an error page as a feed
        ([1], [2], False),  # a feed that only ever has one
        ([2, 1], [3], False),
        ([3, 2, 1], [4, 3, 2], False),
        ([3, 2, 1], [6, 5, 4, 3], False),
        ([3, 2, 1], [7, 6, 5, 4], True),
    ],
)
async def test_small_feeds(
    context: Context, autojump_clock: Any, before: list[int], after: list[int], waits: bool
) -> None:
    await poll(context, feed(*before), feed(*after))
    new = keys(*sorted(set(after) - set(before)))
    assert (context.doubted, sent(context)) == ((new, []) if waits else ([], new))


async def test_a_feed_that_shows_more_of_its_archive(context: Context, autojump_clock: Any) -> None:
    """Ten posts become twenty: the ten older ones are no news."""
    await poll(context, feed(*range(20, 10, -1)), feed(*range(20, 0, -1)))
    assert sent(context) == []
    assert context.doubted == keys(*range(1, 11))
    assert "older than known ones" in context.accepted[0].doubt


async def test_a_deleted_post_pulls_up_an_old_one(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(5, 4, 3, 2), feed(5, 3, 2, 1), feed(6, 5, 3, 2))
    assert context.doubted == keys(1)
    assert "dated 2026-09-02, older than all else in the feed" in context.accepted[0].doubt
    assert sent(context) == keys(6)


@pytest.mark.parametrize(
    ("date", "waits"),
    [
        ("Sat, 21 Nov 2026 00:00:00 GMT", False),  # midnight, before the last look
        ("Wed, 18 Nov 2026 00:00:00 GMT", False),  # dated back a little
        ("Tue, 29 Dec 1998 00:00:00 GMT", True),
        ("irgendwann", False),
        ("Fri, 01 Jan 2100 00:00:00 GMT", False),
    ],
)
async def test_a_date_alone_never_drops(
    context: Context, autojump_clock: Any, date: str, waits: bool
) -> None:
    recent = item(1, pubDate="Fri, 20 Nov 2026 12:00:00 GMT")
    await poll(context, feed(recent), feed(item(2, pubDate=date), recent))
    assert len(context.accepted) == 1
    assert bool(context.doubted) == waits


async def test_mass_change_of_ids_sends_nothing(context: Context, autojump_clock: Any) -> None:
    """https, another host, ids made anew, other dates: as long as one thing stays, all is known."""
    old = [item(n) for n in range(9, 0, -1)]
    new_ids = [item(n, guid=f"urn:uuid:{n}-neu") for n in range(9, 0, -1)]
    moved = [
        item(n, guid=f"https://neu.example/?p={n}", link=f"https://neu.example/{n}/")
        for n in range(9, 0, -1)
    ]
    rebuilt = [
        item(n, guid=f"neu-{n}", link=f"https://cms.example/artikel-{n}", pubDate="")
        for n in range(9, 0, -1)
    ]
    await poll(context, feed(*old), feed(*new_ids), feed(*moved), feed(*rebuilt), feed(*old))
    assert context.accepted == []


async def test_an_empty_first_look_starts_no_flood(context: Context, autojump_clock: Any) -> None:
    """A feed that was empty at first, and then shows its 12 posts of which one is of today."""
    today = item(99, pubDate=f"{START:%a, %d %b %Y} 00:00:00 GMT")
    await poll(context, feed(), feed(), feed(today, *range(12, 0, -1)))
    assert sent(context) == keys(99)
    assert context.doubted == []
    await poll(context, feed(today, *range(12, 0, -1)))
    assert len(context.accepted) == 1


async def test_a_new_blog_s_first_post(context: Context, autojump_clock: Any) -> None:
    first = item(1, pubDate="Sat, 21 Nov 2026 10:10:00 GMT")
    await poll(context, feed(), feed(first))
    assert sent(context) == keys(1)


async def test_a_feed_that_empties_and_fills_again(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(3, 2, 1), feed(), feed(), feed(4, 3, 2, 1))
    assert context.batches == [[], [], [], keys(4)]


@pytest.mark.parametrize("first", [0, 2, 5])
async def test_first_counts_once_and_is_no_flood(
    context: Context, autojump_clock: Any, first: int
) -> None:
    await poll(context, feed(5, 4, 3, 2, 1), feed(5, 4, 3, 2, 1), first=first, max_new=1)
    assert sent(context) == keys(*range(6 - first, 6))
    assert context.doubted == []


async def test_many_are_handed_in_piece_by_piece(context: Context, autojump_clock: Any) -> None:
    """120 posts: no transaction holds more than 50, and the memory comes with the last."""
    await poll(context, feed(1), feed(*(item(n, pubDate="") for n in range(121, 0, -1))))
    assert [len(batch) for batch in context.batches] == [0, 50, 50, 20]
    assert len(set(context.doubted)) == 120
    await poll(context, feed(*(item(n, pubDate="") for n in range(121, 0, -1))))
    assert len(context.accepted) == 120


async def test_what_is_left_out_by_category_is_no_flood(
    context: Context, autojump_clock: Any
) -> None:
    wanted = item(9, category="WhatsApp")
    grown = feed(wanted, *range(8, 0, -1))
    await poll(context, feed(*range(4, 0, -1)), grown, only_categories=("WhatsApp",))
    assert (sent(context), context.doubted) == (keys(9), [])
