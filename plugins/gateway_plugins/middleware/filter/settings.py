"""`[middleware.filter]`: what is dropped, what waits for a person, what may be in a post."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from gateway.api import ConfigError, PluginConfig, said
from gateway_plugins.middleware.filter.links import plain_host
from gateway_plugins.middleware.filter.patterns import Pattern, PatternError
from gateway_plugins.middleware.filter.private import KINDS, Own

MOST_PATTERNS = 100


class PatternRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One pattern, and in a marketer's words why it counts."""

    pattern: str
    reason: str


class FilterConfig(PluginConfig):
    """`[middleware.filter]`."""

    blocked_words: tuple[str, ...] = ()
    """A message with one of these is dropped; whole words, whatever the case."""
    held_words: tuple[str, ...] = ()
    """A message with one of these waits for a person."""
    required_words: tuple[str, ...] = ()
    """Marketing without any of these is dropped."""
    blocked_patterns: tuple[PatternRule, ...] = ()
    """A message that one of these matches is dropped."""
    held_patterns: tuple[PatternRule, ...] = ()
    """A message that one of these matches waits for a person."""
    threshold: int = 5
    """Points at which a post counts as plain advertising; 0: never."""
    thresholds: dict[str, int] = {}
    """Topic → a threshold of its own."""
    advertising: Literal["hold", "drop"] = "hold"
    """What becomes of plain advertising."""
    may_sell: tuple[str, ...] = ()
    """Topics whose readers asked for offers: prices and offers count nothing there."""
    personal_data: tuple[str, ...] = ("bank", "card", "official")
    """Kinds of personal data that no message to many may hold."""
    own_details: tuple[str, ...] = ()
    """Addresses, numbers and accounts of the company, which may stand in a post."""
    allowed_hosts: tuple[str, ...] = ()
    """If given, links have to lead there (or below: `blog.example` covers `www.blog.example`)."""
    blocked_hosts: tuple[str, ...] = ()
    """Links must not lead there, nor below."""
    require_link: bool = False
    """Marketing without a link is dropped."""
    check_link: bool = False
    """Fetch the link and see whether it leads somewhere that a phone can show."""
    check_image: bool = False
    """Fetch the picture and see whether WhatsApp takes it."""
    check_private: bool = False
    """Fetch also from addresses that are not public."""

    def __post_init__(self) -> None:
        problems = [*_words(self), *_hosts(self)]
        given = {"threshold": self.threshold}
        given |= {f"thresholds {topic}": points for topic, points in self.thresholds.items()}
        for key, points in given.items():
            if not 0 <= points <= 100:
                problems.append(f"{key}: write points from 1 to 100, or 0 for never")
        for kind in self.personal_data:
            if kind not in KINDS:
                known = ", ".join(KINDS)
                problems.append(f"personal_data: {kind!r} is no kind of it; known: {known}")
        try:
            Own(self.own_details)
        except ValueError as error:
            problems.append(f"own_details: {error}")
        problems += _patterns("blocked_patterns", self.blocked_patterns)
        problems += _patterns("held_patterns", self.held_patterns)
        if problems:
            raise ConfigError(*problems)


def _words(config: FilterConfig) -> Iterator[str]:
    for name in ("blocked_words", "held_words", "required_words"):
        for word in getattr(config, name):
            if not said(word):
                yield f"{name}: no message can contain the word {word!r}: it has no letters"


def _hosts(config: FilterConfig) -> Iterator[str]:
    for name in ("allowed_hosts", "blocked_hosts"):
        for host in getattr(config, name):
            if plain_host(host) is None:
                yield f'{name}: {host!r} is no host; write it without https://: "blog.example"'


def _patterns(name: str, rules: tuple[PatternRule, ...]) -> Iterator[str]:
    if len(rules) > MOST_PATTERNS:
        yield f"{name}: has {len(rules)} patterns; {MOST_PATTERNS} are the most"
        return
    for number, rule in enumerate(rules, start=1):
        try:
            Pattern(rule.pattern)
        except PatternError as error:
            yield f"{name}: number {number}, {rule.pattern[:60]!r}: {error}"
        if not rule.reason.strip():
            yield f"{name}: number {number}: say the reason, for whoever reads it"
