"""JSON Feed (versions 1 and 1.1) in the shape that feedparser gives to the others.

    {"version": "https://jsonfeed.org/version/1.1", "title": …, "language": "de", "items": [
      {"id": "…", "url": "…", "external_url": "…", "title": "…", "content_html": "…",
       "content_text": "…", "summary": "…", "image": "…", "date_published": "2026-11-21T10:00:00Z",
       "tags": ["…"]}]}

`url` is the post; `external_url`, what a link blog points at, is no address of the post.
"""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any

import msgspec

_FEED = "https://jsonfeed.org/version/"


def items_of(body: bytes) -> dict[str, Any] | None:
    """Return the document like feedparser's result, None if it is no JSON Feed."""
    try:
        document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        return None
    if not str(document.get("version", "")).replace("http://", "https://").startswith(_FEED):
        return None
    about = {
        "title": document.get("title"),
        "link": document.get("home_page_url"),
        "language": document.get("language"),
    }
    return {
        "feed": about,
        "entries": [_item(one) for one in document["items"] if isinstance(one, dict)],
    }


def _item(one: dict[str, Any]) -> dict[str, Any]:
    markup, words = one.get("content_html"), one.get("content_text")
    if not isinstance(markup, str):
        markup = _markup(words)
    number = one.get("id")  # a number by mistake in real feeds
    item: dict[str, Any] = {
        "id": str(number) if isinstance(number, str | int | float) else "",
        "link": one.get("url") or one.get("external_url"),
        # These are text, not markup: what looks like a tag is none.
        "title": html.escape(one["title"]) if isinstance(one.get("title"), str) else "",
        "summary": _markup(one.get("summary")),
        "content": [{"value": markup, "base": one.get("url")}],
        "image": {"href": one.get("image") or one.get("banner_image")},
        "links": [
            {"rel": "enclosure", "href": each.get("url"), "type": each.get("mime_type")}
            for each in one.get("attachments") or ()
            if isinstance(each, dict)
        ],
        "tags": [{"term": tag} for tag in one.get("tags") or () if isinstance(tag, str)],
    }
    for name, key in (("published", "date_published"), ("updated", "date_modified")):
        item[name], item[f"{name}_parsed"] = one.get(key), _moment(one.get(key))
    return item


def _markup(words: object) -> str:
    return f"<p>{html.escape(words)}</p>" if isinstance(words, str) else ""


def _moment(value: object) -> object:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.utctimetuple() if moment is not None else None
    except (ValueError, OverflowError):
        return None
