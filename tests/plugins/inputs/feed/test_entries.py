"""Which entries count as known, over several revisions of one feed."""

from __future__ import annotations

import msgspec
import pytest

from gateway_plugins.inputs.feed import entries
from gateway_plugins.inputs.feed.entries import Found, Known, identify
from gateway_plugins.inputs.feed.links import bare_link
from gateway_plugins.inputs.feed.wire import Entry

TEXT = "Ein Text, der lang genug ist, um einen Beitrag daran zu erkennen."


def post(guid: str = "", link: str = "", title: str = "", text: str = "", date: str = "") -> Found:
    return Found(guid, link, title, text, date)


def new(known: Known, *document: Found, day: int = 20_000, page: str = "") -> list[str]:
    """Remember a document and return the names of what was new in it."""
    names = []
    for identity in identify(document, page):
        if identity is not None:
            entry = Entry(
                identity.key, identity.key_mark, identity.path_mark, identity.digest, identity.marks,
                identity.traits,
                "", "", "", None, None, [],
            )  # fmt: skip
            name, marks, seen = known.look_up(entry)
            known.remember(marks, day)
            if not seen:
                names.append(name)
    known.forget(day)
    return names


GUID = "https://blog.example/?p=1"
LINK = "https://blog.example/a/"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (post(GUID, LINK, "T", TEXT, "mo"), post(GUID, "/x", "U", "anders", "mo")),
        (post(GUID, LINK, "T", TEXT, "mo"), post(GUID, "/x", "T", "anders", "di")),
        (post(GUID, LINK, "T", TEXT, "mo"), post(GUID, "/x", "U", TEXT, "di")),
        (post(GUID, LINK, "T", TEXT, "mo"), post(GUID, LINK, "U", "anders", "di")),
        (post(GUID, LINK, "T", TEXT, "mo"), post(GUID, "", "U", "anders", "di")),
        (post(GUID, LINK, "", "", "mo"), post(GUID, "/x", "U", "anders", "di")),
        (post(GUID, LINK), post("http://www.blog.example/?p=1", "")),
        (post(GUID, LINK), post("https://new.example/?p=1", "https://new.example/a")),
        (post(GUID, LINK), post("other", "http://www.blog.example/a?utm_source=rss#top")),
        (post("", LINK), post("now-with-guid", LINK)),
        (post("", LINK + "?wt_mc=rss.x"), post("", LINK)),
        (post(GUID, LINK, "T", TEXT), post("n", "https://x.example/9", "T", TEXT)),
        (post(GUID, LINK, "T", "", "monday"), post("n", "https://x.example/9", "T", "", "monday")),
        (post("", "", "T", TEXT), post("", "", "T", TEXT, "monday")),
    ],
)
def test_same_post(before: Found, after: Found) -> None:
    known = Known()
    assert len(new(known, before)) == 1
    assert new(known, after) == []


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (post("1", "https://blog.example/1"), post("2", "https://blog.example/2")),
        (post("1", "", "", "kurz"), post("2", "", "", "kurz")),
        (post("1", "", "T", ""), post("2", "", "T", "")),
        (post("1", "", "Offene Runde", "Und ihr?", "mo"), post("2", "", "Offene Runde", "Und?", "di")),
        (post("1", "https://blog.example/"), post("2", "https://blog.example/")),
        (post("1", "https://blog.example/news"), post("2", "https://blog.example/news")),
        (post("", "https://blog.example/", "A", "", "mo"), post("", "https://blog.example/", "B")),
        (post("", "https://blog.example/?p=1"), post("", "https://blog.example/?p=2")),
        (post("", "", "A"), post("", "", "B")),
    ],
)  # fmt: skip
def test_different_posts(one: Found, two: Found) -> None:
    page = "https://blog.example/news/"
    known = Known()
    assert len(new(known, one, page=page)) == 1
    assert len(new(known, two, page=page)) == 1
    known = Known()
    assert len(set(new(known, one, two, page=page))) == 2
    assert new(known, two, one, page=page) == []


