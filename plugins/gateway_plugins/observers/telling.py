"""How things are told in a chat: days and times in words, topics as lines and as buttons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.api import Button, Card, Contact, Context, Message, PhoneNumberError, Topic, phone

BUTTONS = 3
"""More become a list."""
TITLE, ROW_TITLE, ROWS, DESCRIPTION = 20, 24, 10, 72
"""Characters on a button, in a row of a list; rows of a list; characters below a row (Meta,
"Interactive reply buttons messages", "Interactive list messages")."""
BODY = 900
"""Characters of a text with buttons: Meta allows 1024, the output leaves some free."""


class Teller:
    """Says things in somebody's language."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._zone = ZoneInfo(context.company.time_zone)

    def say(self, key: str, language: str | None, **values: object) -> str:
        """Return a text; {company} is always known."""
        company = self.context.company.name
        return self.context.texts.say(key, language, company=company, **values)

    def date(self, at: datetime, language: str | None) -> str:
        """Return `30. März 2026`."""
        local = at.astimezone(self._zone)
        months = self.say("telling.months", language).split()
        return self.say(
            "telling.date", language, day=local.day, month=months[local.month - 1], year=local.year
        )

    def when(self, at: datetime, language: str | None) -> str:
        """Return `heute um 15:00 Uhr`, `am Montag um 9:00 Uhr`, `am 7. April 2026 um …`."""
        local = at.astimezone(self._zone)
        days = (local.date() - self.context.clock.now().astimezone(self._zone).date()).days
        time = f"{local.hour}:{local.minute:02}"
        if days < 2:
            return self.say("telling.tomorrow" if days else "telling.today", language, time=time)
        if days < 7:
            weekday = self.say("telling.weekdays", language).split()[local.weekday()]
            return self.say("telling.weekday", language, day=weekday, time=time)
        return self.say("telling.later", language, date=self.date(at, language), time=time)

    def topic(self, topic: Topic, language: str | None) -> str:
        """Return one topic in a line: title, purpose, how often."""
        often = self.say("telling.often", language, frequency=topic.frequency)
        told = topic.frequency.casefold() in topic.purpose.casefold()  # "" is in everything
        return self.say(
            "telling.topic",
            language,
            title=topic.title.strip(),
            purpose=topic.purpose.strip() + ("" if told else often),
        )

    def topics(self, topics: Iterable[Topic], language: str | None) -> str:
        """Return topics as a list."""
        return "\n".join(f"• {self.topic(topic, language)}" for topic in topics)

    def links(self, language: str | None) -> str:
        """Return where imprint and privacy notice are, one line each."""
        company = self.context.company
        found = (("imprint", company.imprint), ("privacy", company.privacy))
        return "\n".join(self.say(f"telling.{key}", language, link=to) for key, to in found if to)

    def open(self, contact: Contact, sender: str | None) -> bool:
        """Return whether free text may go to somebody now."""
        until = contact.windows.get(sender or "")
        return until is not None and until > self.context.clock.now()

    def card(self, sender: str) -> Card | None:
        """Return the company's card to save, None while the sender's number is unknown."""
        address, company = self.context.sender_address(sender).strip(), self.context.company
        try:
            number = phone(address if address[:1] in ("+", "0") else f"+{address}", company.region)
        except PhoneNumberError:
            return None
        return Card(name=company.name, phone=number, mail=company.mail, web=company.imprint)


def reply(
    external_id: str,
    contact: Contact,
    sender: str | None,
    text: str,
    *,
    language: str | None = None,
    buttons: tuple[Button, ...] = (),
    menu: str = "",
) -> Message:
    """Return an answer inside the person's window."""
    return Message(
        external_id=external_id,
        kind="service",
        to=contact.id,
        sender=sender,
        language=language or contact.language,
        text=text,
        preview=False,
        buttons=buttons,
        menu=menu,
    )


def paragraphs(*parts: str) -> str:
    """Return the parts that are not empty, with a blank line between."""
    return "\n\n".join(part for part in parts if part)


def offered(topics: Iterable[Topic]) -> list[Topic]:
    """Return the topics that anybody may have."""
    return [topic for topic in topics if not topic.closed]


def confirmed(contact: Contact, topics: Mapping[str, Topic]) -> list[Topic]:
    """Return the topics that somebody gets, in the order of the settings."""
    has = {one.topic for one in contact.consents if one.state == "confirmed"}
    return [topic for name, topic in topics.items() if name in has]


def choices(rows: Sequence[tuple[str, str, str]], longest: int) -> tuple[Button, ...]:
    """Return buttons of (payload, caption, description), at most ten, captions cut to fit.

    Two that would read the same after that are numbered: Meta refuses twins.
    """
    made: list[Button] = []
    seen: set[str] = set()
    for payload, caption, description in rows[:ROWS]:
        text, n = cut(caption, longest), 1
        while text.casefold() in seen:
            n += 1
            text = f"{cut(caption, longest - len(str(n)) - 1)} {n}"
        seen.add(text.casefold())
        value = cut(description, DESCRIPTION)
        made.append(Button(kind="quick_reply", text=text, payload=payload, value=value))
    return tuple(made)


def cut(text: str, longest: int) -> str:
    """Return text on one line, at most so many characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip(" ,.;:-–(") + "…"
