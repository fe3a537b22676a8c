"""Answers what people write: words such as INFO, PAUSE and DATEN at once, everything else as a
question that somebody of the company answers.

A robot that nags or talks to another robot for ever is worse than none: it confirms a question
once per conversation, says nothing of its own while the company itself is writing, and has at most
so many answers a day for one person.  Cases and wishes are kept whatever it says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import ClassVar

from gateway.api import (
    Case,
    Concern,
    ConfigError,
    Contact,
    Context,
    Duration,
    Event,
    Message,
    Observer,
    Outcome,
    PluginConfig,
    Received,
    hookimpl,
)
from gateway_plugins.observers.hours import Hours
from gateway_plugins.observers.replies import Asked, Replies
from gateway_plugins.observers.telling import Teller
from gateway_plugins.observers.words import Words, asks

SILENT = {"reaction", "edit", "revoke", "sticker", "user_preferences", "system"}
"""Kinds of messages that ask nothing."""
CONVERSATION = timedelta(hours=24)
LONGEST = 2000
"""Characters of a question that are kept with its case; the message itself is kept whole."""
ANSWER = 3900
"""Characters of an own answer: WhatsApp allows 4096, the output leaves some free."""


class AnswersConfig(PluginConfig):
    """`[observers.answers]`."""

    opening_hours: str = ""
    """When somebody reads questions: "Mo-Fr 09:00-12:00, 13:00-17:00; Sa 10-14", "24/7"."""
    holidays: str = ""
    """Whose public holidays are free: a country or a part of it, "DE-BY"."""
    closed: tuple[str, ...] = ()
    """Other days off: "2026-12-24", or "12-24" for every year."""
    reply_within: Duration = Duration(0)
    """Opening time within which a question is answered; the answer says until when.  0: no word
    about it."""
    pause: Duration = Duration(28 * 86400)
    """How long PAUSE lasts."""
    words: dict[str, str] = {}
    """Words of your own and what is answered."""
    most_per_day: int = 20
    """Answers that one person gets in a day, at most."""

    def __post_init__(self) -> None:
        if self.pause < 86400:
            raise ValueError("pause: is shorter than a day")
        if self.most_per_day < 1:
            raise ValueError("most_per_day: has to be at least 1")
        if self.reply_within and not self.opening_hours:
            raise ValueError("reply_within: is counted in opening_hours, which are missing")
        for word, answer in self.words.items():
            if len(answer) > ANSWER:
                raise ValueError(
                    f"words: the answer to {word!r} is longer than {ANSWER} characters"
                )


class Answers(Observer):
    """Answers words, and opens a case for what is none."""

    name = "answers"
    config: AnswersConfig
    always: ClassVar[bool] = True
    listens: ClassVar[frozenset[str]] = frozenset({"inbound"})
    replayable: ClassVar[bool] = False
    max_age: ClassVar[float] = 86400.0

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Read hours and words.  Raises ConfigError with what is wrong in them."""
        config = self.config
        try:
            hours = config.opening_hours and Hours(
                config.opening_hours,
                context.company.time_zone,
                closed=config.closed,
                holidays=config.holidays,
            )
            self._words = Words(config.words, context.stop_words)
        except ValueError as error:
            raise ConfigError(f"[observers.{self.label}] {error}") from None
        self._context = context
        self._tell = Teller(context)
        self._replies = Replies(self._tell, config.pause, list(config.words))
        self._hours = hours or None
        self._said: Counter[int] = Counter()
        self._today: date | None = None
        yield

    async def concerns(self) -> Sequence[Concern]:
        """Nothing forbids to be away, but people have to be told when somebody is there."""
        if self.config.opening_hours:
            return ()
        text = "People who ask something are not told when somebody reads it."
        return [Concern("advice", text, f'[observers.{self.label}] opening_hours = "Mo-Fr 9-17"')]

    async def notice(self, event: Event) -> Sequence[Outcome]:
        """Answer a message."""
        if event.name != "inbound" or event.inbound is None:
            return ()
        received = await self._context.received(event.inbound)
        if received is None or received.act or received.kind in SILENT:
            return ()
        contact = await self._context.contact(received.contact)
        if contact is None:
            return ()
        quotes = received.quoted is not None and not received.button
        if self._own_people(contact) and (quotes or not self._known(received)):
            return ()  # the company's own people decide here, and ask elsewhere
        outcomes = await self._outcomes(received, contact)
        said = sum(isinstance(outcome, Message) for outcome in outcomes)
        if said and not self._may_say(contact, received, said):
            return [outcome for outcome in outcomes if not isinstance(outcome, Message)]
        return outcomes

    async def _outcomes(self, received: Received, contact: Contact) -> Sequence[Outcome]:
        asked = Asked(received, contact, contact.language)
        own = self._words.own(received)
        if own is not None:
            return [self._replies.reply(asked, own)]
        wish = self._words.wish(received)
        if wish is not None:
            asked = asked._replace(language=contact.language or wish.language)
            if wish.name == "erase_yes":
                # Who wants nothing kept wants nothing sent: in force before anything is said.
                await self._context.withdraw(
                    contact.id, evidence={"provider_id": received.provider_id, "words": "erase"}
                )
            open_cases = await self._context.open_cases(contact=contact.id)
            found = self._replies.answer(wish, asked, open_cases)
            if found is not None:
                return found
        return await self._question(asked)

    async def _question(self, asked: Asked) -> Sequence[Outcome]:
        """Open a case, one for each conversation, and say once that it is there."""
        received, contact = asked.received, asked.contact
        if (received.button and ":" in received.words) or not asks(received):
            return ()  # somebody else's button, or thanks
        outcomes: list[Outcome] = []
        now = self._context.clock.now()
        known = await self._context.open_cases(contact=contact.id, kind="question")
        if not known:
            text = received.caption or received.words if received.button else received.words
            outcomes.append(
                Case(
                    kind="question",
                    external_id=f"question:{received.id}",
                    text=text[:LONGEST] or f"[{received.kind}]",
                    contact=contact.id,
                    sender=received.sender,
                    inbound=received.id,
                    language=asked.language,
                )
            )
        if contact.echoed_at is not None and now - contact.echoed_at < CONVERSATION:
            return outcomes  # somebody is talking with this person already
        conversation = f"{received.id}:0"
        if known and known[0].opened_at is not None:
            days = (now - known[0].opened_at) // CONVERSATION
            if days == 0:
                return outcomes  # it was said when the case was opened
            conversation = f"{known[0].id}:{days}"
        promise = self._promise(asked)
        return [*outcomes, self._replies.acknowledged(asked, conversation, promise)]

    def _own_people(self, contact: Contact) -> bool:
        return not set(contact.identities).isdisjoint(self._context.people.values())

    def _known(self, received: Received) -> bool:
        return bool(self._words.own(received) or self._words.wish(received))

    def _promise(self, asked: Asked) -> str:
        """When somebody answers, in words; "" without opening hours."""
        if self._hours is None:
            return ""
        now = self._context.clock.now()
        if self._hours.open(now):
            within = self.config.reply_within
            by = self._hours.after(now, within) if within else None
            return self._replies.answered_by(asked, by)
        return self._replies.back(asked, self._hours.next(now))

    def _may_say(self, contact: Contact, received: Received, n: int) -> bool:
        """Whether a window is open, and the day's answers to this person are not used up."""
        today = self._context.clock.now().date()
        if self._today != today:
            self._today = today
            self._said.clear()
        if not self._tell.open(contact, received.sender):
            return False
        self._said[contact.id] += n
        return self._said[contact.id] <= self.config.most_per_day


@hookimpl
def register() -> list[type[Answers]]:
    """Hand over the class."""
    return [Answers]
