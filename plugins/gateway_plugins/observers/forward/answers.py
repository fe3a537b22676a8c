"""How the person of a case can be reached, and what an answer that is not sent is told."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from gateway.api import Answered, Case, Contact, Context

PHONE_APP = "phone app"
"""By whom the core closes what was answered in the phone app."""
MOST = 3500
"""Characters that the core takes as an answer."""

SENTENCES: dict[Answered, tuple[int, str]] = {
    "answered": (200, ""),
    "repeated": (200, ""),
    "closed": (409, "the case is closed already; nothing was sent"),
    "unknown": (404, "there is no such case"),
    "nobody": (409, "nobody is known (any more) who belongs to this case"),
    "no_window": (409, "this person never wrote by WhatsApp, so no free text may go there"),
    "window_closed": (409, "the 24 hours for a free text are over; answer in another way"),
    "empty": (422, "text is empty"),
    "too_long": (422, f"text has more than {MOST} characters"),
}
"""What became of an answer → HTTP status, and a sentence if it was not sent."""


class Reach(NamedTuple):
    """How somebody can be answered: `until` None if that person never wrote."""

    contact: Contact
    until: datetime | None


async def reach_of(context: Context, case: Case) -> Reach | None:
    """Return how the person of a case can be answered, None if nobody is known."""
    contact = await context.contact(case.contact) if case.contact is not None else None
    if contact is None:
        return None
    ends = contact.windows
    until = ends.get(case.sender) if case.sender else max(ends.values(), default=None)
    return Reach(contact, until)


def answerable(reach: Reach | None, now: datetime) -> bool:
    """Return whether free text may go to that person now."""
    return reach is not None and reach.until is not None and reach.until > now
