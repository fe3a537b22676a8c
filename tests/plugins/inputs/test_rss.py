"""The rss input: which posts are handed in, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import pytest
import trio

from gateway.api import ConfigError, Duration, Message
from gateway_plugins.inputs import rss
from gateway_plugins.inputs.feed.links import Utm
from tests.plugins.inputs.feed.scripted import (
    START,
    URL,
    Answered,
    Context,
    feed,
    item,
    key,
    poll,
    running,
)


@pytest.fixture
async def context() -> Context:
    return Context()


async def test_first_fetch_sends_nothing_then_what_is_new(
    context: Context, autojump_clock: Any
) -> None:
    await poll(context, feed(2, 1), feed(3, 2, 1), feed(3, 2, 1))
    assert context.batches == [[], [key(3)], []]
    assert [asked for asked, _ in context.http.asked] == [0, 900, 1800]
    assert context.successes == 3
    counts = context.metrics.counts
    assert {name: count for name, count in counts.items() if name.startswith(("p", "e"))} == {
        "polls ok": 3,
        "polls unchanged": 0,
        "polls not_fetched": 0,
        "polls bad_status": 0,
        "polls bad_document": 0,
        "parse_seconds": 0.0,
        "entries new": 1,
        "entries doubted": 0,
        "entries known": 7,
        "entries skipped_category": 0,
    }
    assert counts["failing"] == 0
    assert counts["bytes"] == len(feed(2, 1)) + 2 * len(feed(3, 2, 1))
    start = START.timestamp()
    assert counts["last_success_timestamp_seconds"] == start + 1800
    assert counts["next_due_timestamp_seconds"] == start + 2700


async def test_series_know_after_a_restart(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(1), Answered(status=500))
    context.metrics.counts.clear()
    async with running(context):
        await trio.sleep(1)
        counts = context.metrics.counts
        assert counts["failing"] == 1
        assert counts["last_success_timestamp_seconds"] == START.timestamp()
        assert counts["next_due_timestamp_seconds"] == START.timestamp() + 1800


async def test_message(context: Context, autojump_clock: Any) -> None:
    new = item(
        2,
        title="W&#228;rme &amp;amp; &lt;b&gt;Pumpe&lt;/b&gt;",
        description="&lt;p&gt;Kurz.&lt;/p&gt;&lt;img src='/a.jpg'&gt;",
        pubDate="Tue, 29 Dec 2026 10:00:00 CET",
    )
    await poll(context, feed(1), feed(new, 1))
    assert context.accepted == [
        Message(
            external_id=key(2),
            kind="marketing",
            topic="blog",
            language="de",
            title="Wärme & Pumpe",
            text="Kurz.",
            link="https://blog.example/2/",
            image="https://blog.example/a.jpg",
            published_at=datetime(2026, 12, 29, 9, tzinfo=UTC),
        )
    ]


async def test_settings_override_language_and_picture(
    context: Context, autojump_clock: Any
) -> None:
    new = item(2, description="&lt;img src='/a.jpg'&gt;", pubDate="irgendwann")
    await poll(context, feed(1), feed(new, 1), language="en-GB", image=False)
    assert (context.accepted[0].language, context.accepted[0].image) == ("en", None)
    assert context.accepted[0].published_at is None


async def test_first_hands_in_the_newest(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(5, 4, 3, 2, 1), feed(5, 4, 3, 2, 1), first=2)
    assert context.batches == [[key(4), key(5)], []]


async def test_links_are_labelled(context: Context, autojump_clock: Any) -> None:
    new = item(2, link="https://blog.example/2/?utm_source=rss&amp;a=1&amp;fbclid=9#top")
    utm = Utm(source="whatsapp", campaign="Neue Beiträge")
    await poll(context, feed(1), feed(new, 1), utm=utm, clean_links=True)
    (message,) = context.accepted
    query = "a=1&utm_source=whatsapp&utm_campaign=Neue%20Beitr%C3%A4ge"
    assert message.link == f"https://blog.example/2/?{query}#top"
    assert message.external_id == key(2)


async def test_edited_post_is_not_sent_again(context: Context, autojump_clock: Any) -> None:
    edited = item(1, title="Anders", description="Ganz anders geschrieben.", pubDate="")
    await poll(context, feed(1), feed(edited))
    assert context.accepted == []


async def test_categories(context: Context, autojump_clock: Any) -> None:
    yes = item(2, category="WHATSAPP")
    await poll(context, feed(1), feed(3, yes, 1), only_categories=("WhatsApp",))
    assert [message.external_id for message in context.accepted] == [key(2)]
    assert context.metrics.counts["entries skipped_category"] == 2  # 1 and 3
    await poll(context, feed(3, yes, 1))
    assert len(context.accepted) == 1


async def test_changed_address_is_a_new_feed(context: Context, autojump_clock: Any) -> None:
    tagged = Answered(headers={"etag": '"1"'}, body=feed(1))
    await poll(context, tagged)
    other = "https://other.example/feed/"
    await poll(context, feed(9, 8), feed(10, 9, 8), url=other, first=2)
    assert context.batches[-2:] == [[], [key(10)]]
    assert "if-none-match" not in context.http.asked[1][1]


async def test_another_wordpress_has_other_posts_with_the_same_numbers(
    context: Context, autojump_clock: Any
) -> None:
    """`/?p=4` is a post of every WordPress: another blog's is no sign that it is the same blog."""

    def other(n: int) -> str:
        return item(
            n,
            guid=f"https://other.example/?p={n}",
            link=f"https://other.example/{n}/",
            title=f"Anders {n}",
            description=f"Ein anderes Blog mit einem anderen Text, Nummer {n}.",
        )

    await poll(context, feed(6, 5, 4, 3, 2, 1))
    url = "https://other.example/feed/"
    await poll(context, feed(other(7), other(6), other(5)), url=url)
    assert context.accepted == []
    await poll(context, feed(other(8), other(7), other(6)), url=url)
    assert [message.external_id for message in context.accepted] == ["https://other.example/?p=8"]


