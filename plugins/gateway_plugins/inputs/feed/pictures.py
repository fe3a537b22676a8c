"""Which picture of an entry to show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from selectolax.lexbor import LexborNode

from .links import web_address

SMALLEST = 64  # pixels; below are icons, avatars and counters
_SRCSET = re.compile(r"\s*(\S{1,2000}?)\s+(\d{1,6}(?:\.\d{1,3})?)[wx]\s*(?:,|$)")
_TYPES = re.compile(r"image/(?!svg|gif|x-icon|vnd\.microsoft)", re.IGNORECASE)
# No messenger shows these as a picture, and GIFs in posts are mostly counters.
_UNFIT = re.compile(r"\.(?:svgz?|gif|ico)$", re.IGNORECASE)
_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|avif)$", re.IGNORECASE)
_COUNTERS = re.compile(
    r"(?:^|\.)(?:vgwort\.de|ivwbox\.de|ioam\.de|doubleclick\.net|feedburner\.com|pixel\.wp\.com|"
    r"stats\.wp\.com|stats\.wordpress\.com|google-analytics\.com|cpx\.golem\.de|gravatar\.com|"
    r"feedsportal\.com|scorecardresearch\.com|pheedo\.com|s\.w\.org)$"
)
_COUNTER_PATHS = re.compile(
    r"/(?:_/stat|pixel|count(?:er)?|track(?:er|ing)?|beacon|emoji|smil(?:ies|eys))\b|[/_-]1x1\b|b\.gif",
    re.IGNORECASE,
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?<![\w-])(?:width|height)\s*:\s*[01](?:px)?\s*(?:;|$)"
)


def pick(entry: Mapping[str, object], trees: Iterable[LexborNode | None], base: str) -> str | None:
    """Return the address of the entry's picture.

    media:content, then an enclosure, itunes:image, media:thumbnail, then the first fit <img>.
    `entry` is feedparser's, `trees` its parsed HTML.
    """
    for candidate in _candidates(entry):
        address = web_address(candidate, base)
        if address and _fit(address):
            return address
    for root in trees:
        for node in root.css("img") if root is not None else ():
            address = _from_tag(node, base)
            if address:
                return address
    return None


def _candidates(entry: Mapping[str, object]) -> Iterator[object]:
    media = [one for one in _mappings(entry.get("media_content")) if _is_picture(one, "url")]
    yield from (one.get("url") for one in sorted(media, key=_size, reverse=True))
    for one in _mappings(entry.get("links")):
        if one.get("rel") == "enclosure" and _is_picture(one, "href"):
            yield one.get("href")
    yield from (one.get("href") for one in _mappings([entry.get("image")]))
    thumbnails = sorted(_mappings(entry.get("media_thumbnail")), key=_size, reverse=True)
    yield from (one.get("url") for one in thumbnails if not _tiny(one))


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _is_picture(media: Mapping[str, object], key: str) -> bool:
    if _tiny(media):
        return False
    kind = media.get("type")
    if isinstance(kind, str) and kind:
        return bool(_TYPES.match(kind))
    address = media.get(key)
    path = address.split("?")[0] if isinstance(address, str) else ""
    return media.get("medium") == "image" or bool(_PICTURE.search(path))


def _number(value: object) -> int | None:
    found = re.match(r"\s*(\d{1,6})", value) if isinstance(value, str) else None
    return int(found[1]) if found else None


def _size(media: Mapping[str, object]) -> int:
    return (_number(media.get("width")) or 0) * (_number(media.get("height")) or 1)


def _tiny(media: Mapping[str, object]) -> bool:
    sizes = [_number(media.get("width")), _number(media.get("height"))]
    return any(size is not None and size < SMALLEST for size in sizes)


def _fit(address: str) -> bool:
    parts = urlsplit(address)
    return not (
        _UNFIT.search(parts.path)
        or _COUNTERS.search(parts.hostname or "")
        or _COUNTER_PATHS.search(parts.path)
    )


def _from_tag(node: LexborNode, base: str) -> str:
    attributes = node.attributes
    if _tiny(attributes) or _HIDDEN.search(attributes.get("style") or ""):
        return ""
    sources: list[object] = []
    for name in ("srcset", "data-srcset", "data-lazy-srcset"):
        found = _SRCSET.findall((attributes.get(name) or "")[:10_000])
        sources += [source for source, _ in sorted(found, key=lambda one: -float(one[1]))]
    # The real address of a picture that a script loads later comes before its placeholder.
    sources += [
        attributes.get(name) for name in ("data-src", "data-lazy-src", "data-original", "src")
    ]
    for source in sources:
        address = web_address(source, base)
        if address:
            return address if _fit(address) else ""
    return ""
