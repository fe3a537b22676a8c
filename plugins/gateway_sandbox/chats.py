"""What the phones show: everybody's chat, and each change of one in the order it happened.

Nothing is copied for those who look: all of them read the same bounded list of changes, each
from its own place.  Who is too slow for it, or comes back too late, starts from a snapshot.
"""

from __future__ import annotations

import secrets
from collections import deque
from itertools import islice
from typing import Any, Literal

import msgspec
import trio

from gateway_sandbox.events import (
    Accepted,
    Event,
    FaultStruck,
    Forgotten,
    MarkedRead,
    Posted,
    SomebodyWrote,
    StatusLeft,
    WebhookTried,
)
from gateway_sandbox.graph import CODES
from gateway_sandbox.people import parse_person
from gateway_sandbox.received import Received

PHONES, ENTRIES, CHANGES = 1000, 40, 4000

Tone = Literal["yes", "wait", "no"]


class Step(msgspec.Struct, omit_defaults=True):
    """A status that a message reached; `text`: what the code of a failed one means."""

    status: str
    at: float
    code: int | None = None
    text: str | None = None


class Answer(msgspec.Struct):
    """What the receiver said to the webhook; `status` is None if it did not, for `error`."""

    status: int | None
    error: str | None


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One bubble: `sent` by the business, or what the person `wrote`, as in the webhook.

    `field`: of the change that carried it; a business' own app writes with another one.
    """

    id: str
    at: float
    number: str
    sent: Received | None = None
    steps: list[Step] = msgspec.field(default_factory=list)
    field: str = "messages"
    wrote: dict[str, Any] | None = None
    answer: Answer | None = None
    read: bool = False


class Phone(msgspec.Struct, kw_only=True):
    """One person's chat with this business.

    `phone` is None for a person that is known by user id only.  `label`: words for the caption,
    by language; `tone`: did this person agree to get messages, as far as whoever introduced the
    phone knows.  `touched`: unix seconds of the last change.
    """

    contact: str
    phone: str | None
    user_id: str
    name: str
    label: dict[str, str] = msgspec.field(default_factory=dict)
    tone: Tone | None = None
    touched: float = 0.0
    entries: list[Entry] = msgspec.field(default_factory=list)


class Change(msgspec.Struct, omit_defaults=True):
    """One step of what a page shows; the members that a kind has are those it needs.

    `phone`: somebody was introduced.  `entry`: a new bubble.  `step`: a status of bubble `id`.
    `read`, `typing`: the business read `id`, is writing.  `fault`: one struck.  `webhook`: one
    was tried.
    """

    kind: Literal["phone", "entry", "step", "read", "typing", "fault", "webhook"]
    contact: str = ""
    at: float = 0.0
    id: str = ""
    phone: Phone | None = None
    entry: Entry | None = None
    step: Step | None = None
    fault: str = ""
    webhook: dict[str, Any] | None = None


class Chats:
    """Listens to one sandbox.  At most `PHONES` people with `ENTRIES` bubbles each are kept; the
    longest silent go first, those who were introduced stay."""

    def __init__(self) -> None:
        self._bell: trio.Event | None = None
        self.introduced: dict[str, Phone] = {}
        self._start()

    def _start(self) -> None:
        self.epoch = secrets.token_hex(4)
        """Changes with every start, so that nobody resumes what is gone."""
        self.last = 0
        self.gone = 0
        """People whose chats were forgotten."""
        self.phones: dict[str, Phone] = {}
        self._changes: deque[Change] = deque(maxlen=CHANGES)
        self._owners: dict[str, str] = {}  # of every bubble that is kept
        for phone in self.introduced.values():
            phone.entries.clear()
            self.phones[phone.contact] = phone

    # --- what happens ---------------------------------------------------------------------------
    def introduce(
        self, contact: str, label: dict[str, str] | None = None, tone: Tone | None = None
    ) -> Phone:
        """Show a phone before anything arrives there.  ValueError if nobody can be called so."""
        phone = self._phone(contact)
        phone.label = label or phone.label
        phone.tone = tone or phone.tone
        self.introduced[phone.contact] = phone
        self._tell(Change("phone", phone.contact, phone=phone))
        return phone

    def notice(self, event: Event) -> None:
        """Take note of what happened in the sandbox."""
        match event:
            case Accepted(at=at, received=received):
                first = Step("accepted", received.arrival)
                self._add(
                    received.contact,
                    Entry(
                        id=received.wamid,
                        at=at,
                        number=received.phone_number_id,
                        sent=received,
                        steps=[first],
                    ),
                )
            case StatusLeft():
                self._step(event)
            case SomebodyWrote():
                self._add(
                    event.contact,
                    Entry(
                        id=event.wamid,
                        at=event.at,
                        number=event.phone_number_id,
                        field=event.field,
                        wrote=event.message,
                        answer=Answer(event.status, event.error),
                    ),
                )
            case WebhookTried(at=at, posted=posted):
                self._tell(Change("webhook", at=at, webhook=self.summary(posted)))
            case FaultStruck(at=at, fault=fault, contact=contact):
                self._tell(Change("fault", contact, at, fault=fault))
            case MarkedRead(at=at, wamid=wamid, typing=typing):
                self._read(at, wamid, typing)
            case Forgotten():
                self._start()
                self._ring()

    def _add(self, contact: str, entry: Entry) -> None:
        phone = self._phone(contact)
        place = len(phone.entries)
        while place and phone.entries[place - 1].at > entry.at:
            place -= 1
        phone.entries.insert(place, entry)
        phone.touched = entry.at
        self._owners[entry.id] = phone.contact
        if len(phone.entries) > ENTRIES:
            self._owners.pop(phone.entries.pop(0).id, None)
        self._tell(Change("entry", phone.contact, entry.at, entry.id, entry=entry))

    def _find(self, wamid: str) -> Entry | None:
        phone = self.phones.get(self._owners.get(wamid, ""))
        return next((e for e in reversed(phone.entries) if e.id == wamid), None) if phone else None

    def _step(self, event: StatusLeft) -> None:
        entry = self._find(event.wamid)
        if entry is None:
            return
        text = None if event.code is None else CODES.get(event.code, (0, "Unknown error"))[1]
        step = Step(event.status, event.at, event.code, text)
        entry.steps.append(step)
        self._tell(Change("step", event.contact, event.at, event.wamid, step=step))

    def _read(self, at: float, wamid: str, typing: bool) -> None:
        entry = self._find(wamid)
        if entry is None:
            return
        contact = self._owners[wamid]
        for earlier in self.phones[contact].entries:  # reading one is reading all before it
            earlier.read = earlier.read or (earlier.wrote is not None and earlier.at <= entry.at)
        self._tell(Change("read", contact, at, wamid))
        if typing:
            self._tell(Change("typing", contact, at))

    def _phone(self, contact: str) -> Phone:
        phone = self.phones.get(contact)
        if phone is not None:
            if phone.contact not in self.introduced:
                self.phones[contact] = self.phones.pop(contact)  # the last to be forgotten
            return phone
        person = parse_person(contact)
        if person is None:
            raise ValueError("this is neither a phone number nor a user id")
        if person.contact != contact:
            return self._phone(person.contact)
        phone = Phone(
            contact=contact,
            phone=person.phone,
            user_id=person.user_id,
            name=person.profile["name"],
        )
        self.phones[contact] = phone
        if len(self.phones) > PHONES:
            oldest = next((c for c in self.phones if c not in self.introduced), None)
            if oldest is not None:
                for entry in self.phones.pop(oldest).entries:
                    self._owners.pop(entry.id, None)
                self.gone += 1
        return phone

    def _tell(self, change: Change) -> None:
        self.last += 1
        self._changes.append(change)
        self._ring()

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.set()
            self._bell = None

    # --- those who look -------------------------------------------------------------------------
    def since(self, place: int) -> list[Change] | None:
        """The changes after a place, oldest first; None if some of them are forgotten."""
        behind = self.last - place
        if not 0 <= behind <= len(self._changes):
            return None
        return list(islice(self._changes, len(self._changes) - behind, None))

    async def changed(self, place: int) -> None:
        """Wait until something happens after this place."""
        if self.last == place:
            if self._bell is None:
                self._bell = trio.Event()
            await self._bell.wait()

    def newest(self, find: str, limit: int) -> tuple[list[Phone], int]:
        """Phones to show, and how many there are: those introduced, then the last to change.

        `find`: part of a number, user id, name or label.
        """
        wanted = find.casefold().strip()
        digits = wanted.translate(str.maketrans("", "", " -()/+"))
        others = [p for p in reversed(self.phones.values()) if p.contact not in self.introduced]
        found = [
            phone
            for phone in (*self.introduced.values(), *others)
            if not wanted
            or (digits.isdigit() and digits in (phone.phone or phone.user_id))
            or any(
                wanted in text.casefold()
                for text in (phone.contact, phone.name, *phone.label.values())
            )
        ]
        return found[:limit], len(found)

    def summary(self, posted: Posted) -> dict[str, Any]:
        """A webhook without its body, and `contacts`: who its messages belong to."""
        shown: dict[str, Any] = msgspec.to_builtins(posted)
        del shown["body"]
        owners = (self._owners.get(wamid) for wamid in posted.wamids)
        shown["contacts"] = list(dict.fromkeys(owner for owner in owners if owner))
        return shown
