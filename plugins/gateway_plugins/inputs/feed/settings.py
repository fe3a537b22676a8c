"""The settings of one feed: `[inputs.NAME]` with `plugin = "rss"`."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from gateway.api import Duration, PluginConfig

from .links import Utm

LANGUAGE = re.compile(r"([A-Za-z]{2,3})([-_].*)?")


class RssConfig(PluginConfig):
    """Settings of `[inputs.NAME]` with `plugin = "rss"`."""

    url: str
    """Address of the feed, http or https."""
    topic: str
    """Whose subscribers get the posts: a name of `[topics.…]`."""
    every: Duration = Duration(900)
    """Shortest time between two looks.  At least 1 s, which is for demos: publishers block the
    impatient.  feed/schedule.py says what makes it longer."""
    hints: bool = True
    """Wait longer, at most a day, where the feed or its server asks for it.  `Retry-After` of an
    overloaded server counts always."""
    private: bool = False
    """The feed's host may lie in a private network, such as a blog on the same machine."""
    only_categories: tuple[str, ...] = ()
    """Only posts with one of these categories, in any case.  Empty: every post."""
    language: str | None = None
    """Language of the posts (`de`).  Default: what the feed says."""
    first: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """How many of the newest posts the very first look hands in.  The others count as known."""
    max_new: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    """Most posts of one look that go on, the newest; the rest waits for a person."""
    teaser_length: Annotated[int, msgspec.Meta(ge=40, le=1000)] = 300
    """Longest text, in characters; cut at a sentence end."""
    image: bool = True
    """Hand in the post's picture."""
    utm: Utm = Utm()
    """`utm_…` for the links; those of the same name are replaced."""
    clean_links: bool = False
    """Take off what others put into the links to track by: `utm_…`, `fbclid`, `wt_mc`, …."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, with a sentence for the operator."""
        if wrong := _wrong_with(self.url):
            raise ValueError(f"url {wrong}")
        if self.every < 1:
            raise ValueError("every must be at least 1s; 15min is a good value")
        if self.language is not None and not LANGUAGE.fullmatch(self.language):
            raise ValueError('language must be a code such as "de"')


def _wrong_with(url: str) -> str:
    """Say what is wrong with an address, never the address: it may hold a password."""
    if any(char.isspace() or not char.isprintable() for char in url):
        return "must not contain blanks or invisible characters; in an address a blank is %20"
    try:
        parts = urlsplit(url)
    except ValueError:  # half an IPv6 address
        return "names a host in brackets that is no IPv6 address, such as https://[::1]/feed"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "must begin with https:// or http:// and name a host"
    if "@" in parts.netloc:
        return "must not contain a user or password (user:password@): no feed is asked with one"
    try:
        port = parts.port
    except ValueError:
        port = 0
    return "must name a port from 1 to 65535, or none" if port == 0 else ""
