"""How a person of the company answers somebody: one free text inside the window, and the case is
closed with it, in one transaction, so that two who answer at once send one answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from gateway.clock import SystemClock
from gateway.given import Answered
from gateway.inbound import Case, Contact
from gateway.message import Message
from gateway.store.protocol import Store

LONGEST = 3500
"""Characters of an answer.  WhatsApp takes 4096 of a text, and an output may add to it."""


class Way(NamedTuple):
    """By which sender somebody can be answered, until when."""

    sender: str
    until: datetime


def way(case: Case, contact: Contact) -> Way | None:
    """Return how the person of a case can be answered (perhaps until a time that is over); None
    if that person never wrote."""
    windows = contact.windows
    sender = case.sender or max(windows, key=lambda name: windows[name], default="")
    return Way(sender, windows[sender]) if sender in windows else None


def answer_to(case: Case, contact: Contact | None, text: str, now: datetime) -> Message | Answered:
    """Return the message that answers a case, or why there is none."""
    text = text.replace("\r\n", "\n").strip()
    if case.closed_at is not None:
        return "repeated" if case.answer and case.answer == text else "closed"
    if not text:
        return "empty"
    if len(text) > LONGEST:
        return "too_long"
    if contact is None:
        return "nobody"
    found = way(case, contact)
    if found is None:
        return "no_window"
    if found.until <= now:
        return "window_closed"
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Message(
        external_id=f"answer:{case.id}:{digest}",
        kind="service",
        to=contact.id,
        sender=found.sender,
        language=contact.language,
        text=text,
        expires_at=found.until,
    )


async def answer(
    store: Store,
    clock: SystemClock,
    prepare: Callable[[Message], Message],
    case_id: int,
    text: str,
    by: str,
) -> Answered:
    """Answer a case; see Context.answer.  `prepare` gives a message what the core sets."""
    case = await store.case(case_id)
    if case is None:
        return "unknown"
    contact = await store.contact(case.contact) if case.contact is not None else None
    message = answer_to(case, contact, text, clock.now())
    if not isinstance(message, Message):
        return message
    if await store.answer(case.id, prepare(message), by=by, at=clock.micros()):
        return "answered"
    again = await store.case(case_id)  # somebody was faster
    return "repeated" if again and again.answer == message.text else "closed"
