"""A post to try, from a file or an address: text, Markdown, a web page, a feed, a message as JSON."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import msgspec
from selectolax.lexbor import LexborNode

from gateway.api import Message
from gateway_plugins.inputs.feed import text as plain_text
from gateway_plugins.inputs.feed.parse import parse
from gateway_plugins.inputs.feed.wire import Document, Entry, Feed, Refusal
from gateway_plugins.middleware.filter.head import head_of

TEASER = 300  # characters; what the rss input takes unless the settings say otherwise
LARGEST = 8_000_000  # bytes of a document

_XML = re.compile(rb"^\s*(?:<\?xml|<rss|<feed|<rdf:RDF|<!--)", re.IGNORECASE)
_TAG = re.compile(rb"^\s*<[!a-z]", re.IGNORECASE)
_HEADING = re.compile(r"#{1,3}\s+(.+)")
_ADDRESS = re.compile(r"https?://\S+")
_FRONT = re.compile(r"---\n(.*?)\n---\n", re.DOTALL)


class UnreadableError(Exception):
    """Why there is no post in it, in one sentence."""


class _Written(msgspec.Struct):
    """A message as JSON, with the names that `gateway send` has."""

    title: str = ""
    text: str = ""
    link: str = ""
    image: str | None = None
    topic: str | None = None
    language: str | None = None


def posts_of(body: bytes, url: str = "", content_type: str = "") -> list[Message]:
    """Return the posts of a document, the newest first.  Raises UnreadableError."""
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{") or _XML.match(start):
        read = parse(Document(body, url, content_type, TEASER))
        if isinstance(read, Feed) and read.entries:
            return [_of_entry(entry, read.language) for entry in reversed(read.entries)]
        if start.startswith(b"{"):
            return [_of_json(start)]
        if b"<html" not in start[:4_000].lower():
            why = f"{read.reason}: {read.detail}" if isinstance(read, Refusal) else "it is empty"
            raise UnreadableError(f"no feed can be read in it ({why.rstrip(': ')})")
    if _TAG.match(start):
        return [_of_page(body, url, content_type)]
    if b"\0" in start[:1_000]:
        raise UnreadableError("it is no text")
    return [_of_text(start.decode("utf-8", "replace"))]


def _of_entry(entry: Entry, language: str | None) -> Message:
    at = None
    if entry.published is not None:
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=entry.published)
    return _message(_Written(entry.title, entry.text, entry.link, entry.image, None, language), at)


def _of_json(body: bytes) -> Message:
    try:
        return _message(msgspec.json.decode(body, type=_Written))
    except msgspec.DecodeError as error:
        raise UnreadableError(f"it is JSON, but neither a feed nor a message: {error}") from None


def _of_page(body: bytes, url: str, content_type: str) -> Message:
    head = head_of(body, content_type)
    markup = body[: plain_text.LONGEST_HTML].decode("utf-8", "replace")
    text = head.description or plain_text.plain(_article(plain_text.tree(markup)))
    image = urljoin(url, head.image) if head.image else None
    title = plain_text.title(_without_site(head.shared_title or head.title, head.site))
    return _message(_Written(title, plain_text.teaser(text, TEASER), url, image))


def _without_site(title: str, site: str) -> str:
    """Take off the site's name, which many pages append to their title ("Post – Blog")."""
    if not (site and title.endswith(site)):
        return title
    own = title.removesuffix(site).rstrip()
    bare = own.rstrip("-–—|·•:»").rstrip()
    return bare if bare and bare != own else title  # else it is a word of the title


def _article(page: LexborNode | None) -> LexborNode | None:
    """What a page is about, without menus and without its title, which is told apart."""
    if page is None:
        return None
    for around in page.css("nav, header, footer, aside, form, h1"):
        around.decompose()
    return page.css_first("article") or page.css_first("main") or page


def _of_text(text: str) -> Message:
    found = _Written()
    front = _FRONT.match(text)
    if front:
        for line in front[1].splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() == "title":
                found.title = value.strip().strip("\"'")
        text = text[front.end() :]
    lines = text.strip().splitlines()
    heading = _HEADING.fullmatch(lines[0].strip()) if lines else None
    if not found.title and heading:
        found.title, lines = heading[1], lines[1:]
    elif not found.title and len(lines) > 1 and not lines[1].strip():
        found.title, lines = lines[0].strip(), lines[1:]  # a line that stands alone
    while lines and not lines[-1].strip():
        lines.pop()
    if lines and _ADDRESS.fullmatch(lines[-1].strip()):
        found.link = lines.pop().strip()
    found.text = "\n".join(lines).strip()
    if not (found.title or found.text or found.link):
        raise UnreadableError("it is empty")
    return _message(found)


def _message(written: _Written, at: datetime | None = None) -> Message:
    return Message(
        external_id="try",
        title=written.title,
        text=written.text,
        link=written.link,
        image=written.image,
        topic=written.topic,
        language=written.language,
        published_at=at,
    )
