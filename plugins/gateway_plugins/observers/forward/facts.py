"""What is known of a case, in words of the company's language: for the mail and the page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.api import Case, Contact, Context, mask_phone
from gateway_plugins.observers.forward.answers import Reach
from gateway_plugins.observers.telling import Teller, confirmed


class Fact(NamedTuple):
    """A line of what is known."""

    name: str
    value: str


class Facts:
    """Puts a case into words."""

    def __init__(self, context: Context, *, show_numbers: bool) -> None:
        self._context = context
        self._teller = Teller(context)
        self._zone = ZoneInfo(context.company.time_zone)
        self._show = show_numbers
        self.language = context.texts.language(context.company.language)

    def say(self, name: str, **values: object) -> str:
        """Return a text of the section `forward`."""
        return self._context.texts.say(f"forward.{name}", self.language, **values)

    def when(self, at: datetime) -> str:
        """Return `heute um 15:00 Uhr`; what lies before today with its date."""
        local, now = at.astimezone(self._zone), self._context.clock.now().astimezone(self._zone)
        return (
            self._teller.when(at, self.language) if local.date() >= now.date() else self.stamp(at)
        )

    def stamp(self, at: datetime) -> str:
        """Return `30. März 2026, 15:00 Uhr`, which is true whenever a mail is read."""
        local = at.astimezone(self._zone)
        return self.say("stamp", date=self.day(at), time=f"{local.hour}:{local.minute:02}")

    def day(self, at: datetime | None) -> str:
        """Return `30. März 2026`."""
        return self._teller.date(at, self.language) if at else ""

    def who(self, case: Case, contact: Contact | None) -> str:
        """Return a name, else the number, else `Jemand`."""
        name = (contact.name if contact else "") or case.fields.get("name", "")
        return " ".join(name.split()) or self.number(case, contact) or self.say("somebody")

    def number(self, case: Case, contact: Contact | None) -> str:
        """Return the number, masked unless the settings show it or a call is wanted."""
        known = contact.identities if contact else ()
        phones = [one.value for one in known if one.kind == "phone"]
        if not phones:
            return ""
        return phones[0] if self._show or case.kind == "callback" else mask_phone(phones[0])

    def title(self, case: Case) -> str:
        """Return `Frage #12`."""
        return self.say("title", kind=self.say(f"kind_{case.kind}"), number=case.number)

    def lines(self, case: Case, reach: Reach | None, *, mailed: bool = False) -> Iterator[Fact]:
        """Yield what is known of case and person, leaving out what is not."""
        when = self.stamp if mailed else self.when
        contact = reach.contact if reach else None
        if contact is not None:
            if contact.name.strip():
                yield Fact(self.say("name"), " ".join(contact.name.split()))
            if number := self.number(case, contact):
                yield Fact(self.say("number"), number)
        for name, value in case.fields.items():
            if value.strip():
                yield Fact(name, " ".join(value.split()))
        language = case.language or (contact.language if contact else None)
        if language and language.partition("-")[0] != self.language:
            yield Fact(self.say("language"), language)
        if contact is not None:
            titles = [topic.title for topic in confirmed(contact, self._context.topics)]
            yield Fact(self.say("consents"), ", ".join(titles) or self.say("no_consents"))
        if case.opened_at is not None:
            yield Fact(self.say("opened"), when(case.opened_at))
        if case.due_at is not None:
            yield Fact(self.say("due"), self.day(case.due_at))
        until = reach.until if reach is not None else None
        if until is not None and until > self._context.clock.now() and case.closed_at is None:
            yield Fact(self.say("until"), when(until))
