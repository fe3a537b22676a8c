"""What the beginning of a web page says about itself, read in time that grows with its length.

html.parser needs 38 s for 64 KB of "<a <a <a …": no page may stall the gateway that long.  So tags
are found by RE2, which is enough for a head: a title, meta elements, password fields.
"""

from __future__ import annotations

import html
import re
from itertools import islice
from typing import Any

import msgspec
import re2

LOOKED_AT = 64 << 10
"""Bytes from the start."""

PIECES, ATTRIBUTES = 300, 20
"""Elements of a page and attributes of one that are looked at."""

_CHARSET = re.compile(r"charset=[\"']?([\w.:-]{1,40})", re.IGNORECASE)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.dot_nl = True
    options.log_errors = False
    return re2.compile(pattern, options)


_PIECES = _compiled(
    r"<!--.*?-->|<script\b[^>]*>.*?</script|<style\b[^>]*>.*?</style"
    r"|<title\b[^>]*>([^<]*)|<(meta|input|link)\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>"
)
_ATTRIBUTES = _compiled(r"([a-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")


class Head(msgspec.Struct, kw_only=True):
    """What was found.  `refresh` is the address that a meta element moves on to.

    Open Graph protocol: `shared_title` is og:title, `site` is og:site_name.
    """

    title: str = ""
    shared_title: str = ""
    site: str = ""
    description: str = ""
    image: str = ""
    viewport: bool = False
    password: bool = False
    refresh: str = ""


def head_of(body: bytes, content_type: str = "") -> Head:
    """Read the beginning of a page."""
    text = _decoded(body[:LOOKED_AT], content_type)
    found = Head()
    for piece in islice(_PIECES.finditer(text), PIECES):
        title, tag, rest = piece.group(1), piece.group(2), piece.group(3)
        if title is not None:
            found.title = found.title or " ".join(html.unescape(title).split())[:300]
        elif tag is not None:
            _take(found, tag.lower(), _attributes(rest))
    return found


def _attributes(text: str) -> dict[str, str]:
    some = islice(_ATTRIBUTES.finditer(text[:4_000]), ATTRIBUTES)
    pairs = (found.groups() for found in some)
    return {
        name.lower(): html.unescape(one or two or three or "") for name, one, two, three in pairs
    }


def _take(found: Head, tag: str, attributes: dict[str, str]) -> None:
    if tag == "input":
        found.password = found.password or attributes.get("type", "").lower() == "password"
        return
    name = (attributes.get("name") or attributes.get("property") or "").lower()
    content = " ".join(attributes.get("content", "").split())[:2_000]
    if name == "viewport":
        found.viewport = True
    elif name in ("description", "og:description"):
        found.description = found.description or content
    elif name == "og:title":
        found.shared_title = found.shared_title or content[:300]
    elif name == "og:site_name":
        found.site = found.site or content[:300]
    elif name == "og:image":
        found.image = found.image or content
    elif attributes.get("http-equiv", "").lower() == "refresh":
        found.refresh = content.partition("=")[2].strip("\"' ") if "=" in content else ""


def _decoded(body: bytes, content_type: str) -> str:
    said = _CHARSET.search(content_type) or _CHARSET.search(body[:2_048].decode("latin-1"))
    try:
        return body.decode(said[1] if said else "utf-8", "replace")
    except (LookupError, ValueError):  # no such encoding, or one that is no text
        return body.decode("utf-8", "replace")
