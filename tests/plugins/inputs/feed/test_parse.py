"""Documents as they come: encodings, broken ones, hostile ones, what is made of each entry."""

from __future__ import annotations

import os

import pytest

from gateway_plugins.inputs.feed.entries import SHARED, Known, mark
from gateway_plugins.inputs.feed.parse import ENTRIES, parse
from gateway_plugins.inputs.feed.wire import Document, Entry, Feed, Refusal

URL = "https://blog.example/news/feed.xml"


def read(body: bytes | str, kind: str = "application/rss+xml", teaser: int = 300) -> Feed | Refusal:
    data = body.encode() if isinstance(body, str) else body
    return parse(Document(data, URL, kind, teaser))


def entries(body: bytes | str, kind: str = "application/rss+xml") -> list[Entry]:
    answer = read(body, kind)
    assert isinstance(answer, Feed), answer
    return answer.entries


def rss(inside: str, head: str = "", language: str = "") -> str:
    return (
        f'{head}<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:media="http://search.yahoo.com/mrss/"><channel><title>Mein Blog</title>'
        f"<link>https://blog.example/</link>{language}{inside}</channel></rss>"
    )


def one(inside: str, head: str = "") -> Entry:
    (entry,) = entries(rss(f"<item>{inside}</item>", head))
    return entry


@pytest.mark.parametrize(
    ("encoding", "head", "kind"),
    [
        ("utf-8", "", "application/rss+xml"),
        ("utf-8", '<?xml version="1.0" encoding="utf-8"?>', "text/xml"),
        ("utf-8", "", "text/html"),
        ("utf-8", "", ""),
        ("utf-8", '<?xml version="1.0" encoding="ISO-8859-1"?>', "text/xml; charset=latin-1"),
        ("utf-8-sig", '<?xml version="1.0" encoding="utf-8"?>', "application/xml"),
        ("utf-16", '<?xml version="1.0" encoding="utf-16"?>', "application/xml"),
        ("latin-1", '<?xml version="1.0" encoding="ISO-8859-1"?>', "application/xml"),
        ("latin-1", '<?xml version="1.0" encoding="ISO-8859-1"?>', "text/xml"),
        ("latin-1", "", "application/xml"),
        ("latin-1", '<?xml version="1.0" encoding="utf-8"?>', "text/xml; charset=utf-8"),
        ("cp1252", '<?xml version="1.0" encoding="windows-1252"?>', "application/xml"),
    ],
)
def test_umlauts(encoding: str, head: str, kind: str) -> None:
    body = rss("<item><title>Grüße aus Köln</title></item>", head).encode(encoding)
    assert [entry.title for entry in entries(body, kind)] == ["Grüße aus Köln"]


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("A &amp; B", "A & B"),
        ("A & B", "A & B"),
        ("Warte&amp;#8230;", "Warte…"),
        ("<![CDATA[Warte&#8230;]]>", "Warte…"),
        ("Masters et#8230; fin", "Masters et#8230; fin"),
        ("&lt;b&gt;Fett&lt;/b&gt; und List&lt;String&gt;", "Fett und List<String>"),
        ("a &lt; b", "a < b"),
        ("  viel\n\t Platz  ", "viel Platz"),
        ("", "Text des Beitrags."),
        ("&lt;b&gt;&lt;/b&gt;", "Text des Beitrags."),
        ("x" * 900, "x" * 199 + "…"),
    ],
)
def test_title(title: str, shown: str) -> None:
    assert (
        one(f"<title>{title}</title><description>Text des Beitrags.</description>").title == shown
    )


def test_title_without_any_text() -> None:
    assert one("<guid>1</guid>").title == "Mein Blog"
    (entry,) = entries("<rss version='2.0'><channel><item><link>/a</link></item></channel></rss>")
    assert entry.title == "https://blog.example/a"


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<description>Kurz.</description>", "Kurz."),
        ("<description/><content:encoded>&lt;p&gt;Lang.&lt;/p&gt;</content:encoded>", "Lang."),
        ("<description>Kurz.</description><content:encoded>Lang.</content:encoded>", "Kurz."),
        (
            "<description>&lt;img src='x.jpg'&gt;</description>"
            "<content:encoded>Lang.</content:encoded>",
            "Lang.",
        ),
        ("<description>&amp;lt;p&amp;gt;Zweimal.&amp;lt;/p&amp;gt;</description>", "Zweimal."),
        (
            "<description><![CDATA[<p>Auszug vom [&#8230;]</p>\n<p>Der Beitrag <a href='/a'>A.</a> "
            "erschien zuerst auf <a href='/'>Blog</a>.</p>]]></description>",
            "Auszug vom…",
        ),
    ],
)
def test_text(inside: str, text: str) -> None:
    assert one(f"<title>T</title>{inside}").text == text


@pytest.mark.parametrize(
    ("inside", "link"),
    [
        ("<link>https://other.example/a?b=1&amp;c=2</link>", "https://other.example/a?b=1&c=2"),
        ("<link>/a/</link>", "https://blog.example/a/"),
        ("<link>a/</link>", "https://blog.example/news/a/"),
        ("<link>javascript:alert(1)</link>", ""),
        ("<link>http://[</link>", ""),
        ("<guid>https://blog.example/perma</guid>", "https://blog.example/perma"),
        ("<guid isPermaLink='false'>https://blog.example/perma</guid>", ""),
        ("", ""),
    ],
)
def test_link(inside: str, link: str) -> None:
    assert one(f"<title>T</title>{inside}").link == link


