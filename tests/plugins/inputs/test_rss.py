"""The rss input: which posts are handed in, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import pytest

from gateway.api import ConfigError, Duration, Message
from gateway_plugins.inputs import rss
from tests.plugins.inputs.feed.scripted import URL, Answered, Context, feed, item, key, poll


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
    assert context.metrics.counts == {
        "polls ok": 3,
        "polls unchanged": 0,
        "polls not_fetched": 0,
        "polls bad_status": 0,
        "polls bad_document": 0,
        "polls ": 0,
        "entries ": 0,
        "entries new": 1,
        "entries known": 7,
        "entries skipped_category": 0,
    }


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


async def test_flood_is_spread_and_nothing_lost(
    context: Context, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tags = {"etag": '"1"'}
    many = Answered(headers=tags, body=feed(6, 5, 4, 3, 2, 1))
    await poll(context, Answered(headers=tags, body=feed(1)), many, many, many, max_new=2)
    assert context.batches == [[], [key(2), key(3)], [key(4), key(5)], [key(6)]]
    # A 304 while posts wait would hide them, so the validator is not sent then.
    assert ["if-none-match" in headers for _, headers in context.http.asked] == [
        False,
        True,
        False,
        False,
    ]
    assert "3 more new posts wait" in caplog.text


async def test_edited_post_is_not_sent_again(context: Context, autojump_clock: Any) -> None:
    edited = item(1, title="Anders", description="Ganz anders geschrieben.", pubDate="")
    await poll(context, feed(1), feed(edited))
    assert context.accepted == []


async def test_date_never_decides(context: Context, autojump_clock: Any) -> None:
    old = item(2, pubDate="Tue, 29 Dec 1998 00:00:00 GMT")
    await poll(context, feed(1), feed(old, 1))
    assert len(context.accepted) == 1


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


@pytest.mark.parametrize("name", ["feed", "known"])
@pytest.mark.parametrize("value", [b"\xff\xff", None])
async def test_lost_state_sends_nothing_old(
    context: Context, autojump_clock: Any, name: str, value: bytes | None
) -> None:
    await poll(context, feed(1))
    context.state.pop(name)
    if value is not None:
        context.state[name] = value
    await poll(context, feed(2, 1), feed(3, 2, 1))
    assert context.batches[1:] == [[], [key(3)]]


async def test_refused_messages_come_again(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(1))
    context.full = RuntimeError("disk full")
    with pytest.RaisesGroup(RuntimeError, flatten_subgroups=True):
        await poll(context, feed(2, 1))
    context.full = None
    await poll(context, feed(2, 1))
    assert context.batches == [[], [key(2)]]


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
