"""One accepted send as the person's phone shows it: a line of `GET /sandbox/received`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

MediaType = Literal["audio", "document", "image", "sticker", "video"]
ButtonKind = Literal[
    "quick_reply",
    "reply",
    "url",
    "phone_number",
    "copy_code",
    "flow",
    "list",
    "location",
    "contact_info",
    "catalog",
    "other",
]


class TemplateName(msgspec.Struct):
    name: str
    language: str


class Button(msgspec.Struct, omit_defaults=True):
    """What can be pressed.

    `quick_reply` is a template's (pressing it writes a `button` message with `payload` and
    `text`), `reply` an interactive message's (it writes a `button_reply` with the id `payload`).
    `list` opens the line's `rows`.  `url`: where a link leads, or `tel:` and a number.
    `payload` is also the code of `copy_code` and the token of `flow`.
    """

    kind: ButtonKind
    text: str
    payload: str | None = None
    url: str | None = None


class Row(msgspec.Struct, omit_defaults=True):
    """One choice of a list; choosing it writes a `list_reply`.  `section`: its heading."""

    id: str
    title: str
    description: str | None = None
    section: str | None = None


class Location(msgspec.Struct, omit_defaults=True):
    """Degrees, and what is there."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class Reaction(msgspec.Struct):
    """An emoji at another message; an empty one takes it away."""

    message_id: str
    emoji: str


class Received(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What arrived, who asked for it, and when.

    `seq` counts from 1.  `contact`: `+` and digits, or the user id of a person without a
    phone.  `to`, `user_id`: how the request addressed the person; one of them is null.  `text`:
    what the person reads without `header`, `footer` and `buttons`: body or caption.
    `first_byte`, `arrival`: unix seconds at which the request's first and last byte were read.
    `media`: a link, or an id of the media store; `media_type` says what it is, also in a header.
    `preview`: a text asked for a preview of its first link.
    `marketing_edge`: it came by the Marketing Messages API.  `contacts`: as the API takes them.
    Members with a default are left out of the line while they have it.
    """

    seq: int
    wamid: str
    phone_number_id: str
    to: str | None
    user_id: str | None
    contact: str
    callback_data: str | None
    type: str
    form: str
    text: str
    template: TemplateName | None
    category: str | None
    context_id: str | None
    first_byte: float
    arrival: float
    header: str | None = None
    footer: str | None = None
    buttons: tuple[Button, ...] = ()
    media: str | None = None
    media_type: MediaType | None = None
    filename: str | None = None
    voice: bool = False
    rows: tuple[Row, ...] = ()
    location: Location | None = None
    contacts: tuple[dict[str, Any], ...] = ()
    reaction: Reaction | None = None
    preview: bool = False
    marketing_edge: bool = False
