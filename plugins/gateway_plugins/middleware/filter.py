"""Content rules, once per message: words, addresses, and what WhatsApp takes.

A drop is final, a hold waits for a person, who may release it (`gateway message approve`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar
from urllib.parse import urlsplit

from gateway.api import (
    Drop,
    Hold,
    Message,
    Middleware,
    PluginConfig,
    Template,
    Text,
    hookimpl,
    says,
)

TEMPLATE_LIMIT = 1024  # Meta: the whole body of a template, values included
PARAMETER_LIMIT = 1024


class FilterConfig(PluginConfig):
    """`[middleware.filter]`."""

    blocked_words: tuple[str, ...] = ()
    """A message with one of these is dropped; whole words, whatever the case."""
    held_words: tuple[str, ...] = ()
    """A message with one of these waits for a person."""
    required_words: tuple[str, ...] = ()
    """A message without any of these is dropped."""
    allowed_hosts: tuple[str, ...] = ()
    """If given, links have to lead there (or below: `blog.example` covers `www.blog.example`)."""
    blocked_hosts: tuple[str, ...] = ()
    """Links must not lead there."""
    require_link: bool = False
    """A message without a link is dropped."""


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

    async def screen(self, message: Message) -> Message | Drop | Hold:
        """Return the message, or why it does not go."""
        return self._words(message) or self._link(message) or self._size(message) or message

    def _words(self, message: Message) -> Drop | Hold | None:
        text = f"{message.title}\n{message.text}"
        for word in self.config.blocked_words:
            if says(text, [word]):
                return Drop("blocked_word", f"the message contains the blocked word {word!r}")
        required = self.config.required_words
        if required and not says(text, required):
            return Drop("required_word", f"the message contains none of: {', '.join(required)}")
        if not text.strip() and not message.link and not message.image:
            return Drop("empty", "the message has no title, no text and no link")
        for word in self.config.held_words:
            if says(text, [word]):
                return Hold(
                    "held_word", f"the message contains {word!r}; release it if that is meant"
                )
        return None

    def _link(self, message: Message) -> Drop | None:
        if not message.link:
            if self.config.require_link:
                return Drop("no_link", "the message has no link, and the settings require one")
            return None
        try:
            parts = urlsplit(message.link)
            host = (parts.hostname or "").rstrip(".")
        except ValueError:
            return Drop("bad_link", "the link cannot be read")
        if parts.scheme not in ("http", "https") or not host:
            return Drop("bad_link", "the link does not begin with https://")
        if _below(host, self.config.blocked_hosts):
            return Drop("blocked_link", f"links to {host} are blocked")
        if self.config.allowed_hosts and not _below(host, self.config.allowed_hosts):
            return Drop("blocked_link", f"links to {host} are not among the allowed hosts")
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


def _below(host: str, hosts: Iterable[str]) -> bool:
    return any(host == known or host.endswith(f".{known}") for known in map(str.lower, hosts))


@hookimpl
def register() -> list[type[Filter]]:
    """Hand over the class."""
    return [Filter]