def test_an_id_that_is_used_again_for_another_post() -> None:
    """All of link, title, date and text differ from what ever stood under that id."""
    known = Known()
    first = post("42", LINK, "Eins", TEXT, "mo")
    other = post("42", "https://blog.example/b/", "Zwei", TEXT[::-1], "mi")
    assert new(known, first) == ["42"]
    edited = post("42", LINK, "Eins, neu", TEXT + " Nachtrag.", "di")
    assert new(known, edited) == []
    (name,) = new(known, other)
    assert name.startswith("42#")
    known = Known(known.dump())
    assert new(known, other) == new(known, first) == new(known, edited) == []


def test_ids_that_count_from_the_top() -> None:
    """Each new post moves all ids on by one: only the new one is new."""

    def numbered(*titles: str) -> list[Found]:
        return [
            post(str(n), f"https://blog.example/{title}", title, f"{title}: {TEXT}", title)
            for n, title in enumerate(titles)
        ]

    known = Known()
    assert len(new(known, *numbered("b", "a"))) == 2
    assert len(new(known, *numbered("c", "b", "a"))) == 1
    assert new(known, *numbered("c", "b", "a")) == []


def test_planet_of_several_blogs() -> None:
    """The same path on two hosts is two posts."""
    known = Known()
    assert len(new(known, post("https://a.example/?p=1"), post("https://b.example/?p=1"))) == 2
    later = post("https://c.example/?p=1")
    assert len(new(known, later, post("https://a.example/?p=2"))) == 2


def test_link_that_becomes_shared() -> None:
    news = "https://blog.example/news.html"
    first = post("", news, "Eins", TEXT, "mo")
    second = post("", news, "Zwei", TEXT, "di")
    third = post("", news, "Drei", TEXT, "mi")
    known = Known()
    assert new(known, first) == [news]
    (name,) = new(known, second, first)
    assert name.startswith(news + "#")
    # Alone again: that the link was shared is remembered, also on disk.
    known = Known(known.dump())
    assert len(new(known, third)) == 1
    assert new(known, third) == new(known, second) == new(known, first) == []


def test_two_revisions_in_one_document_are_one_post() -> None:
    known = Known()
    old, edited = post(GUID, LINK, "T", TEXT, "mo"), post(GUID, LINK, "T", TEXT + "!", "mo")
    assert new(known, edited, old) == [GUID]
    assert new(known, old) == new(known, edited) == []


def test_long_keys_are_cut_and_stay_apart() -> None:
    known = Known()
    names = new(known, post("x" * 900 + "1"), post("x" * 900 + "2"))
    assert len(set(names)) == 2
    assert all(len(name) <= entries.LONGEST_KEY for name in names)


def test_name_is_the_readable_id() -> None:
    assert new(Known(), post(GUID, LINK, "T")) == [GUID]
    assert new(Known(), post("", LINK, "T")) == [LINK]


def test_memory_ends_after_a_year_and_at_the_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known()
    assert new(known, post("1"), day=1) == ["1"]
    assert new(known, post("2"), day=300) == ["2"]
    assert new(known, post("2"), day=380) == []
    assert new(known, post("1"), day=381) == ["1"]  # seen last on day 1
    assert new(known, post("2"), day=660) == []
    monkeypatch.setattr(entries, "MARKS", 2)
    assert new(known, post("3"), day=661) == ["3"]
    assert len(known) == 2
    assert new(known, post("2"), day=662) == []


def test_changed_only_when_something_changed() -> None:
    known = Known()
    new(known, post("1"), day=5)
    known = Known(known.dump())
    new(known, post("1"), day=5)
    assert not known.changed
    new(known, post("1"), day=6)
    assert known.changed


@pytest.mark.parametrize("stored", [b"\xff", b"x", b"\x81\x01\x02"])
def test_unreadable(stored: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        Known(stored)


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        ("https://www.Blog.example/A/?utm_source=x&b=1&WT_MC=2#top", "blog.example/A/?b=1"),
        ("http://blog.example", "blog.example"),
        ("https://blog.example/a?source=rss-123---2", "blog.example/a"),
        ("https://blog.example/?p=3&fbclid=9", "blog.example/?p=3"),
        ("http://[", "http://["),
        ("", ""),
    ],
)
def test_bare_link(address: str, bare: str) -> None:
    assert bare_link(address) == bare
