"""Real feeds, where there are any: SAMPLES=DIR with DIR/feeds (they may not be published)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway_plugins.inputs.feed.entries import Known
from gateway_plugins.inputs.feed.parse import parse
from gateway_plugins.inputs.feed.wire import Document, Feed, Refusal

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
