"""What comes in beside messages to send: what people write and do, statuses, account events, and
people, sign-ups and cases as inputs hand them over."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from gateway.message import Identity, Value
from gateway.news import AccountEvent as AccountEvent
from gateway.news import Effect as Effect
from gateway.news import Status as Status
from gateway.news import StatusName as StatusName


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


class IdentityChange(Value, frozen=True, kw_only=True):
    """The provider said that a person is known in another way now.

    `alias`: `new` is one more name of whoever is `old` (a `wa_id` that differs from the number).
    `moved`: whoever was `old` is `new` now, and no longer `old`; consent goes along.
    `doubted`: somebody else may be behind `old` now: consents are unconfirmed until that person
    says yes again; `new` is empty.
    """

    kind: Literal["alias", "moved", "doubted"]
    old: tuple[Identity, ...]
    new: tuple[Identity, ...] = ()
    at: datetime
    raw: bytes = b""


class Echo(Value, frozen=True, kw_only=True):
    """The company wrote to a person beside the gateway (WhatsApp: `smb_message_echoes`)."""

    provider_id: str
    identities: tuple[Identity, ...]
    at: datetime


class Intake(Value, frozen=True, kw_only=True):
    """One webhook's content for one sender; applied in one transaction, or not at all.

    `ahead`: the latest time that the provider names as over, if our clock has not reached it: then
    it is slow.
    """

    sender: str
    messages: tuple[Inbound, ...] = ()
    statuses: tuple[Status, ...] = ()
    events: tuple[AccountEvent, ...] = ()
    changes: tuple[IdentityChange, ...] = ()
    echoes: tuple[Echo, ...] = ()
    ahead: datetime | None = None


class Act(Value, frozen=True, kw_only=True):
    """What a person's message means for consent.

    `stop` withdraws from `topics` (none named: from everything); `near` says that the rule for
    near misses heard it.  `resume` takes back a stop by the provider's own switch, and nothing
    else.  `start` asks for `topics`, or for what the sign-up `code` stands for.  `yes` and `no`
    answer the question about the requests (numbers of `requested` events), or, without, the one
    question that is open.
    """

    kind: Literal["stop", "resume", "start", "yes", "no"]
    topics: tuple[str, ...] = ()
    code: str = ""
    requests: tuple[int, ...] = ()
    near: bool = False
    language: str | None = None
    """Of the word that was used, if it belongs to one language."""


DOUBTED = "doubted"
"""Source of the consent event `moved` that says: somebody else may have this number now."""


class Wording(Value, frozen=True, kw_only=True):
    """Words that somebody saw and agreed to; kept once, by hash."""

    text: str
    language: str
    version: str
    purpose: str


class ConsentEvent(Value, frozen=True, kw_only=True):
    """Something that changes a consent.  `evidence` may be erased later; its digest stays.

    `name` is requested, asked, confirmed, refused, withdrawn, resumed, imported, expired or
    moved.  `topic` None means every topic of the contact.
    """

    name: str
    at: datetime
    topic: str | None = None
    source: str = ""
    sender: str = ""
    wording: Wording | None = None
    evidence: dict[str, str] = {}
    """Such as page, ip, user_agent, words, question, answer (provider ids), raw (SHA-256 of the
    webhook): all that may have to be erased."""


class Person(Value, frozen=True, kw_only=True):
    """A contact as an input hands it in, with what is known of its consents."""

    identities: tuple[Identity, ...]
    language: str | None = None
    name: str = ""
    events: tuple[ConsentEvent, ...] = ()


class SignUp(Value, frozen=True, kw_only=True):
    """What was agreed to on a page, or what a link stands for, under a short code.

    Whoever sends START and the code from the own phone binds both.  A `reusable` one (a link, a
    QR code) is bound again and again; the others once, and until `expires_at`.
    """

    code: str
    topics: tuple[str, ...]
    source: str
    at: datetime
    expires_at: datetime | None = None
    reusable: bool = False
    language: str | None = None
    wording: Wording | None = None
    evidence: dict[str, str] = {}


CaseKind = Literal["question", "callback", "enquiry", "access", "erasure"]


class Case(Value, frozen=True, kw_only=True):
    """Something that a person of the company has to do, until it is closed.

    Opened once per (plugin, external_id).  `contact` or `identities` say who asked, if known.
    `id`, `number`, `source` and the times of opening and closing are set by the core.
    """

    kind: CaseKind
    external_id: str
    text: str = ""
    contact: int | None = None
    identities: tuple[Identity, ...] = ()
    sender: str | None = None
    inbound: int | None = None
    language: str | None = None
    fields: dict[str, str] = {}
    due_at: datetime | None = None
    id: int = 0
    number: int = 0
    source: str = ""
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str = ""
    answer: str = ""


class Close(Value, frozen=True, kw_only=True):
    """Closes a case; one that is closed already stays as it is."""

    case: int
    by: str
    answer: str = ""


class Preference(Value, frozen=True, kw_only=True):
    """How much a person wants: nothing until `paused_until`, at most `per_week` (0: no limit).
    None leaves as it is; `paused_until` in the past ends a pause."""

    contact: int
    paused_until: datetime | None = None
    per_week: int | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a consent is: `state` is requested, confirmed, refused, withdrawn, expired or
    unconfirmed; `event` the number of the consent event that made it so."""

    topic: str
    state: str
    event: int
    since: datetime
    asked: bool = False
    """A question about this request went out, or is about to."""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A person as plugins may see one.  `windows`: sender → until when free text may go."""

    id: int
    identities: tuple[Identity, ...]
    language: str | None
    name: str
    consents: tuple[Standing, ...]
    windows: dict[str, datetime]
    paused_until: datetime | None = None
    per_week: int | None = None
    echoed_at: datetime | None = None
    """When the company last wrote to this person beside the gateway."""

    def standing(self, topic: str) -> Standing | None:
        """Return what the consent to a topic is."""
        return next((one for one in self.consents if one.topic == topic), None)


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One inbound message as it was stored; `act` is what it meant for consent ("" if nothing)."""

    id: int
    contact: int
    sender: str
    provider_id: str
    kind: str
    words: str
    caption: str
    button: bool
    quoted: str | None
    at: datetime
    act: str
    raw: bytes


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal, as observers get it.  Ids instead of personal data.

    `inbound`, `case` and `consent` are the ids of what an `inbound`, `case.…` or `consent.…`
    event is about; `consent` is the number of the consent event, `code` then its topic.
    """

    id: int
    at: datetime
    name: str
    message: int | None = None
    delivery: int | None = None
    contact: int | None = None
    sender: str | None = None
    code: str = ""
    detail: str = ""
    inbound: int | None = None
    case: int | None = None
    consent: int | None = None
