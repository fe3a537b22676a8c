"""A sample blog for the demo: an RSS feed that grows when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from typing import NamedTuple
from xml.sax.saxutils import escape

from gateway_sandbox.server import Request, Response

SUBJECTS = (
    (
        "Neun Fragen zur Wärmepumpe",
        "Was kostet sie, wann lohnt sie sich, und was sagt der Nachbar?",
    ),
    (
        "Förderung ab Januar",
        "Die neuen Sätze stehen fest. Wir haben nachgerechnet, für wen sie gelten.",
    ),
    (
        "Drei Dächer, drei Anlagen",
        "Ein Besuch bei Menschen, die seit zehn Jahren Strom vom Dach haben.",
    ),
    ("Heizung im Winter prüfen", "Fünf Handgriffe, die jeder selbst machen kann."),
    ("Was ein Grad bringt", "Weniger heizen, ohne zu frieren: eine Rechnung mit Beispielen."),
    ("Fenster: tauschen oder dichten?", "Manchmal genügt eine neue Dichtung für wenige Euro."),
)


class Post(NamedTuple):
    """One post; `link` is its address and its identity."""

    title: str
    text: str
    link: str
    at: datetime


class Blog:
    """Two old posts at first; `publish` adds the next one on top."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self.base = ""
        self.fetches = 0
        self.posts: list[Post] = []

    def publish(self) -> Post:
        """Add a post and return it."""
        number = len(self.posts)
        title, text = SUBJECTS[number % len(SUBJECTS)]
        if number >= len(SUBJECTS):
            title = f"{title} ({number // len(SUBJECTS) + 1})"
        post = Post(title, text, f"{self.base}/posts/{number + 1}", self._now())
        self.posts.append(post)
        return post

    async def handle(self, request: Request) -> Response:
        """Serve the feed, with an ETag; anything else is a page that exists."""
        if request.path != "/feed.xml":
            return Response(body=b"<h1>A sample post</h1>", content_type="text/html; charset=utf-8")
        self.fetches += 1
        body = self.feed()
        etag = f'"{sha256(body).hexdigest()[:16]}"'
        if request.header(b"if-none-match") == etag:
            return Response(status=304, headers=(("ETag", etag),))
        return Response(
            body=body, content_type="application/rss+xml; charset=utf-8", headers=(("ETag", etag),)
        )

    def feed(self) -> bytes:
        """Return the feed as RSS 2.0."""
        items = "".join(
            f"<item><title>{escape(post.title)}</title><link>{post.link}</link>"
            f"<guid>{post.link}</guid><pubDate>{format_datetime(post.at)}</pubDate>"
            f"<description>{escape(post.text)}</description></item>"
            for post in reversed(self.posts)
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>'
            f"<title>Haus und Wärme</title><link>{self.base}/</link>"
            f"<description>Ein Beispiel</description><language>de</language>{items}"
            "</channel></rss>"
        ).encode()
