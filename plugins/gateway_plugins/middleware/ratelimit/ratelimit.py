"""The plugin: which limits a delivery counts against.

Another middleware may declare limits too; the core takes all of a delivery's limits together,
just before it begins.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

import msgspec

from gateway.api import (
    Concern,
    ConfigError,
    Context,
    Delivery,
    Hold,
    Limit,
    Message,
    Middleware,
    Quota,
    Rate,
    SenderFacts,
)
from gateway_plugins.middleware.ratelimit.per import DAY, Cap, caps
from gateway_plugins.middleware.ratelimit.quiet import Quiet
from gateway_plugins.middleware.ratelimit.settings import RateLimitConfig

BUDGET = "budget"
"""Code of the hold of a message that would pass the month's budget; the core looks for it."""
UNTOLD = 250
"""People in 24 hours while nobody told the tier and the settings name none: what a new business
account begins with (Meta, "Messaging limits").  What goes meanwhile counts when it is told."""
CREDIT = 3
"""Sends that may follow each other without spacing, at least: lost moments are made up for."""
MOMENT = 0.02
"""Seconds that a busy machine may lose and a fast sender makes up for, within its rate."""
MARGIN = 120_000_000
"""Microseconds a window must still be open to count as open; Meta's clock decides, not ours."""


class Rules(msgspec.Struct, frozen=True):
    """What is the same for all deliveries of a sender, until something new is known of it."""

    facts: SenderFacts
    rate: Rate
    tier: str
    people: int | None
    """Who may be reached outside windows in 24 hours; None: no limit."""
    marketing: int
    """Of them, by marketing."""
    people_words: str
    marketing_words: str


