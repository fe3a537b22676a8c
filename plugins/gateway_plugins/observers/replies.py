"""The answers to what people ask for by a word: what is said, and what follows from it."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.api import (
    Button,
    Case,
    Contact,
    Message,
    Outcome,
    Preference,
    Received,
    Topic,
)
from gateway_plugins.observers.telling import (
    BODY,
    BUTTONS,
    ROW_TITLE,
    ROWS,
    TITLE,
    Teller,
    choices,
    confirmed,
    offered,
    paragraphs,
    reply,
)
from gateway_plugins.observers.words import Wish

GETS, GETS_NOT = "✓", "○"
PAUSE_DAYS = 28
"""Of the button; the word PAUSE has a setting."""


class Asked(NamedTuple):
    """Who wrote what, and the language to answer in."""

    received: Received
    contact: Contact
    language: str | None


class Replies:
    """Answers wishes."""

    def __init__(self, tell: Teller, pause: float, own_words: Sequence[str]) -> None:
        self._tell = tell
        self._context = tell.context
        self._pause = timedelta(seconds=pause)
        self._own_words = own_words

    def answer(self, wish: Wish, asked: Asked, cases: Sequence[Case]) -> Sequence[Outcome] | None:
        """Return what follows from a wish; None if the word wishes for nothing just now, such as
        "weiter" by somebody who has no pause.  `cases`: what is open of this person."""
        if wish.name in ("pause", "less", "more", "resume"):
            return self._preference(wish, asked)
        if wish.name in ("access", "erase_yes"):
            return self._request("access" if wish.name == "access" else "erasure", asked, cases)
        said: dict[str, Callable[[Asked], Message]] = {
            "info": self._info,
            "topics": self._topics,
            "erase": self._erase,
            "erase_no": lambda asked: self.say(asked, "kept"),
            "help": self._help,
        }
        return [said[wish.name](asked)] if wish.name in said else None

    # --- who, what, how -----------------------------------------------------------------------------
    def _info(self, asked: Asked) -> Message:
        """Who writes, how it came to that, who answers for it."""
        tell, language = self._tell, asked.language
        topics = self._context.topics
        since = [
            tell.say(
                f"answers.since_{one.state}",
                language,
                title=topics[one.topic].title,
                date=tell.date(one.since, language),
            )
            for one in asked.contact.consents
            if one.topic in topics and one.state in ("requested", "confirmed", "withdrawn")
        ]
        mail = self._context.company.mail
        return self.reply(
            asked,
            paragraphs(
                tell.say("answers.info", language),
                "\n".join(since) or tell.say("answers.no_consent", language),
                self._wishes(asked),
                "\n".join(
                    part
                    for part in (
                        tell.links(language),
                        mail and tell.say("answers.mail", language, mail=mail),
                    )
                    if part
                ),
                tell.say("answers.see_help", language),
            ),
        )

    def _wishes(self, asked: Asked) -> str:
        until, language = asked.contact.paused_until, asked.language
        if until is None or until <= self._context.clock.now():
            return ""
        return self._tell.say("answers.paused", language, date=self._tell.date(until, language))

    def _topics(self, asked: Asked) -> Message:
        """What there is and what one has: a button for each, then the wishes."""
        language, contact = asked.language, asked.contact
        has = confirmed(contact, self._context.topics)
        shown = offered(self._context.topics.values())
        shown = [*(one for one in has if one.closed), *shown]
        wishes = self._wish_rows(asked) if has else []
        room = ROWS - len(wishes)
        rows = [self._topic_row(topic, topic in has, language) for topic in shown[:room]] + wishes
        lines = [
            f"{GETS if topic in has else GETS_NOT} {self._tell.topic(topic, language)}"
            for topic in shown
        ]
        more = ""
        if len(shown) > room:
            more = self._tell.say("answers.more_topics", language, name=shown[room].name)
        text = paragraphs(
            self._tell.say("answers.topics", language, gets=GETS, gets_not=GETS_NOT),
            "\n".join(lines),
            more,
            self._wishes(asked),
        )
        listed = len(rows) > BUTTONS or len(text) > BODY
        return self.reply(
            asked,
            text,
            choices(rows, ROW_TITLE if listed else TITLE),
            self._tell.say("answers.menu", language) if listed else "",
        )

    def _topic_row(self, topic: Topic, has: bool, language: str | None) -> tuple[str, str, str]:
        action = "stop" if has else "start"
        caption = self._tell.say(f"answers.{action}", language, title=topic.title)
        return f"{action}:{topic.name}", caption, topic.purpose

    def _wish_rows(self, asked: Asked) -> list[tuple[str, str, str]]:
        paused = asked.contact.paused_until
        waits = paused is not None and paused > self._context.clock.now()
        names = (
            ("more:0", "more_often") if asked.contact.per_week else ("less:1", "less_often"),
            ("resume:0", "resume") if waits else (f"pause:{PAUSE_DAYS}", "pause_weeks"),
        )
        return [
            (payload, self._tell.say(f"answers.{key}", asked.language), "")
            for payload, key in names
        ]

    def _help(self, asked: Asked) -> Message:
        own = ", ".join(word.upper() for word in self._own_words)
        return self.reply(
            asked,
            paragraphs(
                self._tell.say("answers.help", asked.language),
                own and self._tell.say("answers.own_words", asked.language, words=own),
                self._tell.say("answers.just_write", asked.language),
            ),
        )

    # --- how much -----------------------------------------------------------------------------------
    def _preference(self, wish: Wish, asked: Asked) -> Sequence[Outcome] | None:
        contact, now = asked.contact, self._context.clock.now()
        waits = contact.paused_until is not None and contact.paused_until > now
        if wish.name == "pause":
            until = now + (timedelta(days=wish.n) if wish.n else self._pause)
            date = self._tell.date(until, asked.language)
            return [
                Preference(contact=contact.id, paused_until=until),
                self.say(asked, "pause", date=date),
            ]
        if wish.name == "less":
            return [Preference(contact=contact.id, per_week=1), self.say(asked, "less")]
        if wish.name == "more" and contact.per_week:
            return [Preference(contact=contact.id, per_week=0), self.say(asked, "more")]
        if wish.name == "resume" and waits:
            has = bool(confirmed(contact, self._context.topics))
            return [
                Preference(contact=contact.id, paused_until=now),
                self.say(asked, "resumed" if has else "resumed_nothing"),
            ]
        # In a talk with a person "weiter" and "mehr" mean something else; a button that was
        # tapped twice means nothing any more.
        return [] if asked.received.button else None

    # --- what the law gives -------------------------------------------------------------------------
    def _erase(self, asked: Asked) -> Message:
        """Ask back: a slip must not cost anybody their proof."""
        rows = [
            (f"erase:{key}", self._tell.say(f"answers.erase_{key}", asked.language), "")
            for key in ("yes", "no")
        ]
        text = self._tell.say("answers.erase", asked.language)
        return self.reply(asked, text, choices(rows, TITLE))

    def _request(self, kind: str, asked: Asked, cases: Sequence[Case]) -> Sequence[Outcome]:
        """Open a request for access or erasure, due in a month (Art. 12(3) GDPR); while one is
        open, the answer names its date."""
        received, language = asked.received, asked.language
        opened = next((case for case in cases if case.kind == kind and case.due_at), None)
        due = opened.due_at if opened and opened.due_at else month_after(received.at)
        company = self._context.company
        mail = company.mail and self._tell.say("answers.mail", language, mail=company.mail)
        text = paragraphs(
            self._tell.say(f"answers.{kind}", language, date=self._tell.date(due, language)),
            "\n".join(part for part in (mail, self._tell.links(language)) if part),
        )
        outcomes: list[Outcome] = [self.reply(asked, text)]
        if opened is None:
            outcomes.append(
                Case(
                    kind="access" if kind == "access" else "erasure",
                    external_id=f"{kind}:{received.id}",
                    text=(received.caption or received.words)[:200],
                    contact=asked.contact.id,
                    sender=received.sender,
                    inbound=received.id,
                    language=language,
                    due_at=due,
                )
            )
        return outcomes

    # --- questions ----------------------------------------------------------------------------------
    def acknowledged(self, asked: Asked, conversation: str, promise: str) -> Message:
        """Say that a question is there.  To somebody who withdrew, once and never again."""
        states = {one.state for one in asked.contact.consents}
        if "withdrawn" in states and not states & {"confirmed", "requested"}:
            left = max(one.event for one in asked.contact.consents if one.state == "withdrawn")
            conversation = f"after:{left}:{asked.contact.id}"
        text = promise or self._tell.say("answers.received", asked.language)
        return self.reply(asked, text).replace(external_id=f"received:{conversation}")

    def answered_by(self, asked: Asked, by: datetime | None) -> str:
        """Words for a question inside opening hours."""
        if by is None:
            return ""
        when = self._tell.when(next_quarter(by), asked.language)
        return self._tell.say("answers.answered_by", asked.language, when=when)

    def back(self, asked: Asked, at: datetime | None) -> str:
        """Words for a question outside opening hours."""
        if at is None:
            return ""
        when = self._tell.when(at, asked.language)
        return self._tell.say("answers.back", asked.language, when=when)

    # --- saying -------------------------------------------------------------------------------------
    def say(self, asked: Asked, key: str, **values: object) -> Message:
        """Return one of the texts as the answer."""
        return self.reply(asked, self._tell.say(f"answers.{key}", asked.language, **values))

    def reply(
        self, asked: Asked, text: str, buttons: tuple[Button, ...] = (), menu: str = ""
    ) -> Message:
        """Return the one answer to a message."""
        return reply(
            f"answer:{asked.received.id}",
            asked.contact,
            asked.received.sender,
            text,
            language=asked.language,
            buttons=buttons,
            menu=menu,
        )


def month_after(at: datetime) -> datetime:
    """Return the same day and time of the next month, or that month's last day."""
    year, month = at.year + at.month // 12, at.month % 12 + 1
    day = min(at.day, calendar.monthrange(year, month)[1])
    return at.replace(year=year, month=month, day=day)


def next_quarter(at: datetime) -> datetime:
    """Return the next full quarter of an hour: nobody promises 11:51."""
    whole = at.replace(microsecond=0)
    return whole + timedelta(seconds=-int(whole.timestamp()) % 900)
