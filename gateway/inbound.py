"""What comes back, as an output hands it over: inbound messages, statuses, account events."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from gateway.message import Identity, Value

StatusName = Literal["sent", "delivered", "read", "failed"]


class Inbound(Value, frozen=True, kw_only=True):
    """A message that a person sent.  `provider_id` is the dedupe key within its output.

    `words` is what counts as said: the text, or the payload of a tapped button.
    """

    provider_id: str
    identities: tuple[Identity, ...]
    at: datetime
    kind: str
    words: str = ""
    caption: str = ""
    """What stands on the button; who taps STOP means it, whatever its payload."""
    button: bool = False
    quoted: str | None = None
    opens_window: bool = True
    raw: bytes = b""


class Status(Value, frozen=True, kw_only=True):
    """What became of an attempt.  Found by `callback` (`delivery:n`), else by `provider_id`."""

    provider_id: str
    status: StatusName
    at: datetime
    callback: str | None = None
    code: str = ""
    detail: str = ""
    billable: bool | None = None
    category: str = ""
    withdraws: bool = False
    """It failed because the person stopped marketing at the provider: as final as a STOP."""
    identities: tuple[Identity, ...] = ()
    """Who it was for, if the provider says so and `withdraws` needs it."""


class AccountEvent(Value, frozen=True, kw_only=True):
    """Something the provider said about account, number or template, or was not understood."""

    name: str
    at: datetime
    understood: bool = True
    raw: bytes = b""


class Intake(Value, frozen=True, kw_only=True):
    """One webhook's content for one sender; applied in one transaction, or not at all."""

    sender: str
    messages: tuple[Inbound, ...] = ()
    statuses: tuple[Status, ...] = ()
    events: tuple[AccountEvent, ...] = ()


class ConsentEvent(Value, frozen=True, kw_only=True):
    """Something that changes a consent.  `evidence` may be erased later; its digest stays.

    `name` is requested, asked, confirmed, refused, withdrawn, imported, expired or moved.
    `topic` None means every topic of the contact.
    """

    name: str
    at: datetime
    topic: str | None = None
    source: str = ""
    evidence: dict[str, str] = {}


class Person(Value, frozen=True, kw_only=True):
    """A contact as an input hands it in, with what is known of its consents."""

    identities: tuple[Identity, ...]
    language: str | None = None
    name: str = ""
    events: tuple[ConsentEvent, ...] = ()


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal, as observers get it.  Ids instead of personal data."""

    id: int
    at: datetime
    name: str
    message: int | None = None
    delivery: int | None = None
    contact: int | None = None
    sender: str | None = None
    code: str = ""
    detail: str = ""
