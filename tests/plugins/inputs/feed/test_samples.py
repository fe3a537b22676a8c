"""Real feeds, where there are any: SAMPLES=DIR with DIR/feeds (they may not be published)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway_plugins.inputs.feed.entries import Known
from gateway_plugins.inputs.feed.memory import Memory
from gateway_plugins.inputs.feed.parse import parse
from gateway_plugins.inputs.feed.settings import RssConfig
from gateway_plugins.inputs.feed.taking import take
from gateway_plugins.inputs.feed.wire import Document, Feed, Refusal
from tests.plugins.inputs.feed.scripted import Context, poll

FEEDS = Path(os.environ.get("SAMPLES", "/nonexistent")) / "feeds"

pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason="SAMPLES names no folder with feeds/")


def read(name: str) -> Feed | Refusal:
    body = (FEEDS / name).read_bytes()
    return parse(Document(body, "https://blog.example/feed/", "application/xml", 300))


def feed(name: str) -> Feed:
    answer = read(name)
    assert isinstance(answer, Feed), answer
    return answer


def new(known: Known, name: str) -> list[str]:
    names = []
    for entry in feed(name).entries:
        key, marks, seen = known.look_up(entry)
        names += [] if seen else [key]
        known.remember(marks, 20_000)
    return names


def test_german_series_has_one_new_post() -> None:
    known = Known()
    series = ("1-broken", "2-fixed", "3-rebuilt", "4-newpost", "4-newpost")
    assert [len(new(known, f"series-de-blog-{one}.rss")) for one in series] == [3, 0, 0, 1, 0]


def test_hugo_series_has_none() -> None:
    known = Known()
    series = ("1-full", "2-middle-removed", "1-full")
    assert [len(new(known, f"series-hugo-{one}.atom")) for one in series] == [15, 0, 0]


def test_hugo_series_from_the_short_one() -> None:
    known = Known()
    series = ("2-middle-removed", "1-full", "2-middle-removed")
    assert [len(new(known, f"series-hugo-{one}.atom")) for one in series] == [2, 13, 0]


def test_same_link_everywhere() -> None:
    known = Known()
    assert len(set(new(known, "noguid-samelink-nixos.rss"))) == 99
    assert new(Known(known.dump()), "noguid-samelink-nixos.rss") == []


def test_truncated() -> None:
    assert read("broken-truncated-reuters.rss") == Refusal("truncated")


def test_relative_addresses() -> None:
    for entry in feed("jekyll-lineageos.atom").entries:
        assert entry.link.startswith("https://blog.example/")
        assert entry.key.startswith("https://blog.example/")
    assert all(len(one.link) > 30 for one in feed("relative-urls-insanity.rss").entries)


def test_encodings_and_counters() -> None:
    golem = feed("golem-2018-10-iso8859-1.rss").entries
    assert len(golem) == 40
    assert "Viele Spieler wünschen sich" in golem[-1].text
    assert all(entry.image is None or "cpx" not in entry.image for entry in golem)
    assert sum(entry.image is not None for entry in golem) > 30
    french = feed("undeclared-iso8859-1.rss").entries
    assert len(french) == 9
    assert any("« Dolto reste authentiquement subversive »" in one.title for one in french)
    assert any("et#8230;" in one.title for one in french)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("peertube-framasoft.rss", "/static/thumbnails/"),
        ("substack-heated.rss", "https://cdn.substack.com/image/fetch/h_600"),
        ("ghost-element.rss", "Element.io-Redesign-v1.2.png"),
        ("wordpress-de-anime2you.rss", "https://img.anime2you.de/2023/12/"),
        ("podcast-nightvale.rss", "nightvalelogo_web4.jpg"),
        ("podcast-spiegel-update.rss", "image.jpg"),
        ("youtube-google.atom", "hqdefault.jpg"),
    ],
)
def test_picture(name: str, part: str) -> None:
    assert all(part in (entry.image or "") for entry in feed(name).entries)


def test_no_avatars() -> None:
    assert {entry.image for entry in feed("github-releases.atom").entries} == {None}


def test_empty_titles() -> None:
    micro = feed("microblog-empty-titles.rss").entries
    assert len(micro) == 10
    assert all(entry.title and len(entry.title) <= 80 for entry in micro if entry.text)
    assert sum(entry.text.startswith(entry.title[:30]) for entry in micro) >= 4


def test_german_wordpress() -> None:
    german = feed("wordpress-de-anime2you.rss")
    assert german.language == "de"
    assert german.entries[-1].title == "Geschichte von »Jujutsu Kaisen« nähert sich dem Ende"
    for entry in german.entries:
        assert "erschien zuerst" not in entry.text
        assert "[" not in entry.text


def test_json_feed() -> None:
    entries = feed("jsonfeed-daringfireball.json").entries
    assert len(entries) == 48
    assert all(entry.link.startswith("https://daringfireball.net/") for entry in entries)
    raw = msgspec.json.decode((FEEDS / "jsonfeed-daringfireball.json").read_bytes())["items"]
    outside = [one["external_url"] for one in raw if "external_url" in one]
    assert len(outside) == 42
    assert set(outside).isdisjoint(entry.link for entry in entries)


# file: entries, different titles, dated, with a picture, language, seconds that it asks for
TABLE = [
    ("blogger-4fsod.atom", 25, 25, 25, 0, None, 0),
    ("broken-dates.rss", 2, 2, 2, 0, "en", 0),
    ("ghost-element.rss", 1, 1, 1, 1, None, 3600),
    ("github-releases.atom", 4, 4, 4, 0, "en", 0),
    ("golem-2018-10-iso8859-1.rss", 40, 40, 40, 40, "de", 0),
    ("heise-developer.atom", 15, 15, 15, 11, None, 0),
    ("heise-newsticker-rss090.rdf", 60, 60, 0, 0, None, 0),
    ("jekyll-lineageos.atom", 10, 10, 10, 2, None, 0),
    ("jsonfeed-daringfireball.json", 48, 48, 48, 0, None, 0),
    ("medium-profile.rss", 10, 10, 10, 2, None, 0),
    ("microblog-empty-titles.rss", 10, 10, 10, 0, "en", 3600),
    ("noguid-samelink-nixos.rss", 99, 96, 99, 16, None, 0),
    ("peertube-framasoft.rss", 20, 20, 20, 20, None, 0),
    ("podcast-nightvale.rss", 1, 1, 1, 1, "en", 3600),
    ("podcast-spiegel-update.rss", 1, 1, 1, 1, "de", 0),
    ("relative-urls-insanity.rss", 2, 2, 2, 0, "en", 0),
    ("rss10-debian.rdf", 1, 1, 1, 0, None, 0),
    ("series-de-blog-1-broken.rss", 3, 3, 3, 0, "de", 0),
    ("series-de-blog-2-fixed.rss", 3, 3, 3, 0, "de", 0),
    ("series-de-blog-3-rebuilt.rss", 3, 3, 3, 0, "de", 0),
    ("series-de-blog-4-newpost.rss", 4, 4, 4, 0, "de", 0),
    ("series-hugo-1-full.atom", 15, 15, 15, 12, None, 0),
    ("series-hugo-2-middle-removed.atom", 2, 2, 2, 1, None, 0),
    ("squarespace-feedpress.rss", 20, 20, 20, 6, "en", 0),
    ("substack-heated.rss", 1, 1, 1, 1, "en", 0),
    ("undeclared-iso8859-1.rss", 9, 9, 9, 0, None, 0),  # the tenth has nothing in it
    ("wordpress-de-anime2you.rss", 25, 25, 25, 25, "de", 3600),
    ("wordpress-two-hubs-allthis.rss", 12, 12, 12, 9, "en", 3600),
    ("youtube-google.atom", 15, 15, 15, 15, None, 0),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_what_is_read_of_each(row: tuple[str, int, int, int, int, str | None, float]) -> None:
    answer = feed(row[0])
    found = answer.entries
    dated = sum(entry.published is not None for entry in found)
    pictures = sum(entry.image is not None for entry in found)
    titles = len({entry.title for entry in found})
    seconds = answer.wishes.seconds
    assert (row[0], len(found), titles, dated, pictures, answer.language, seconds) == row


def test_the_table_has_all() -> None:
    files = {path.name for path in FEEDS.iterdir()} - {"INDEX.md", "broken-truncated-reuters.rss"}
    assert files == {row[0] for row in TABLE}


@pytest.mark.parametrize(
    ("series", "batches"),
    [
        (("de-blog-1-broken.rss", "de-blog-2-fixed.rss", "de-blog-3-rebuilt.rss",
          "de-blog-4-newpost.rss", "de-blog-4-newpost.rss"), [0, 0, 0, 1, 0]),
        (("hugo-1-full.atom", "hugo-2-middle-removed.atom", "hugo-1-full.atom"), [0, 0, 0]),
    ],
)  # fmt: skip
async def test_series_are_handed_in(
    series: tuple[str, ...], batches: list[int], autojump_clock: Any
) -> None:
    """The whole input, look by look: how many posts each hands in, none of them in doubt."""
    context = Context()
    await poll(context, *((FEEDS / f"series-{name}").read_bytes() for name in series))
    assert [len(batch) for batch in context.batches] == batches
    assert context.doubted == []


async def test_a_truncated_answer_leaves_what_is_known(autojump_clock: Any) -> None:
    context = Context()
    whole = (FEEDS / "series-hugo-1-full.atom").read_bytes()
    broken = (FEEDS / "broken-truncated-reuters.rss").read_bytes()
    await poll(context, whole, broken, whole)
    assert context.batches == [[], []]
    assert context.health[1].trouble == "it breaks off in the middle"


def test_a_short_feed_that_grows_back_waits_for_a_person() -> None:
    """The 13 middle entries of Hugo's, never seen before: a flood, of which none is sent unseen."""
    known, memory = Known(), Memory("https://blog.example/feed/")
    config = RssConfig(url=memory.url, topic="blog")
    now = 1_795_255_200.0
    take(feed("series-hugo-2-middle-removed.atom"), known, memory, config, "blog", now)
    memory = memory.replace(fetched=True, found=2)
    taken = take(feed("series-hugo-1-full.atom"), known, memory, config, "blog", now)
    assert len(taken.messages) == 13
    assert all(message.doubt for message in taken.messages)


@pytest.mark.parametrize("path", sorted(FEEDS.glob("*.*")), ids=lambda path: path.name)
def test_every_sample_twice(path: Path) -> None:
    """Nothing is new the second time, all fields keep their limits."""
    if path.suffix == ".md" or "truncated" in path.name:
        return
    known = Known()
    assert new(known, path.name)
    assert new(known, path.name) == []
    for entry in feed(path.name).entries:
        assert entry.title
        assert len(entry.text) <= 300
        assert entry.link.startswith("http")
        assert "\n" not in entry.title + entry.text
        assert entry.published is None or entry.published > 946_684_800_000_000
