"""What travels: messages, their content, and deliveries.

A Message is what an input hands in.  A Delivery is one message for one contact by one sender.
All values are frozen: a middleware answers with a changed copy (`replace`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from gateway.content import Button as Button
from gateway.content import Card as Card
from gateway.content import Content as Content
from gateway.content import Form as Form
from gateway.content import Template as Template
from gateway.content import Text as Text
from gateway.content import Value as Value
from gateway.content import keep

Kind = Literal["marketing", "utility", "service", "confirmation"]

PRIORITY: dict[str, int] = {"service": 0, "confirmation": 0, "utility": 1, "marketing": 2}
"""Replies and confirmations overtake bulk."""

PRIORITY_NAMES = ("reply", "utility", "marketing")


class Identity(msgspec.Struct, frozen=True, order=True):
    """How a person is known: `kind` is `phone` (E.164 with +), `user_id` (business-scoped), …
    Raises ValueError if it is empty: that would be what all strangers have in common."""

    kind: str
    value: str

    def __post_init__(self) -> None:
        if not self.kind or not self.value.strip():
            raise ValueError(f"an identity ({self.kind or 'of no kind'}) is empty")


class Topic(Value, frozen=True, kw_only=True):
    """What people subscribe to, in the words they agreed to (`[topics.NAME]`)."""

    name: str
    title: str
    purpose: str
    template: str | None = None
    """Name of the approved template that announces a message of this topic."""
    parameters: dict[str, str] = {}
    """Template parameter → text with {title}, {text}, {link}, {topic}; by name without it."""
    sender: str | None = None
    owner: str | None = None
    frequency: str = ""
    version: str = "1"
    """Of the purpose's wording."""
    words: tuple[str, ...] = ()
    """By which START names it, beside `name` and `title`."""
    closed: bool = False
    """Only for the company's own people."""

    def __post_init__(self) -> None:
        keep(self, "parameters")


class Message(Value, frozen=True, kw_only=True):
    """What an input hands in.  Identified by (input, external_id); accepted once.

    `text` is the teaser.  `to` is a contact's id for a message to one person; without it the
    audience is everybody with a confirmed consent for `topic`.  `buttons`, `menu` and `card` are
    those of Text; a template has its own.  `template` names an approved one instead of the
    topic's.  `requests` are the numbers of the `requested` consent events that a confirmation
    asks about.  `basis` is what a utility message rests on.  `spread` (seconds) and `expires_at`
    may be set by a middleware.  `doubt` is one sentence why a person should look first (a feed
    that floods): the message is held until one releases it.  `notes` are what a middleware that
    let it pass says about it, such as "filter passed, score 1 of 5": short, without personal
    data, kept with the verdict.  `id`, `number`, `input`, `accepted_at` and `forms` are set by
    the core.
    """

    external_id: str
    kind: Kind = "marketing"
    topic: str | None = None
    language: str | None = None
    title: str = ""
    text: str = ""
    link: str = ""
    image: str | None = None
    buttons: tuple[Button, ...] = ()
    menu: str = ""
    card: Card | None = None
    preview: bool = True
    template: str | None = None
    to: int | None = None
    requests: tuple[int, ...] = ()
    basis: str | None = None
    sender: str | None = None
    published_at: datetime | None = None
    expires_at: datetime | None = None
    spread: float = 0.0
    doubt: str = ""
    notes: tuple[str, ...] = ()
    id: int = 0
    number: int = 0
    input: str = ""
    accepted_at: datetime | None = None
    approved: tuple[str, ...] = ()
    """Codes of holds that a person released; set by the core."""
    turn: int = 0  # how often a person sent it back to the checks; set by the core
    forms: tuple[Content, ...] = ()
    """The message as it would be sent, one entry per form that the output composed."""

    def form(self, form: Form) -> Content | None:
        """Return the content composed for `form`, if there is one."""
        return next((content for content in self.forms if content.form == form), None)


class Permissions(Value, frozen=True, kw_only=True):
    """What the store knew when it leased a delivery; looked at again by begin.

    `consent`: number of the current `confirmed` event of (contact, topic).  `request`: of an
    open request that was not asked yet.  `window_until`: end of the window, UTC microseconds.
    """

    consent: int | None = None
    request: int | None = None
    window_until: int | None = None
    paused_until: int | None = None
    """Until when the person wants no marketing."""
    per_week: int | None = None
    """How many marketing messages a week the person wants at most."""


class Basis(Value, frozen=True, kw_only=True):
    """Why this delivery is allowed.  begin refuses one that is no longer current."""

    kind: Literal["consent", "request", "window", "declared"]
    event: int | None = None
    text: str = ""


class Delivery(Value, frozen=True, kw_only=True):
    """One message for one contact by one sender, ready for its attempt number `attempt`.

    A middleware may change `content` and `basis`, nothing else.
    """

    id: int
    message: Message
    contact: int
    sender: str
    attempt: int
    content: Content
    failures: int = 0
    """How many of the attempts before were refused for reasons of its own that may pass."""
    identities: tuple[Identity, ...] = ()
    permissions: Permissions = Permissions()
    basis: Basis | None = None
    priority: int = 0
    when: datetime | None = None
    """When it would go, for a plan that looks ahead; None: it goes now."""

    @property
    def callback(self) -> str:
        """`delivery:n`, echoed by the provider in every status of this attempt."""
        return f"{self.id}:{self.attempt}"

    def identity(self, *kinds: str) -> Identity | None:
        """Return the first identity of the given kinds, in their order."""
        for kind in kinds:
            for one in self.identities:
                if one.kind == kind:
                    return one
        return None