@pytest.mark.parametrize("value", [b"\xff\xff", None])
@pytest.mark.parametrize(
    ("lost", "batches"),
    [
        # The known posts tell that it is the same feed, so nothing is missed.
        (["feed"], [[key(2)], [key(3)]]),
        (["known"], [[], [key(3)]]),
        (["feed", "known"], [[], [key(3)]]),
    ],
)
async def test_lost_state_sends_nothing_old(
    context: Context,
    autojump_clock: Any,
    lost: list[str],
    value: bytes | None,
    batches: list[list[str]],
) -> None:
    await poll(context, feed(1))
    for name in lost:
        context.state.pop(name)
        if value is not None:
            context.state[name] = value
    await poll(context, feed(2, 1), feed(3, 2, 1))
    assert context.batches[1:] == batches


async def test_address_changed_as_advised_goes_on(context: Context, autojump_clock: Any) -> None:
    """The same blog at its new address: known posts stay known, what is new goes on."""
    await poll(context, feed(1))
    await poll(context, feed(2, 1), url="https://new.example/feed/")
    assert context.batches == [[], [key(2)]]


async def test_refused_messages_come_again(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(1))
    context.full = RuntimeError("disk full")
    with pytest.RaisesGroup(RuntimeError, flatten_subgroups=True):
        await poll(context, feed(2, 1))
    context.full = None
    await poll(context, feed(2, 1))
    assert context.batches == [[], [key(2)]]


async def test_two_inputs_with_one_feed_for_one_topic(
    context: Context, autojump_clock: Any
) -> None:
    """The second is parked; with other categories or another topic both are right."""

    def instance(label: str, **settings: Any) -> rss.Rss:
        return rss.Rss(rss.RssConfig(**{"url": URL, "topic": "blog", **settings}), label)

    one, two = instance("one"), instance("two", url=URL.replace("https", "http") + "#x")
    async with one.lifespan(context), two.lifespan(context):  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=r"\[inputs.two\] url: \[inputs.one\] sends"):
            await two.run(context)  # type: ignore[arg-type]
        assert one._shared.twin("one") is None
    for settings in (
        {"topic": "news"},
        {"url": URL + "?page=2"},
    ):
        two = instance("two", **settings)
        async with one.lifespan(context), two.lifespan(context):  # type: ignore[arg-type]
            assert two._shared.twin("two") is None
    one, two = instance("one", only_categories=("A", "B")), instance("two", only_categories=("C",))
    async with one.lifespan(context), two.lifespan(context):  # type: ignore[arg-type]
        assert two._shared.twin("two") is None
        two._shared.feeds["three"] = rss.RssConfig(url=URL, topic="blog", only_categories=("c",))
        assert two._shared.twin("three") == "two"
        del two._shared.feeds["three"]


async def test_unknown_topic_parks(context: Context, autojump_clock: Any) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(ConfigError, match="topics.news")):
        await poll(context, topic="news")


async def test_forgets_after_a_year_only(
    context: Context, autojump_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rss, "SLICE", 86_400.0)
    await poll(context, feed(2, 1), every=Duration(86_400))
    await poll(context, *[feed(2)] * 300, feed(2, 1), every=Duration(86_400))
    assert context.accepted == []
    await poll(context, *[feed(2)] * 370, feed(2, 1), every=Duration(86_400))
    assert [message.external_id for message in context.accepted] == [key(1)]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "file:///etc/passwd"}, "https://"),
        ({"url": "feed/"}, "https://"),
        ({"every": "500ms"}, "at least 1s"),
        ({"language": "deutsch"}, "code such as"),
        ({"teaser_length": 5}, ">= 40"),
        ({"max_new": 0}, ">= 1"),
        ({"intervall": 3}, "unknown field"),
        ({"url": "https://blog.example:99999/"}, "^url must name a port from 1 to 65535"),
        ({"url": "https://[/"}, "^url names a host in brackets"),
        ({"url": "https://[::1"}, "^url names a host in brackets"),
        ({"url": "https://blog.example/my feed"}, "^url must not contain blanks"),
        ({"url": "https://user:word@blog.example/"}, "^url must not contain a user or password"),
        ({"utm": {"sorce": "whatsapp"}}, "unknown field"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any], words: str) -> None:
    convert: Callable[[dict[str, Any]], rss.RssConfig] = partial(
        msgspec.convert, type=rss.RssConfig, dec_hook=lambda kind, value: kind.parse(value)
    )
    assert convert({"url": URL, "topic": "blog", "every": "2h"}).every == 7200
    with pytest.raises(msgspec.ValidationError, match=words):
        convert({"url": URL, "topic": "blog", **settings})


def test_register() -> None:
    assert rss.register() == [rss.Rss]
