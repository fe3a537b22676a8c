"""A sample blog for the demo: an RSS feed that grows when it is told to, with its pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import NamedTuple

from gateway_sandbox.server import Request, Response

TITLE = "Haus und Wärme"

SUBJECTS = (
    (
        "waermepumpe",
        "Neun Fragen zur Wärmepumpe",
        "Was kostet sie, wann lohnt sie sich, und was sagt der Nachbar?",
    ),
    (
        "foerderung",
        "Förderung ab Januar",
        "Die neuen Sätze stehen fest. Wir haben nachgerechnet, für wen sie gelten.",
    ),
    (
        "drei-daecher",
        "Drei Dächer, drei Anlagen",
        "Ein Besuch bei Menschen, die seit zehn Jahren Strom vom Dach haben.",
    ),
    (
        "heizung",
        "Heizung im Winter prüfen",
        "Fünf Handgriffe, die jeder selbst machen kann.",
    ),
    (
        "ein-grad",
        "Was ein Grad bringt",
        "Weniger heizen, ohne zu frieren: eine Rechnung mit Beispielen.",
    ),
    (
        "fenster",
        "Fenster: tauschen oder dichten?",
        "Manchmal genügt eine neue Dichtung für wenige Euro.",
    ),
)
"""Address, title and teaser; the picture is called like the address."""

_PAGE = """\
<!doctype html><html lang="de"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><body style="font:18px/1.6 sans-serif;\
max-width:40em;margin:2em auto;padding:0 1em"><p>{blog}</p><h1>{title}</h1>
<img src="{picture}" alt="" style="width:100%;border-radius:12px"><p>{text}</p></body></html>"""


class Post(NamedTuple):
    """One post; `link` is its address and its identity, `name` that of its subject."""

    name: str
    title: str
    text: str
    link: str
    at: datetime


class Blog:
    """Two old posts at first; `publish` adds the next one on top.

    `base`: its address, as far as programs are concerned; `shown`: the same for people, with a
    name that browsers take for this machine.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self.base = self.shown = ""
        self.fetches = 0
        self.posts: list[Post] = []

    def listens(self, port: int) -> None:
        """Its server has this port of 127.0.0.1."""
        self.base, self.shown = f"http://127.0.0.1:{port}", f"http://blog.localhost:{port}"

    def publish(self) -> Post:
        """Add a post and return it."""
        number = len(self.posts)
        name, title, text = SUBJECTS[number % len(SUBJECTS)]
        address, again = name, number // len(SUBJECTS)
        if again:
            title, address = f"{title} ({again + 1})", f"{name}-{again + 1}"
        post = Post(name, title, text, f"{self.shown}/{address}", self._now())
        self.posts.append(post)
        return post

    async def handle(self, request: Request) -> Response:
        """Serve the feed, with an ETag, the posts and their pictures."""
        name = request.path.strip("/")
        if name == "feed.xml":
            return self._feed(request)
        if name in {f"pictures/{subject}.png" for subject, _, _ in SUBJECTS}:
            picture = files("gateway_sandbox") / name
            return Response(body=picture.read_bytes(), content_type="image/png")
        for post in self.posts:
            if post.link == f"{self.shown}/{name}":
                page = _PAGE.format(
                    title=escape(post.title),
                    blog=TITLE,
                    text=escape(post.text),
                    picture=f"/pictures/{post.name}.png",
                )
                return Response(body=page.encode(), content_type="text/html; charset=utf-8")
        return Response(status=404, body=b"<h1>404</h1>", content_type="text/html; charset=utf-8")

    def _feed(self, request: Request) -> Response:
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
            f"<description>{escape(post.text)}</description>"
            f'<enclosure url="{self.base}/pictures/{post.name}.png" type="image/png" length="0"/>'
            "</item>"
            for post in reversed(self.posts)
        )
        return (
            '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>'
            f"<title>{TITLE}</title><link>{self.shown}/</link>"
            f"<description>Ein Beispiel</description><language>de</language>{items}"
            "</channel></rss>"
        ).encode()
