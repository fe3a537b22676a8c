"""The rss input against servers: when it polls, what it asks, what it does about failures."""

from __future__ import annotations

import gzip
from itertools import pairwise
from typing import Any

import pytest
import trio

from gateway.api import Duration, FetchError
from tests.plugins.inputs.feed.scripted import Answered, Context, feed, item, key, poll


@pytest.fixture
async def context() -> Context:
    return Context()


async def test_conditional_requests(context: Context, autojump_clock: Any) -> None:
    tags = {"etag": 'W/"a b"', "last-modified": "Sat, 21 Nov 2026 09:00:00 GMT"}
    await poll(
        context,
        Answered(headers=tags, body=feed(1)),
        Answered(status=304, headers={"etag": '"2"'}),
        Answered(status=304),
    )
    sent = [
        (headers.get("if-none-match"), headers.get("if-modified-since"))
        for _, headers in context.http.asked
    ]
    date = "Sat, 21 Nov 2026 09:00:00 GMT"
    assert sent == [(None, None), ('W/"a b"', date), ('"2"', date)]
    assert context.successes == 3
    assert context.metrics.counts["polls unchanged"] == 2


async def test_unsendable_validator_is_dropped(context: Context, autojump_clock: Any) -> None:
    headers = {"etag": '"ä"', "last-modified": "x\r\ny: z"}
    await poll(context, Answered(headers=headers, body=feed(1)), feed(1))
    assert "if-none-match" not in context.http.asked[1][1]
    assert "if-modified-since" not in context.http.asked[1][1]


TAGGED = {"etag": '"bad"'}
CUT = feed(2, 1)[: feed(2, 1).index(b"<description>", 300)]


@pytest.mark.parametrize(
    ("answer", "result", "reason"),
    [
        (FetchError("dns", "blog.example"), "not_fetched", "dns"),
        (FetchError("too_large", "blog.example"), "not_fetched", "too_large"),
        (Answered(status=404), "bad_status", "HTTP 404"),
        (Answered(status=304), "bad_status", "HTTP 304"),
        (Answered(headers=TAGGED, body=b"<html><body>x"), "bad_document", "it is no feed"),
        (Answered(headers=TAGGED, body=b""), "bad_document", "it is no feed"),
        (Answered(headers=TAGGED, body=b"/etc/passwd"), "bad_document", "it is no feed"),
        (Answered(headers=TAGGED, body=gzip.compress(b"x")), "bad_document", "it is no feed"),
        (Answered(headers=TAGGED, body=feed()[:40]), "bad_document", "breaks off"),
        (Answered(headers=TAGGED, body=feed(1)[:-60]), "bad_document", "breaks off"),
        (
            Answered(headers=TAGGED, body=b'<!DOCTYPE r [<!ENTITY a "b">]>' + feed(2)),
            "bad_document",
            "entities",
        ),
    ],
)
async def test_failure_keeps_what_is_known(
    context: Context,
    autojump_clock: Any,
    caplog: pytest.LogCaptureFixture,
    answer: Answered | Exception,
    result: str,
    reason: str,
) -> None:
    await poll(context, feed(1), answer, feed(2, 1))
    assert context.batches == [[], [key(2)]]
    assert context.successes == 2
    assert context.metrics.counts[f"polls {result}"] == 1
    assert reason in caplog.text
    assert "if-none-match" not in context.http.asked[2][1]


async def test_failures_double_the_pause_up_to_a_day(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(1), *[Answered(status=500)] * 10, feed(1), feed(1))
    times = [asked for asked, _ in context.http.asked]
    pauses = [round((b - a) / 900, 3) for a, b in pairwise(times)]
    assert pauses == [1, 1, 2, 4, 8, 16, 32, 64, 96, 96, 96, 1]


@pytest.mark.parametrize(
    ("status", "value", "pause"),
    [
        (429, "7200", 7200),
        (503, "Sat, 21 Nov 2026 12:00:00 GMT", 7200),
        (503, "5", 900),
        (429, "99999999", 86400),
        (429, "morgen", 900),
        (500, "7200", 900),
    ],
)
async def test_retry_after(
    context: Context, autojump_clock: Any, status: int, value: str, pause: float
) -> None:
    answer = Answered(status=status, headers={"retry-after": value})
    await poll(context, answer, feed(1))
    assert context.http.asked[1][0] == pytest.approx(pause)


async def test_timers_survive_a_restart(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(1))  # the next one is due 900 s after this
    await trio.sleep(10_000)
    start = trio.current_time()
    await poll(context, feed(1))
    assert trio.current_time() - start == pytest.approx(900)
    await poll(context, Answered(status=500), Answered(status=500), Answered(status=500))
    before = trio.current_time()
    await poll(context, feed(1))
    assert trio.current_time() - before == pytest.approx(900, abs=1)


async def test_shorter_interval_counts_at_once(context: Context, autojump_clock: Any) -> None:
    await poll(context, feed(1), every=Duration(80_000))
    context.state["feed"] = context.state["feed"].replace(
        b'"due":', b'"due":9'
    )  # far in the future: a clock that was wrong
    start = trio.current_time()
    await poll(context, feed(1), every=Duration(60))
    assert trio.current_time() - start <= 121


async def test_truncated_feed_leaves_out_the_half_entry(
    context: Context, autojump_clock: Any
) -> None:
    cut = feed(3, 2, item(9, guid="", link="", title="Ein halber Ti"))
    cut = cut[: cut.index(b"<pubDate>", cut.index(b"halber"))]
    answer = Answered(headers={"etag": '"1"'}, body=cut)
    await poll(context, feed(2, 1), answer, feed(3, 2, 1))
    assert context.batches == [[], [key(3)], []]
    assert "if-none-match" not in context.http.asked[2][1]


async def test_truncated_first_fetch_is_no_first_fetch(
    context: Context, autojump_clock: Any
) -> None:
    cut = feed(3, 2, 1)
    cut = cut[: cut.rindex(b"<link>")]
    await poll(context, cut, feed(3, 2, 1), feed(4, 3, 2, 1))
    assert context.batches == [[], [key(4)]]
