"""Where a link leads, as a phone follows it, and whether it may."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

import idna

from gateway.api import Drop

_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f.]*:[0-9a-f:.]+")
_HIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")  # some programs leave them out, or read \ as /
_IN_TEXT = re.compile(r"https?://[^\s<>\"'»«“”„]+", re.IGNORECASE)
_BARE = re.compile(r"(?<![^\W_])(?<![@/.-])(?:(?:[^\W_]|-){1,63}\.)+[^\W\d_]{2,63}(?![^\W_]|[@-])")


class Hosts:
    """The hosts that links may and may not lead to."""

    def __init__(self, allowed: Iterable[str], blocked: Iterable[str]) -> None:
        self._allowed = tuple(filter(None, map(plain_host, allowed)))
        self._blocked = tuple(filter(None, map(plain_host, blocked)))

    def link(self, link: str) -> Drop | None:
        """Judge a message's own link."""
        try:
            parts = urlsplit(link)
            name, user = parts.hostname, parts.username
            host = plain_host(name or "")
        except ValueError:
            return Drop("bad_link", "the link cannot be read")
        if parts.scheme not in ("http", "https") or not name:
            return Drop("bad_link", "the link does not begin with https://")
        if host is None or _HIDDEN.search(link):
            return Drop("bad_link", "phones may read the link in another way than it looks")
        refused = self.host(host)
        if refused is None and user is not None:
            return Drop("bad_link", f"the link looks as if it led elsewhere than to {host}")
        return refused

    def in_text(self, text: str) -> Drop | None:
        """Judge every address in a text: a phone makes a link of it, also without https://.

        "z.B." and "Haus.Garten" look like one too, so they only must not be among the blocked.
        """
        if not (self._allowed or self._blocked):
            return None
        for link in _IN_TEXT.findall(text):
            try:
                host = plain_host(urlsplit(link.rstrip(".,;:!?)]}…*_~")).hostname or "")
            except ValueError:
                host = None
            if host is None:
                return Drop("bad_link", "a link in the text cannot be read")
            refused = self.host(host)
            if refused is not None:
                return refused
        for bare in _BARE.findall(text):
            host = plain_host(bare)
            if host is not None and (host.startswith("www.") or _below(host, self._blocked)):
                refused = self.host(host)
                if refused is not None:
                    return refused
        return None

    def host(self, host: str) -> Drop | None:
        """Judge a host, given as `plain_host` returns it."""
        if _below(host, self._blocked):
            return Drop("blocked_link", f"links to {host} are blocked")
        if self._allowed and not _below(host, self._allowed):
            return Drop("blocked_link", f"links to {host} are not among the allowed hosts")
        return None


def plain_host(host: str) -> str | None:
    """Return a host as the network knows it: lower case, IDNs in ASCII; None if it is none."""
    host = host.lower().rstrip(".")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii").rstrip(".")
        except idna.IDNAError:
            return None
    return host if _HOST.fullmatch(host) else None


def _below(host: str, hosts: Iterable[str]) -> bool:
    return any(host == known or host.endswith(f".{known}") for known in hosts)
