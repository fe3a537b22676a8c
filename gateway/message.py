"""What travels: messages, their content, and deliveries.

A Message is what an input hands in.  A Delivery is one message for one contact by one sender.
All values are frozen: a middleware answers with a changed copy (`replace`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NoReturn, Self

import msgspec

Kind = Literal["marketing", "utility", "service", "confirmation"]
Form = Literal["text", "template"]

PRIORITY: dict[str, int] = {"service": 0, "confirmation": 0, "utility": 1, "marketing": 2}
"""Replies and confirmations overtake bulk."""

PRIORITY_NAMES = ("reply", "utility", "marketing")


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the frozen values: `value.replace(field=…)` gives a changed copy."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy with the given fields changed."""
        return msgspec.structs.replace(self, **changes)


class ReadOnly(dict[str, str]):
    """A dictionary inside a frozen value, which many deliveries share.  `{**it, …}` is a copy."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this value is shared; change a copy: value.replace(field={**old, …})")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnly, (dict(self),)


def _keep(value: Value, *fields: str) -> None:
    for field in fields:
        given = getattr(value, field)
        if type(given) is not ReadOnly:
            msgspec.structs.force_setattr(value, field, ReadOnly(given))


class Identity(msgspec.Struct, frozen=True, order=True):
    """How a person is known: `kind` is `phone` (E.164 with +), `user_id` (business-scoped), …"""

    kind: str
    value: str


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

    def __post_init__(self) -> None:
        _keep(self, "parameters")


class Button(Value, frozen=True, kw_only=True):
    """A button of a template.  `payload` comes back when a quick reply is tapped."""

    kind: str  # "quick_reply", "url", "phone_number", "copy_code"
    text: str
    payload: str = ""
    value: str = ""  # the variable end of a url button


class Text(Value, frozen=True, kw_only=True, tag="text"):
    """Free-form content; allowed only inside a window.  With an image, `body` is its caption."""

    body: str
    image: str | None = None
    preview: bool = True
    footer: str = ""
    """The opt-out line, once a middleware put it at the end of `body`."""

    @property
    def form(self) -> Form:
        return "text"

    @property
    def rendered(self) -> str:
        """The text as the person reads it."""
        return self.body

    @property
    def limit(self) -> int:
        """Longest body in characters (Meta: 4096, a caption 1024)."""
        return 1024 if self.image else 4096


class Template(Value, frozen=True, kw_only=True, tag="template"):
    """Content by an approved template: fixed words with parameters.

    `body` is the approved text with its placeholders, `parameters` the values in the order of
    the placeholders, by name (`1`, `2`, … for positional templates).
    """

    name: str
    language: str
    body: str
    parameters: dict[str, str]
    named: bool = True
    header: str = ""
    header_parameters: dict[str, str] = {}
    image: str | None = None
    footer: str = ""
    buttons: tuple[Button, ...] = ()
    version: str = ""
    """Short hash of the approved definition, so that a trace can tell which wording went out."""

    def __post_init__(self) -> None:
        _keep(self, "parameters", "header_parameters")

    @property
    def form(self) -> Form:
        return "template"

    @property
    def rendered(self) -> str:
        """The whole text as the person reads it, without the footer."""
        text = self.body
        for name, value in self.parameters.items():
            text = text.replace("{{" + name + "}}", value)
        return text


Content = Text | Template


class Message(Value, frozen=True, kw_only=True):
    """What an input hands in.  Identified by (input, external_id); accepted once.

    `text` is the teaser.  `to` is a contact's id for a message to one person; without it the
    audience is everybody with a confirmed consent for `topic`.  `basis` is what a utility
    message rests on.  `spread` (seconds) and `expires_at` may be set by a middleware.  `doubt`
    is one sentence why a person should look first (a feed that floods): the message is held
    until one releases it.  `notes` are what a middleware that let it pass says about it, such as
    "filter passed, score 1 of 5": short, without personal data, kept with the verdict.
    `id`, `number`, `input`, `accepted_at` and `forms` are set by the core.
    """

    external_id: str
    kind: Kind = "marketing"
    topic: str | None = None
    language: str | None = None
    title: str = ""
    text: str = ""
    link: str = ""
    image: str | None = None
    to: int | None = None
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
    identities: tuple[Identity, ...] = ()
    permissions: Permissions = Permissions()
    basis: Basis | None = None
    priority: int = 0

    @property
    def callback(self) -> str:
        """`delivery:n`, echoed by the provider in every status of this attempt."""
        return f"{self.id}:{self.attempt}"

    def identity(self, *kinds: str) -> Identity | None:
        """Return the first identity of the given kinds, in their order."""
        for kind in kinds:
            for identity in self.identities:
                if identity.kind == kind:
                    return identity
        return None