def test_atom_with_relative_bases() -> None:
    (entry,) = entries(
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de-AT"><id>//</id><title>B</title>'
        '<entry xml:base="/a/"><id>/a</id><title>T</title><link href="/a/"/>'
        '<content type="html">&lt;img src="p.jpg"&gt;</content>'
        "<updated>2026-11-21T10:00:00+01:00</updated></entry></feed>"
    )
    assert entry.link == "https://blog.example/a/"
    assert entry.key == "https://blog.example/a"
    assert entry.image == "https://blog.example/a/p.jpg"
    assert entry.published == 1795251600 * 1_000_000


@pytest.mark.parametrize(
    ("language", "code"),
    [("de", "de"), ("de-DE", "de"), ("EN_us", "en"), ("deutsch", None), ("", None)],
)
def test_language(language: str, code: str | None) -> None:
    answer = read(rss("", language=f"<language>{language}</language>"))
    assert isinstance(answer, Feed)
    assert answer.language == code


def test_order_is_by_date_if_all_have_one() -> None:
    days = "".join(
        f"<item><title>{n}</title><pubDate>0{n} Nov 2026 00:00:00 GMT</pubDate></item>"
        for n in (2, 3, 1)
    )
    assert [entry.title for entry in entries(rss(days))] == ["1", "2", "3"]
    days = days.replace("01 Nov 2026 00:00:00 GMT", "bald")
    assert [entry.title for entry in entries(rss(days))] == ["1", "3", "2"]


def test_broken_xml_keeps_its_entries() -> None:
    body = rss("<description>Linux & mehr</description><item><title>A & B<br></title></item>")
    assert [entry.title for entry in entries("\n" + body)] == ["A & B"]


def test_categories() -> None:
    entry = one("<title>T</title><category>Haus &amp;amp; Hof</category><category>b</category>")
    assert entry.categories == ["Haus & Hof", "b"]


def test_ceiling_keeps_the_newest_and_the_keys_of_the_rest() -> None:
    many = "".join(f"<item><guid>{n}</guid><title>{n}</title></item>" for n in range(ENTRIES + 2))
    answer = read(rss(many))
    assert isinstance(answer, Feed)
    assert [entry.title for entry in answer.entries] == [str(n) for n in range(ENTRIES - 1, -1, -1)]
    base = "https://blog.example/news/"
    assert answer.older == [mark("key", f"{base}{n}") for n in (ENTRIES + 1, ENTRIES)]


def test_empty_entries_are_left_out() -> None:
    assert entries(rss("<item><pubDate>bald</pubDate><title></title></item>")) == []


def test_same_link_everywhere() -> None:
    body = rss(
        "".join(
            f"<item><title>T{n % 2}</title><link>https://blog.example/news</link>"
            f"<pubDate>0{n} Nov 2026 00:00:00 GMT</pubDate></item>"
            for n in (1, 2, 3)
        )
    )
    found = entries(body)
    assert len({Known().look_up(entry)[0] for entry in found}) == 3
    assert all(entry.key_mark & SHARED for entry in found)


def test_every_field_is_capped() -> None:
    long = "wort " * 50_000
    entry = one(
        f"<title>{long}</title><guid>{long}</guid><description>{long}</description>"
        f"<link>https://blog.example/{'a' * 5000}</link><author>{long}</author>"
        + f"<category>{long}</category>" * 100
        + "".join(f"<category>{n}</category>" for n in range(100))
    )
    assert len(entry.title) <= 200
    assert len(entry.key) <= 201
    assert len(entry.text) <= 300
    assert entry.link == ""
    assert len(entry.categories) <= 30
    assert all(len(name) <= 100 for name in entry.categories)


BOMB = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + rss("<item>&b;</item>")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (BOMB.encode(), "entities"),
        (BOMB.encode("utf-16"), "entities"),
        (b"/etc/passwd", "not_a_feed"),
        (b"https://blog.example/feed", "not_a_feed"),
        (b"", "not_a_feed"),
        (b"\0" * 1000, "not_a_feed"),
        (b"<html><body>Wartung", "not_a_feed"),
        (b'{"items": []}', "not_a_feed"),
        (b"{" * 100_000, "not_a_feed"),
        (b'<rss version="2.0"><channel><title>x', "truncated"),
        (b'<rss version="2.0"><channel><item><title>x', "truncated"),
        (b'<rss version="2.0"><channel>& </rss>', "broken"),
        (os.urandom(50_000), "not_a_feed"),
    ],
)
def test_refused(body: bytes, reason: str) -> None:
    answer = read(body)
    assert isinstance(answer, Refusal)
    assert answer.reason == reason


def test_web_page_names_its_feed() -> None:
    page = '<html><head><link rel="alternate" type="application/rss+xml" href="/feed/"></head>'
    assert read(page, "text/html") == Refusal(
        "not_a_feed", "a web page, whose feed is https://blog.example/feed/"
    )


def test_json_feed() -> None:
    feed = """{"version": "https://jsonfeed.org/version/1.1", "title": "B", "language": "de",
      "items": [{"id": 7, "url": "/a", "external_url": "https://other.example/", "tags": ["x"],
        "title": "1 < 2 <b>", "content_html": "<p>Hallo&nbsp;Welt.</p>", "image": "/p.jpg",
        "date_published": "2026-11-21T11:00:00+01:00"},
        {"id": "8", "title": "T", "content_text": "a <b> c", "date_published": "nie"}, 5]}"""
    answer = read(feed)
    assert isinstance(answer, Feed)
    assert answer.language == "de"
    second, first = answer.entries
    assert (first.key, first.link) == ("7", "https://blog.example/a")
    assert (first.title, first.text) == ("1 < 2 <b>", "Hallo Welt.")
    assert first.image == "https://blog.example/p.jpg"
    assert first.published == 1795255200 * 1_000_000
    assert first.categories == ["x"]
    assert (second.text, second.published) == ("a <b> c", None)
