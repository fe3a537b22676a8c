"""A document's bytes → a Feed.  Runs in the child: feedparser and selectolax cost the daemon nothing.

Nothing here trusts the document: every field is capped, and feedparser gets the bytes in a
BytesIO (it would open a file of the name that a body spells).
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any
from xml.sax import SAXException

import feedparser

from . import text
from .dates import when
from .entries import Found, identify, mark
from .hints import wishes_of
from .jsonfeed import items_of
from .links import web_address
from .pictures import pick
from .wire import Answer, Document, Entry, Feed, Refusal

ENTRIES = 500  # handed over; of the rest only the keys
OLDER = 5_000
CATEGORIES = 30
LONGEST_CATEGORY = 100
LONGEST_TEXT = 20_000  # of which the identity is made
_ENTITY = re.compile(rb"<!\s*ENTITY", re.IGNORECASE)
_ROOT_END = re.compile(rb"</\s*(?:\w+:)?(?:rss|feed|rdf)\s*>", re.IGNORECASE)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_].*)?")
_FEED_LINK = re.compile(r"application/(?:rss|atom|feed)\+(?:xml|json)", re.IGNORECASE)

# One entry as feedparser gives it; jsonfeed.py imitates it.
Item = dict[str, Any]


def parse(document: Document) -> Answer:
    """Read one document.  May raise, loop or eat memory: the caller is a child with limits."""
    body = document.body
    # Without the zero bytes of UTF-16 and UTF-32, which would hide it.
    if _ENTITY.search(body.replace(b"\0", b"")):
        return Refusal("entities")
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        page = items_of(body)
        if page is None:
            return Refusal("not_a_feed", "JSON, but no JSON Feed")
        return _feed(document, page, whole=True, cut=False)
    headers = {"content-type": _media_type(document), "content-location": document.url}
    page = feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    wide = b"\0" in body[:200]
    whole = wide or bool(_ROOT_END.search(body[-4_000:]))
    cut = not whole and max(body.rfind(b"<item"), body.rfind(b"<entry")) > max(
        body.rfind(b"</item"), body.rfind(b"</entry")
    )
    if cut and len(page.entries) == 1:
        return Refusal("truncated")
    if not page.entries:
        if not page.get("version"):
            return Refusal("not_a_feed", _hint(document))
        if page.bozo and isinstance(page.get("bozo_exception"), SAXException):
            return Refusal("broken" if whole else "truncated")
    return _feed(document, page, whole=whole, cut=cut)


def _media_type(document: Document) -> str:
    """Return the media type with the charset that the bytes themselves show."""
    # Servers and declarations often say Latin-1; Latin-1 text is hardly ever valid UTF-8.
    if not document.body.isascii():
        try:
            document.body.decode()
        except UnicodeDecodeError:
            return document.content_type
        return "application/xml; charset=utf-8"
    return document.content_type


def _hint(document: Document) -> str:
    """Return what a web page says about its feed."""
    root = text.tree(document.body[: text.LONGEST_HTML].decode("utf-8", "replace"))
    page = root.parser if root is not None else None
    for node in page.css("link") if page is not None else ():
        if _FEED_LINK.fullmatch(node.attributes.get("type") or ""):
            address = web_address(node.attributes.get("href"), document.url)
            if address:
                return f"a web page, whose feed is {address}"
    return ""


def _feed(document: Document, page: Mapping[str, Any], *, whole: bool, cut: bool) -> Feed:
    items: list[Item] = list(page["entries"])
    if cut and items:
        items.pop()  # half of it is missing, and perhaps what identifies it
    about: Mapping[str, Any] = page["feed"]
    dated = [(_date(item), item) for item in items if not _empty(item)]
    dated.reverse()  # feeds have the newest on top
    if all(date is not None for date, _ in dated):
        dated.sort(key=lambda pair: pair[0] or 0)
    older = [_key(item) for _, item in dated[:-ENTRIES]][-OLDER:]
    dated = dated[-ENTRIES:]
    texts = [_texts(item, document) for _, item in dated]
    found = [
        Found(
            guid=_line(item.get("id")),
            link=_link(item, document.url),
            title=heading,
            text=body[:LONGEST_TEXT],
            date=str(date if date is not None else _line(item.get("published"))[:100]),
        )
        for (date, item), (heading, body, _) in zip(dated, texts, strict=True)
    ]
    home = web_address(about.get("link"), document.url)
    entries = []
    for one, identity, (date, item), (heading, body, image) in zip(
        found, identify(found, home), dated, texts, strict=True
    ):
        if identity is not None:
            entries.append(
                Entry(
                    key=identity.key,
                    key_mark=identity.key_mark,
                    path_mark=identity.path_mark,
                    digest=identity.digest,
                    marks=identity.marks,
                    traits=identity.traits,
                    title=heading
                    or text.teaser(body, 80)
                    or text.title(_line(about.get("title")))
                    or one.link,
                    text=text.teaser(body, document.teaser),
                    link=one.link,
                    image=image,
                    published=date,
                    categories=_categories(item),
                )
            )
    return Feed(
        entries,
        older=[mark("key", one) for one in older if one],
        language=_language(about),
        whole=whole,
        cut=cut,
        title=text.title(_line(about.get("title"))),
        wishes=wishes_of(document.body, about, document.url),
    )


def _line(value: object) -> str:
    return text.one_line(value[:4_000]) if isinstance(value, str) else ""


def _empty(item: Item) -> bool:
    return not (
        item.get("id")
        or item.get("title")
        or item.get("summary")
        or item.get("content")
        or item.get("link")
    )


def _key(item: Item) -> str:
    return _line(item.get("id")) or _line(item.get("link"))


def _date(item: Item) -> int | None:
    for name in ("published", "updated"):
        # Past feedparser's own get, which takes one name for the other, and warns.
        raw = dict.get(item, name)
        if isinstance(raw, str) and raw:
            moment = when(raw, dict.get(item, f"{name}_parsed"))
            if moment is not None:
                return moment
    return None


def _texts(item: Item, document: Document) -> tuple[str, str, str | None]:
    """Return title, whole text and picture."""
    contents = [one for one in item.get("content") or () if isinstance(one.get("value"), str)]
    base = next((one["base"] for one in contents if one.get("base")), "")
    base = web_address(base, document.url) or _link(item, document.url) or document.url
    summary = item.get("summary")
    trees = [
        text.tree(one)
        for one in (summary, *(one["value"] for one in contents[:2]))
        if isinstance(one, str)
    ]
    body = next(filter(None, (text.without_tail(text.plain(root)) for root in trees)), "")
    raw = item.get("title")
    heading = text.title(raw) if isinstance(raw, str) else ""
    # The full text first: a summary often holds a smaller copy, or only counters.
    return heading, body, pick(item, [*trees[1:], *trees[:1]], base)


def _link(item: Item, base: str) -> str:
    original = web_address(item.get("feedburner_origlink"), base)
    return original or web_address(item.get("link"), base)


def _categories(item: Item) -> list[str]:
    names: list[str] = []
    for tag in (item.get("tags") or ())[:CATEGORIES]:
        for name in (tag.get("term"), tag.get("label")):
            if isinstance(name, str) and name.strip():
                names.append(text.title(name)[:LONGEST_CATEGORY])
    return list(dict.fromkeys(names))


def _language(about: Mapping[str, Any]) -> str | None:
    value = about.get("language")
    found = _LANGUAGE.fullmatch(value.strip()[:40]) if isinstance(value, str) else None
    return found[1].lower() if found else None
