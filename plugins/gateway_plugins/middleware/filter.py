"""Content rules, once per message: words, addresses, and what WhatsApp takes.

A drop is final, a hold waits for a person, who may release it (`gateway message approve`).
Drops come first: what a person releases passes this middleware without another look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar
from urllib.parse import urlsplit

import idna

from gateway.api import (
    Drop,
    Hold,
    Message,
    Middleware,
    PluginConfig,
    Template,
    Text,
    hookimpl,
    said,
    says,
)

TEMPLATE_LIMIT = 1024  # Meta: the whole body of a template, values included
PARAMETER_LIMIT = 1024

_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f.]*:[0-9a-f:.]+")
_HIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")  # some programs leave them out, or read \ as /
_IN_TEXT = re.compile(r"https?://[^\s<>\"'»«“”„]+", re.IGNORECASE)


class FilterConfig(PluginConfig):
    """`[middleware.filter]`."""

    blocked_words: tuple[str, ...] = ()
    """A message with one of these is dropped; whole words, whatever the case."""
    held_words: tuple[str, ...] = ()
    """A message with one of these waits for a person."""
    required_words: tuple[str, ...] = ()
    """Marketing without any of these is dropped."""
    allowed_hosts: tuple[str, ...] = ()
    """If given, links have to lead there (or below: `blog.example` covers `www.blog.example`)."""
    blocked_hosts: tuple[str, ...] = ()
    """Links must not lead there, nor below."""
    require_link: bool = False
    """Marketing without a link is dropped."""

    def __post_init__(self) -> None:
        for word in (*self.blocked_words, *self.held_words, *self.required_words):
            if not said(word):
                raise ValueError(f"no message can contain the word {word!r}: it has no letters")
        for host in (*self.allowed_hosts, *self.blocked_hosts):
            if _plain(host) is None:
                raise ValueError(f'{host!r} is no host; write it without https://: "blog.example"')


class Filter(Middleware):
    """Looks at what a message says."""

    name = "filter"
    config: FilterConfig
    codes: ClassVar[frozenset[str]] = frozenset(
        {
            "blocked_word", "held_word", "required_word", "blocked_link", "no_link", "bad_link",
            "empty", "too_long",
        }
    )  # fmt: skip
    approvable: ClassVar[frozenset[str]] = frozenset({"held_word"})

    def __init__(self, config: FilterConfig, label: str) -> None:
        super().__init__(config, label)
        self._allowed = _hosts(config.allowed_hosts)
        self._blocked = _hosts(config.blocked_hosts)

    async def screen(self, message: Message) -> Message | Drop | Hold:
        """Return the message, or why it does not go."""
        return (
            self._words(message)
            or self._link(message)
            or self._links_in_text(message)
            or self._size(message)
            or self._held(message)
            or message
        )

    def _words(self, message: Message) -> Drop | None:
        text = f"{message.title}\n{message.text}"
        for word in self.config.blocked_words:
            if says(text, [word]):
                return Drop("blocked_word", f"the message contains the blocked word {word!r}")
        required = self.config.required_words
        if required and message.kind == "marketing" and not says(text, required):
            return Drop("required_word", f"the message contains none of: {', '.join(required)}")
        if not text.strip() and not message.link and not message.image:
            return Drop("empty", "the message has no title, no text and no link")
        return None

    def _link(self, message: Message) -> Drop | None:
        link = message.link.strip()
        if not link:
            if self.config.require_link and message.kind == "marketing":
                return Drop("no_link", "the message has no link, and the settings require one")
            return None
        try:
            parts = urlsplit(link)
            name, user = parts.hostname, parts.username
            host = _plain(name or "")
        except ValueError:
            return Drop("bad_link", "the link cannot be read")
        if parts.scheme not in ("http", "https") or not name:
            return Drop("bad_link", "the link does not begin with https://")
        if host is None or _HIDDEN.search(link):
            return Drop("bad_link", "phones may read the link in another way than it looks")
        refused = self._host(host)
        if refused is None and user is not None:
            return Drop("bad_link", f"the link looks as if it led elsewhere than to {host}")
        return refused

    def _links_in_text(self, message: Message) -> Drop | None:
        if not (self._allowed or self._blocked):
            return None
        for link in _IN_TEXT.findall(f"{message.title}\n{message.text}"):
            try:
                host = _plain(urlsplit(link.rstrip(".,;:!?)]}…*_~")).hostname or "")
            except ValueError:
                host = None
            if host is None:
                return Drop("bad_link", "a link in the text cannot be read")
            refused = self._host(host)
            if refused is not None:
                return refused
        return None

    def _host(self, host: str) -> Drop | None:
        if _below(host, self._blocked):
            return Drop("blocked_link", f"links to {host} are blocked")
        if self._allowed and not _below(host, self._allowed):
            return Drop("blocked_link", f"links to {host} are not among the allowed hosts")
        return None

    def _held(self, message: Message) -> Hold | None:
        text = f"{message.title}\n{message.text}"
        for word in self.config.held_words:
            if says(text, [word]):
                return Hold(
                    "held_word", f"the message contains {word!r}; release it if that is meant"
                )
        return None

    def _size(self, message: Message) -> Drop | None:
        for form in message.forms:
            limit = form.limit if isinstance(form, Text) else TEMPLATE_LIMIT
            if len(form.rendered) > limit:
                return Drop(
                    "too_long",
                    f"as {form.form} the message has {len(form.rendered)} characters, WhatsApp"
                    f" takes {limit}",
                )
            if isinstance(form, Template):
                for name, value in form.parameters.items():
                    if len(value) > PARAMETER_LIMIT:
                        return Drop("too_long", f"the template parameter {name} is too long")
        return None


def _plain(host: str) -> str | None:
    """Return a host as the network knows it: lower case, IDNs in ASCII; None if it is none."""
    host = host.lower().rstrip(".")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii").rstrip(".")
        except idna.IDNAError:
            return None
    return host if _HOST.fullmatch(host) else None


def _hosts(hosts: Iterable[str]) -> tuple[str, ...]:
    return tuple(filter(None, map(_plain, hosts)))


def _below(host: str, hosts: Iterable[str]) -> bool:
    return any(host == known or host.endswith(f".{known}") for known in hosts)


@hookimpl
def register() -> list[type[Filter]]:
    """Hand over the class."""
    return [Filter]
