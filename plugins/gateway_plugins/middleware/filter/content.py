"""Content rules, once per message: what it says, what it gives away, where it leads.

A drop is final, a hold waits for a person, who may release it (`gateway message approve`): each
kind of hold by itself, so that nobody releases what was not shown.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

import trio

from gateway.api import (
    ConfigError,
    Context,
    Drop,
    Hold,
    Message,
    Middleware,
    Template,
    Text,
    says,
)
from gateway_plugins.middleware.filter import private, target
from gateway_plugins.middleware.filter.links import Hosts
from gateway_plugins.middleware.filter.patterns import Pattern, fold
from gateway_plugins.middleware.filter.reading import read
from gateway_plugins.middleware.filter.score import Score, score
from gateway_plugins.middleware.filter.settings import FilterConfig, PatternRule

TEMPLATE_LIMIT = 1024  # Meta: the whole body of a template, values included
PARAMETER_LIMIT = 1024
PATIENCE = timedelta(hours=1)
"""How long a link or picture that cannot be reached is tried again."""

SOON, LATER = timedelta(minutes=1), timedelta(minutes=10)
HELD = frozenset({"held_word", "held_pattern", "personal_data", "advertising"}) | target.CODES


class Filter(Middleware):
    """Looks at what a message says."""

    name = "filter"
    config: FilterConfig
    codes: ClassVar[frozenset[str]] = HELD | {
        "blocked_word", "blocked_pattern", "required_word", "blocked_link", "no_link", "bad_link",
        "empty", "too_long",
    }  # fmt: skip
    approvable: ClassVar[frozenset[str]] = HELD
    timeout: ClassVar[float] = target.DEADLINE + 5

    def __init__(self, config: FilterConfig, label: str) -> None:
        super().__init__(config, label)
        self._hosts = Hosts(config.allowed_hosts, config.blocked_hosts)
        self._blocked = _compiled(config.blocked_patterns)
        self._to_hold = _compiled(config.held_patterns)
        self._own = private.Own(config.own_details)
        self._context: Context | None = None

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Raises ConfigError if a topic that the settings name does not exist."""
        named = [("may_sell", topic) for topic in self.config.may_sell]
        named += [("thresholds", topic) for topic in self.config.thresholds]
        for key, topic in named:
            if topic not in context.topics:
                known = ", ".join(context.topics) or "none"
                raise ConfigError(
                    f"[middleware.{self.label}] {key}: there is no topic {topic!r}; known: {known}"
                )
        if self.config.allowed_hosts:  # the company's own pages stand in what people are asked
            company = context.company
            pages = (company.imprint, company.privacy, context.public_url)
            own = [urlsplit(page).hostname or "" for page in pages]
            self._hosts = Hosts((*self.config.allowed_hosts, *own), self.config.blocked_hosts)
        self._context = context
        yield

    async def screen(self, message: Message) -> Message | Drop | Hold:
        """Return the message with a note, or why it does not go."""
        text = f"{message.title}\n{message.text}"
        dropped = self._words(message, text) or self._link(message, text) or self._size(message)
        if dropped is not None:
            return dropped
        plain = read(text).text
        if (reason := _matches(self._blocked, plain)) is not None:
            return Drop("blocked_pattern", reason)
        found = self.scored(message)
        if self._advertises(message, found) and self.config.advertising == "drop":
            return Drop("advertising", found.sentence(self.threshold(message)))
        for hold in self._holds(message, text, plain, found):
            if hold.code not in message.approved:
                return hold
        trouble = await self._target(message)
        if trouble is not None:
            return trouble
        return message.replace(notes=(*message.notes, self._note(message, found)))

    def scored(self, message: Message) -> Score:
        """Return how much a message reads like plain advertising; an answer never does."""
        if not self.threshold(message) or message.kind in ("service", "confirmation"):
            return Score(())
        may_sell = message.topic in self.config.may_sell
        return score(
            message.title,
            message.text,
            message.link,
            may_sell=may_sell,
            required=self.config.required_words,
        )

    def threshold(self, message: Message) -> int:
        """Return the points from which a message of this topic counts as advertising; 0: never."""
        return self.config.thresholds.get(message.topic or "", self.config.threshold)

    def _advertises(self, message: Message, found: Score) -> bool:
        return found.points >= self.threshold(message) > 0

    def _note(self, message: Message, found: Score) -> str:
        parts = [f"{self.label} passed"]
        if threshold := self.threshold(message):
            parts.append(f"score {found.points} of {threshold}")
        parts += [
            f"{what} looked at"
            for what, there in (
                ("link", self.config.check_link and message.link),
                ("image", self.config.check_image and message.image),
            )
            if there
        ]
        return ", ".join(parts)

    # --- drops ----------------------------------------------------------------------------------
    def _words(self, message: Message, text: str) -> Drop | None:
        for word in self.config.blocked_words:
            if says(text, [word]):
                return Drop("blocked_word", f"the message contains the blocked word {word!r}")
        required = self.config.required_words
        if required and message.kind == "marketing" and not says(text, required):
            return Drop("required_word", f"the message contains none of: {', '.join(required)}")
        if not (text.strip() or message.link or message.image or message.card):
            return Drop("empty", "the message has no title, no text and no link")
        return None

    def _link(self, message: Message, text: str) -> Drop | None:
        link = message.link.strip()
        if not link and self.config.require_link and message.kind == "marketing":
            return Drop("no_link", "the message has no link, and the settings require one")
        return (self._hosts.link(link) if link else None) or self._hosts.in_text(text)

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

    # --- holds ----------------------------------------------------------------------------------
    def _holds(self, message: Message, text: str, plain: str, found: Score) -> Iterator[Hold]:
        for word in self.config.held_words:
            if says(text, [word]):
                said = f"the message contains {word!r}; release it if that is meant"
                yield Hold("held_word", said)
        if (reason := _matches(self._to_hold, plain)) is not None:
            yield Hold("held_pattern", f"{reason}; release it if that is meant")
        # A message to one person may name that person's own account; one to many may not.
        if message.to is None and self.config.personal_data:
            data = private.find(plain, self.config.personal_data, self._own)
            if data:
                said = f"{private.sentence(data)}; take it out, or release it"
                yield Hold("personal_data", said)
        if self._advertises(message, found):
            said = found.sentence(self.threshold(message))
            yield Hold("advertising", f"{said}; release it, or rewrite")

    async def _target(self, message: Message) -> Drop | Hold | None:
        """Fetch what the settings want to be looked at, both at once."""
        context = self._context
        if context is None:
            return None
        public = not self.config.check_private
        troubles: list[target.Trouble | Drop | None] = [None, None]

        async def link() -> None:
            troubles[0] = await target.link_trouble(
                context.http, message.link.strip(), self._hosts, public_only=public
            )

        async def image() -> None:
            troubles[1] = await target.image_trouble(
                context.http, message.image or "", public_only=public
            )

        async with trio.open_nursery() as both:
            if self.config.check_link and message.link.strip():
                both.start_soon(link)
            if self.config.check_image and message.image:
                both.start_soon(image)
        for trouble in troubles:
            if isinstance(trouble, Drop):
                return trouble
            if trouble is not None and trouble.code not in message.approved:
                return self._held(message, trouble, context)
        return None

    def _held(self, message: Message, trouble: target.Trouble, context: Context) -> Hold:
        now = context.clock.now()
        waited = now - (message.accepted_at or now)
        if not trouble.passing:
            return Hold(trouble.code, f"{trouble.text}; mend it, or release the message")
        if waited >= PATIENCE:
            return Hold(trouble.code, f"{trouble.text}, for an hour now; look, then release it")
        until = now + min(max(waited, SOON), LATER)
        return Hold(trouble.code, f"{trouble.text}; it is tried again for an hour", until)


def _compiled(rules: tuple[PatternRule, ...]) -> list[tuple[Pattern, str]]:
    return [(Pattern(rule.pattern), rule.reason) for rule in rules]


def _matches(rules: list[tuple[Pattern, str]], plain: str) -> str | None:
    """Return why, with what matched."""
    folded = fold(plain)
    for pattern, reason in rules:
        place = pattern.search(folded)
        if place is not None:
            words = _harmless(" ".join(plain[slice(*place)].split()))
            return f'{reason}: "{words[:39] + "…" if len(words) > 40 else words}"'
    return None


def _harmless(words: str) -> str:
    """What matched may be somebody's account or address, and a reason is kept and logged."""
    words = re.sub(r"\S*@\S*", "…@…", words)
    return re.sub(r"\d", "·", words) if sum(map(str.isdigit, words)) > 4 else words
