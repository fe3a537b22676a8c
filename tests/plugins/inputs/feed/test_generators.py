"""Feeds in the shapes that other software writes, and what is made of a post of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from gateway_plugins.inputs.feed.entries import Known
from gateway_plugins.inputs.feed.parse import parse
from gateway_plugins.inputs.feed.wire import Document, Feed

RSS = (
    '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"'
    ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom"'
    ' xmlns:media="http://search.yahoo.com/mrss/" xmlns:webfeeds="http://webfeeds.org/rss/1.0"'
    ' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
    ' xmlns:georss="http://www.georss.org/georss" xml:base="https://site.example/"><channel>'
    "<title>Beispiel</title><link>https://site.example/</link>{}</channel></rss>"
)
ATOM = (
    '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"'
    ' xmlns:s="http://jadedpixel.com/-/spec/shopify" xml:lang="de-DE"><title>Beispiel</title>'
    '<id>https://site.example/feed</id><link rel="alternate" href="https://site.example/"/>{}</feed>'
)


class Shape(NamedTuple):
    """A document, and of its newest post: key, title, text, link, picture, date, categories."""

    body: str
    key: str
    title: str
    text: str
    link: str
    image: str | None
    date: str | None
    categories: list[str] = []
    kind: str = "application/xml"


SHAPES = {
    # EXT:news: guid "news-42", lead-in as CDATA, enclosure with a length, categories by title
    "TYPO3 news": Shape(
        RSS.format(
            "<language>de_DE</language><generator>TYPO3 EXT:news</generator>"
            "<ttl>1440</ttl><item>"
            '<guid isPermaLink="false">news-42</guid><pubDate>Mon, 16 Nov 2026 08:30:00 +0100</pubDate>'
            "<title>Neue Öffnungszeiten im Bürgerbüro</title>"
            "<link>https://site.example/aktuelles/detail/oeffnungszeiten</link>"
            "<description>Ab dem 1. Dezember hat das Bürgerbüro länger offen.</description>"
            "<content:encoded><![CDATA[<p>Ab dem 1.&nbsp;Dezember …</p>]]></content:encoded>"
            "<category>Rathaus</category>"
            '<enclosure url="https://site.example/fileadmin/_processed_/a/b/csm_buero.jpg"'
            ' length="48213" type="image/jpeg"/></item>'
        ),
        "news-42", "Neue Öffnungszeiten im Bürgerbüro",
        "Ab dem 1. Dezember hat das Bürgerbüro länger offen.",
        "https://site.example/aktuelles/detail/oeffnungszeiten",
        "https://site.example/fileadmin/_processed_/a/b/csm_buero.jpg",
        "2026-11-16T07:30:00+00:00", ["Rathaus"],
    ),
    # Views: rendered fields as escaped HTML, guid "42 at https://…", relative pictures, dc:creator
    "Drupal": Shape(
        RSS.format(
            "<language>de</language><item><title>Vereinsfest</title>"
            "<link>https://site.example/de/node/42</link><description>"
            '&lt;span class="field field--name-title"&gt;Vereinsfest&lt;/span&gt;\n'
            '&lt;div class="field field--name-body"&gt;&lt;p&gt;Wir feiern am 5. Dezember.&lt;/p&gt;'
            '&lt;img src="/sites/default/files/2026-11/fest.jpg" width="640" height="480"'
            ' loading="lazy" /&gt;&lt;/div&gt;'
            "</description><pubDate>Wed, 18 Nov 2026 18:00:00 +0000</pubDate>"
            "<dc:creator>redaktion</dc:creator>"
            '<guid isPermaLink="false">42 at https://site.example</guid></item>'
        ),
        "42 at https://site.example", "Vereinsfest", "Vereinsfest · Wir feiern am 5. Dezember.",
        "https://site.example/de/node/42",
        "https://site.example/sites/default/files/2026-11/fest.jpg",
        "2026-11-18T18:00:00+00:00",
    ),
    # feed description with a picture first, read-more link at its end, author with mail address
    "Joomla": Shape(
        RSS.format(
            "<generator>Joomla! - Open Source Content Management</generator>"
            "<language>de-de</language><item><title>Rundschreiben 7</title>"
            "<link>https://site.example/index.php/rundschreiben/107-rundschreiben-7</link>"
            '<guid isPermaLink="true">'
            "https://site.example/index.php/rundschreiben/107-rundschreiben-7</guid>"
            '<description><![CDATA[<p><img src="https://site.example/images/kopf.png#joomlaImage:'
            '//local-images/kopf.png?width=800&height=300" width="800" height="300"></p>'
            "<p>Das Rundschreiben ist da.</p><p class=\"feed-readmore\">"
            '<a target="_blank" href="/x">Weiterlesen …</a></p>]]></description>'
            "<author>info@site.example (Redaktion)</author><category>Rundschreiben</category>"
            "<pubDate>Fri, 20 Nov 2026 06:00:00 +0100</pubDate></item>"
        ),
        "https://site.example/index.php/rundschreiben/107-rundschreiben-7", "Rundschreiben 7",
        "Das Rundschreiben ist da.",
        "https://site.example/index.php/rundschreiben/107-rundschreiben-7",
        "https://site.example/images/kopf.png#joomlaImage:"
        "//local-images/kopf.png?width=800&height=300",
        "2026-11-20T05:00:00+00:00", ["Rundschreiben"],
    ),
    # guid = link, description = teaser, several enclosures of which one is a PDF
    "Contao": Shape(
        RSS.format(
            "<language>de</language><item><title>Jahresbericht</title>"
            "<description>&lt;p&gt;Der Bericht [nbsp]liegt vor.&lt;/p&gt;</description>"
            "<link>https://site.example/nachrichten/jahresbericht.html</link>"
            "<pubDate>Thu, 19 Nov 2026 09:15:00 +0100</pubDate>"
            "<guid>https://site.example/nachrichten/jahresbericht.html</guid>"
            '<enclosure url="https://site.example/files/bericht.pdf" length="9" type="application/pdf"/>'
            '<enclosure url="https://site.example/files/titel.jpg" length="9" type="image/jpeg"/>'
            "</item>"
        ),
        "https://site.example/nachrichten/jahresbericht.html", "Jahresbericht",
        "Der Bericht [nbsp]liegt vor.", "https://site.example/nachrichten/jahresbericht.html",
        "https://site.example/files/titel.jpg", "2026-11-19T08:15:00+00:00",
    ),
    # CDATA everywhere, guid is a bare hex id, enclosure with length 0 and type image/png
    "Wix": Shape(
        RSS.format(
            "<generator>RSS for Node</generator><item><title><![CDATA[Tipps & Tricks]]></title>"
            "<description><![CDATA[Drei Tipps für den Winter...]]></description>"
            "<link>https://site.example/post/tipps-tricks</link>"
            '<guid isPermaLink="false">65a1b2c3d4e5f6a7b8c9d0e1</guid>'
            "<category><![CDATA[Haus &amp; Garten]]></category>"
            "<pubDate>Tue, 17 Nov 2026 12:00:00 GMT</pubDate>"
            '<enclosure url="https://static.example/media/a~mv2.png/v1/fit/w_1000,h_720/file.png"'
            ' length="0" type="image/png"/><dc:creator><![CDATA[Team]]></dc:creator></item>'
        ),
        "65a1b2c3d4e5f6a7b8c9d0e1", "Tipps & Tricks", "Drei Tipps für den Winter…",
        "https://site.example/post/tipps-tricks",
        "https://static.example/media/a~mv2.png/v1/fit/w_1000,h_720/file.png",
        "2026-11-17T12:00:00+00:00", ["Haus & Garten"],
    ),
    # Atom, ids are addresses of an admin, own namespace, table markup for products
    "Shopify": Shape(
        ATOM.format(
            "<entry><id>https://site.example/blogs/news/600123</id>"
            "<published>2026-11-15T10:00:00+01:00</published>"
            "<updated>2026-11-20T10:00:00+01:00</updated>"
            '<link rel="alternate" type="text/html"'
            ' href="https://site.example/blogs/news/wintermaentel"/><title>Wintermäntel sind da</title>'
            "<author><name>Shop</name></author><content type=\"html\"><![CDATA[<style>p{color:red}"
            "</style><p>Warm durch den Winter.</p>"
            '<img src="//cdn.example/files/mantel.jpg?v=17" alt="">]]></content></entry>'
        ),
        "https://site.example/blogs/news/600123", "Wintermäntel sind da", "Warm durch den Winter.",
        "https://site.example/blogs/news/wintermaentel",
        "https://cdn.example/files/mantel.jpg?v=17", "2026-11-15T09:00:00+00:00",
    ),
    # a hand-made template: no content_text, relative picture, number as id, no date zone
    "Hugo JSON feed": Shape(
        '{"version": "https://jsonfeed.org/version/1.1", "title": "Beispiel", "language": "de-DE",'
        ' "home_page_url": "https://site.example/", "items": [{"id": 17,'
        ' "url": "https://site.example/posts/winter/", "title": "Winter <im> Haus & Hof",'
        ' "summary": "Was jetzt zu tun ist.", "content_html": "<p>Lang.</p>",'
        ' "image": "/posts/winter/titel.webp", "date_published": "2026-11-14T08:00:00+01:00",'
        ' "date_modified": "2026-11-20T08:00:00+01:00", "tags": ["Haus", "Garten"]}]}',
        "17", "Winter <im> Haus & Hof", "Was jetzt zu tun ist.",
        "https://site.example/posts/winter/", "https://site.example/posts/winter/titel.webp",
        "2026-11-14T07:00:00+00:00", ["Haus", "Garten"], "application/feed+json",
    ),
    # no titles at all, the text as escaped HTML with hidden spans, media:content with rating
    "Mastodon": Shape(
        RSS.format(
            "<webfeeds:icon>https://files.example/avatar.png</webfeeds:icon><item>"
            '<guid isPermaLink="true">https://social.example/@blog/115600000000000001</guid>'
            "<link>https://social.example/@blog/115600000000000001</link>"
            "<pubDate>Sat, 21 Nov 2026 07:30:00 +0000</pubDate>"
            "<description>&lt;p&gt;Neuer Beitrag: Neun Fragen zur Wärmepumpe&lt;br /&gt;"
            '&lt;a href="https://site.example/9" rel="nofollow"&gt;&lt;span class="invisible"&gt;'
            "https://&lt;/span&gt;&lt;span&gt;site.example/9&lt;/span&gt;&lt;/a&gt;&lt;/p&gt;"
            "</description>"
            '<media:content url="https://files.example/media/9.jpg" type="image/jpeg"'
            ' fileSize="9" medium="image"><media:rating scheme="urn:simple">nonadult</media:rating>'
            "</media:content><category>waermepumpe</category></item>"
        ),
        "https://social.example/@blog/115600000000000001",
        "Neuer Beitrag: Neun Fragen zur Wärmepumpe https://site.example/9",
        "Neuer Beitrag: Neun Fragen zur Wärmepumpe https://site.example/9",
        "https://social.example/@blog/115600000000000001", "https://files.example/media/9.jpg",
        "2026-11-21T07:30:00+00:00", ["waermepumpe"],
    ),
    # image as enclosure of length 0, subscription widget at the end of the full text
    "Substack": Shape(
        RSS.format(
            "<language><![CDATA[de]]></language><itunes:owner/><item>"
            "<title><![CDATA[Ausgabe 12: Strom sparen]]></title>"
            "<description><![CDATA[Was wirklich hilft]]></description>"
            "<link>https://site.example/p/ausgabe-12</link>"
            '<guid isPermaLink="false">https://site.example/p/ausgabe-12</guid>'
            "<pubDate>Thu, 12 Nov 2026 05:01:00 GMT</pubDate>"
            '<enclosure url="https://cdn.example/image/fetch/w_1456/titel.jpeg" length="0"'
            ' type="image/jpeg"/><content:encoded><![CDATA[<p>Hallo!</p>'
            '<div class="subscription-widget-wrap"><p>Jetzt abonnieren</p></div>]]>'
            "</content:encoded></item>"
        ),
        "https://site.example/p/ausgabe-12", "Ausgabe 12: Strom sparen", "Was wirklich hilft",
        "https://site.example/p/ausgabe-12", "https://cdn.example/image/fetch/w_1456/titel.jpeg",
        "2026-11-12T05:01:00+00:00",
    ),
    # RSS 0.91 by hand: DOCTYPE without entities of its own, Latin-1, no guid, a German date
    "by hand": Shape(
        '<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN"'
        ' "http://my.netscape.com/publish/formats/rss-0.91.dtd"><rss version="0.91"><channel>'
        "<title>Verein</title><link>https://site.example/</link><language>de</language>"
        "<item><title>Übungsleiter gesucht</title><link>termine.html#7</link>"
        "<description>Bitte beim Vorstand melden!</description>"
        "<pubDate>03.11.2026 10:00</pubDate></item></channel></rss>",
        "https://blog.example/feed/termine.html#7", "Übungsleiter gesucht",
        "Bitte beim Vorstand melden!", "https://blog.example/feed/termine.html#7", None,
        "2026-11-03T10:00:00+00:00",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_a_post_of_each(name: str) -> None:
    shape = SHAPES[name]
    url = "https://site.example/index.json" if "JSON" in name else "https://blog.example/feed/"
    answer = parse(Document(shape.body.encode(), url, shape.kind, 300))
    assert isinstance(answer, Feed), answer
    entry = answer.entries[-1]
    date = None
    if entry.published is not None:
        date = datetime.fromtimestamp(entry.published / 1e6, UTC).isoformat()
    found = Shape(
        shape.body, entry.key, entry.title, entry.text, entry.link, entry.image, date,
        entry.categories, shape.kind,
    )  # fmt: skip
    assert found == shape


@pytest.mark.parametrize("name", SHAPES)
def test_the_second_look_finds_nothing_new(name: str) -> None:
    shape = SHAPES[name]
    known = Known()
    for look in range(2):
        document = Document(shape.body.encode(), "https://blog.example/feed/", shape.kind, 300)
        answer = parse(document)
        assert isinstance(answer, Feed)
        for entry in answer.entries:
            _, marks, seen = known.look_up(entry)
            assert seen == bool(look)
            known.remember(marks, 20_000)
