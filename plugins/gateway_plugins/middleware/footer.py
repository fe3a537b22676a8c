"""A way out in every message.

In free text a line is appended, counted against WhatsApp's limits, never twice.  To a template
nothing can be appended: its footer is fixed when Meta approves it (at most 60 characters, no
variables).  So a template has to bring the way out itself: a footer that names a stop word, a
quick reply that withdraws when it is tapped, or a one-line named parameter that is filled here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import ClassVar

from gateway.api import (
    ConfigError,
    Context,
    Delivery,
    Hold,
    Message,
    Middleware,
    PluginConfig,
    Template,
    Text,
    hookimpl,
    says,
)

FOOTER_LIMIT = 60  # Meta, "Template components": footer at most 60 characters
TEMPLATE_LIMIT = 1024  # … and the body, values included
NEEDS_NONE = ("service", "confirmation")


class FooterConfig(PluginConfig):
    """`[middleware.footer]`."""

    text: str = "Abmelden: antworte STOP"
    """The opt-out line; has to name a stop word."""
    texts: dict[str, str] = {}
    """By language, such as `{ en = "Unsubscribe: reply STOP" }`; `en` also covers `en-GB`."""
    parameter: str = "opt_out"
    """Name of the template parameter that takes the line."""

    def __post_init__(self) -> None:
        for text in (self.text, *self.texts.values()):
            if not text.strip() or "\n" in text or len(text) > FOOTER_LIMIT:
                raise ValueError(
                    f"the opt-out line has to be one line of 1 to {FOOTER_LIMIT} characters"
                )


class Footer(Middleware):
    """Appends the opt-out line, or makes sure that the template has its own."""

    name = "footer"
    config: FooterConfig
    codes: ClassVar[frozenset[str]] = frozenset({"no_way_out", "no_room"})

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Learn the words that withdraw.  Raises ConfigError for a line that names none."""
        self._stop_words = context.stop_words
        for text in (self.config.text, *self.config.texts.values()):
            if not says(text, self._stop_words):
                raise ConfigError(
                    f'[middleware.{self.label}]: the opt-out line "{text}" names no stop word, so'
                    ' nobody can follow it; write one such as "Abmelden: antworte STOP"'
                )
        yield

    async def screen(self, message: Message) -> Message | Hold:
        """Hold a message whose template lets nobody out."""
        if message.kind in NEEDS_NONE:
            return message
        template = message.form("template")
        if isinstance(template, Template) and not self._lets_out(template):
            return Hold("no_way_out", self._sentence(template))
        if message.form("text") is None:
            return message
        line = self._line(message.language or "")
        return message.replace(notes=(*message.notes, f"free text ends with “{line}”"))

    async def process(self, delivery: Delivery) -> Delivery | Hold:
        """Put the line into this delivery."""
        if delivery.message.kind in NEEDS_NONE:
            return delivery
        content = delivery.content
        line = self._line(delivery.message.language or "")
        if isinstance(content, Text):
            return self._append(delivery, content, line)
        if self.config.parameter in content.parameters:
            filled = content.replace(parameters={**content.parameters, self.config.parameter: line})
            if len(filled.rendered) > TEMPLATE_LIMIT:
                return _no_room(len(filled.rendered), TEMPLATE_LIMIT)
            return delivery.replace(content=filled)
        if not self._lets_out(content):
            return Hold("no_way_out", self._sentence(content))
        return delivery

    def _line(self, language: str) -> str:
        """The line in a language: `en-GB`, then `en`, then the one for all."""
        texts = {_tag(name): text for name, text in self.config.texts.items()}
        tag = _tag(language)
        return texts.get(tag) or texts.get(tag.partition("-")[0]) or self.config.text

    def _append(self, delivery: Delivery, content: Text, line: str) -> Delivery | Hold:
        body = content.body
        if body.rstrip().rpartition("\n")[2].strip() != line:
            body = f"{body}\n\n{line}" if body else line
        if len(body) > content.limit:
            return _no_room(len(body), content.limit)
        return delivery.replace(content=content.replace(body=body, footer=line))

    def _lets_out(self, template: Template) -> bool:
        return (
            self.config.parameter in template.parameters
            or _tells(template.footer, self._stop_words)
            or any(
                button.kind == "quick_reply" and says(button.payload, self._stop_words, whole=True)
                for button in template.buttons
            )
        )

    def _sentence(self, template: Template) -> str:
        return (
            f'template "{template.name}" ({template.language}) lets nobody out: give it a footer'
            f' such as "{self.config.text}", a quick reply "Abmelden", or the parameter'
            f" {{{{{self.config.parameter}}}}}, and have it approved again"
        )


@lru_cache(maxsize=256)
def _tells(footer: str, stop_words: frozenset[str]) -> bool:
    """Whether a template's footer names a word that lets out; the same for all its deliveries."""
    return says(footer, stop_words)


def _no_room(length: int, limit: int) -> Hold:
    return Hold(
        "no_room",
        f"with the opt-out line the text has {length} characters, {limit} are allowed; shorten it",
    )


def _tag(language: str) -> str:
    return language.lower().replace("_", "-")


@hookimpl
def register() -> list[type[Footer]]:
    """Hand over the class."""
    return [Footer]