class RateLimit(Middleware):
    """Declares the rates of sender and pair, the tier, the caps of a person, quiet hours; sets
    spread and expiry; keeps the budget."""

    name = "ratelimit"
    config: RateLimitConfig
    codes: ClassVar[frozenset[str]] = frozenset({BUDGET})
    approvable: ClassVar[frozenset[str]] = frozenset({BUDGET})

    def __init__(self, config: RateLimitConfig, label: str) -> None:
        super().__init__(config, label)
        self._pair = 1 / config.pair_seconds
        self._pair_words = (
            f"{config.pair_burst} messages at once to one person, then one in"
            f" {config.pair_seconds:g} s"
        )
        self._person = caps(config.per_person, "per_person")
        self._topics = {
            topic: caps(text, f"per_topic: {topic}") for topic, text in config.per_topic.items()
        }
        self._hours = config.quiet()
        self._quiet: Quiet | None = None
        self._rules: dict[str, Rules] = {}
        self._facts: Callable[[str], SenderFacts] = _nothing_known

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Learn the time, and where.  Raises ConfigError for a topic that is none."""
        for topic in self._topics.keys() - context.topics.keys():
            known = ", ".join(context.topics) or "none"
            raise ConfigError(
                f"[middleware.{self.label}] per_topic: there is no topic {topic!r}; known: {known}"
            )
        self._context, self._facts = context, context.sender
        if self._hours is not None:
            home = ZoneInfo(context.company.time_zone)
            self._quiet = Quiet(self._hours, self.config.quiet_hours, home)
        yield

    async def concerns(self) -> Sequence[Concern]:
        """Messages at night are no crime, but the first thing people complain about."""
        if self.config.quiet_hours:
            return ()
        text = "News may go out in the middle of the night: there are no quiet hours."
        return [Concern("missing", text, f'[middleware.{self.label}] quiet_hours = "20:00-08:00"')]

    async def screen(self, message: Message) -> Message | Hold:
        """Set what the fan-out needs to know; hold what would pass the budget; say what the
        account's tier, or the time until it expires, does not suffice for."""
        if message.kind != "marketing":
            return message
        changes: dict[str, object] = {}
        if self.config.spread:  # else what a middleware before this one set stays
            changes["spread"] = float(self.config.spread)
        if self.config.expires and message.expires_at is None and message.accepted_at is not None:
            changes["expires_at"] = message.accepted_at + timedelta(seconds=self.config.expires)
        message = message.replace(**changes)
        plan = await self._context.plan(message)
        price, short = plan.price, plan.tightest
        if price is not None and price.too_much and BUDGET not in message.approved:
            return Hold(
                BUDGET,
                f"costs about {price.amount:,.2f} {price.currency}, and of {price.budget:,.2f} this"
                f" month {price.left:,.2f} are left",
            )
        notes = list(message.notes)
        if short is not None:
            notes.append(f"{short.said}: enough for {short.today:,} of {plan.reached:,} people now")
        if plan.too_late:
            why = f" ({plan.waits})" if plan.waits else ""
            notes.append(f"its time is over before the last one can go{why}")
        return message.replace(notes=tuple(notes))

    def limits(self, delivery: Delivery) -> Sequence[Limit]:
        """Declare what this delivery counts against."""
        sender, contact, message = delivery.sender, delivery.contact, delivery.message
        rules = self._rules_of(sender)
        marketing = message.kind == "marketing"
        declared: list[Limit] = [
            rules.rate,
            Rate(f"pair:{sender}:{contact}", self._pair, self.config.pair_burst, self._pair_words),
        ]
        if delivery.content.form == "template" and not self._in_window(delivery):
            who = str(contact)
            if rules.people is not None:
                n = rules.marketing if marketing else rules.people
                words = rules.marketing_words if marketing else rules.people_words
                declared.append(Quota(rules.tier, n, DAY, who, words=words))
            if self.config.warm_up and message.kind in ("marketing", "utility"):
                declared += self._warm_up(rules.facts, sender, who)
        if marketing:
            declared += self._news(delivery)
        return declared

    def _in_window(self, delivery: Delivery) -> bool:
        """Whether the person wrote within a day: then nobody new is reached."""
        until = delivery.permissions.window_until
        if until is None:
            return False
        return until > int(self._context.clock.now().timestamp() * 1e6) + MARGIN

    def _news(self, delivery: Delivery) -> list[Limit]:
        """What concerns news alone: how often a person wants any, and when."""
        contact, message = delivery.contact, delivery.message
        declared: list[Limit] = [
            _own(f"person:{contact}", cap, "to one person") for cap in self._person
        ]
        if message.topic in self._topics:
            key = f"topic:{contact}:{message.topic}"
            said = f"of {message.topic} to one person"
            declared += [_own(key, cap, said) for cap in self._topics[message.topic]]
        wish = delivery.permissions.per_week
        if wish:
            words = f"the person's own wish: {wish} a week"
            declared.append(Quota(f"wish:{contact}", wish, 7 * DAY, words=words))
        if self.config.first_people and message.to is None:
            first, wait = self.config.first_people, self.config.first_wait
            words = f"the first {first} people, then {wait} to see what comes back"
            declared.append(Quota(f"first:{message.id}", first, wait, once=True, words=words))
        if self._quiet is not None:
            when = delivery.when or self._context.clock.now()
            closed = self._quiet.closed(when, delivery.identities)
            if closed is not None:
                declared.append(closed)
        return declared

    def _warm_up(self, facts: SenderFacts, sender: str, who: str) -> list[Limit]:
        now: datetime = self._context.clock.now()
        day = int((now - facts.first_send) / timedelta(days=1)) if facts.first_send else 0
        day = max(day, 0)  # a clock that was set back makes no number old
        if day >= len(self.config.warm_up):
            return []
        n = self.config.warm_up[day]
        words = f"warm-up of {sender}: {n:,} people on day {day + 1}"
        return [Quota(f"warm_up:{sender}", n, DAY, who, words=words)]

    def _rules_of(self, sender: str) -> Rules:
        facts = self._facts(sender)
        rules = self._rules.get(sender)
        if rules is None or rules.facts is not facts:
            rules = self._rules[sender] = self._made(facts)
        return rules

    def _made(self, facts: SenderFacts) -> Rules:
        config = self.config
        allowed = [config.per_sender.get(facts.name, config.per_second)]
        if facts.per_second is not None:
            allowed.append(facts.per_second)
        fast = min(allowed)
        burst = max(CREDIT, round(fast * MOMENT))
        known = [n for n in (config.daily, facts.tier) if n is not None]
        untold = not known and not facts.tier_known
        people = UNTOLD if untold else min(known, default=None)
        reserve = int((people or 0) * config.tier_reserve)
        marketing = (people or 0) - reserve
        words = f"{people or 0:,} people in 24 hours"
        words += " until the provider tells the tier" if untold else ""
        kept = f", {reserve:,} kept free" if reserve else ""
        return Rules(
            facts=facts,
            rate=Rate(f"sender:{facts.name}", fast, burst, f"{fast:g} a second by {facts.name}"),
            tier=f"tier:{facts.portfolio}",
            people=people,
            marketing=marketing,
            people_words=words,
            marketing_words=f"{words}{kept}",
        )


def _nothing_known(sender: str) -> SenderFacts:
    return SenderFacts(name=sender, portfolio=sender)


def _own(key: str, cap: Cap, whom: str) -> Quota:
    return Quota(key, cap.n, cap.window, words=f"{cap.said} {whom}")
