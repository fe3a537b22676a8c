"""What a person can send: every type of inbound message as its webhook has it (6.5 to 7.4)."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

import msgspec

from gateway_sandbox.graph import webhook_error
from gateway_sandbox.media import TYPES, MediaStore
from gateway_sandbox.samples import sample

Json = dict[str, Any]

MEDIA = ("image", "video", "audio", "document", "sticker")
OPENING = (
    "text", "button", "button_reply", "list_reply", "flow_reply", *MEDIA, "location", "contacts",
    "order", "unsupported",
)  # fmt: skip
"""What opens a window.  Whether a reaction does is not documented; here it does not."""
QUIET = ("reaction", "edit", "revoke", "system", "preferences", "echo")
CONTENTS = (*OPENING, *QUIET)


class _Part(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Part of a request."""


class Button(_Part):
    """A quick reply of a template; without `payload` that of the message, else the text."""

    text: str
    payload: str | None = None


class Reply(_Part):
    """A button of an interactive message; without `id` that of the message."""

    title: str
    id: str | None = None


class Choice(Reply):
    """A row of a list."""

    description: str | None = None


class FlowReply(_Part):
    """A form that was sent in.  `response`: what was entered."""

    response: Json
    name: str = "flow"
    body: str = "Sent"


class Attachment(_Part):
    """`data`: Base64; without it a small file is made up.  `caption`: not of audio or stickers."""

    data: str | None = None
    mime_type: str | None = None
    caption: str | None = None
    filename: str | None = None
    voice: bool = False
    animated: bool = False


class Place(_Part):
    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    url: str | None = None


class Emoji(_Part):
    """`emoji` null takes the reaction away.  Without `message_id`: the last message received."""

    emoji: str | None
    message_id: str | None = None


class Unsupported(_Part):
    """`type`: what it really is."""

    type: str = "poll"


class System(_Part):
    """The person takes the phone number `to`, or gets another user id or security code."""

    type: Literal["user_changed_number", "user_changed_user_id", "customer_identity_changed"]
    to: str | None = None


class Edit(_Part):
    """Without `original_message_id`: what this person wrote last."""

    text: str
    original_message_id: str | None = None


class Revoke(_Part):
    original_message_id: str | None = None


class Echo(_Part):
    """The business writes to this person from its own phone app (coexistence)."""

    text: str


class Say(_Part):
    """Exactly one of the contents, and perhaps what goes with it.

    `context`: the quoted message; a tap quotes the message that has the button.  `referral`: the
    advertisement the person came from.  `phone_number_id`: the number written to, else the
    first.  `preferences`: what the person chose about marketing in the app.
    """

    text: str | None = None
    button: Button | None = None
    button_reply: Reply | None = None
    list_reply: Choice | None = None
    flow_reply: FlowReply | None = None
    image: Attachment | None = None
    video: Attachment | None = None
    audio: Attachment | None = None
    document: Attachment | None = None
    sticker: Attachment | None = None
    location: Place | None = None
    contacts: list[Json] | None = None
    order: Json | None = None
    unsupported: Unsupported | None = None
    reaction: Emoji | None = None
    edit: Edit | None = None
    revoke: Revoke | None = None
    system: System | None = None
    preferences: Literal["stop", "resume", "signup"] | None = None
    echo: Echo | None = None

    context: str | None = None
    referral: Json | None = None
    forwarded: bool = False
    phone_number_id: str | None = None

    @property
    def kind(self) -> str:
        """Name of the one content.  Raises ValueError if there is none, or more than one."""
        given = [name for name in CONTENTS if getattr(self, name) is not None]
        if len(given) != 1:
            got = f"not both {' and '.join(given)}" if given else "nothing was given"
            raise ValueError(f"exactly one of {', '.join(CONTENTS)}: {got}")
        return given[0]

    @property
    def label(self) -> str:
        """What stands on what was tapped; empty if nothing was."""
        if self.button is not None:
            return self.button.text
        reply = self.button_reply or self.list_reply
        return reply.title if reply is not None else ""


def plain(say: Say, kind: str) -> Json:
    """`type` and object of a content that needs nothing from elsewhere."""
    match kind:
        case "text":
            return {"type": "text", "text": {"body": say.text}}
        case "flow_reply" if say.flow_reply is not None:
            reply = {
                "name": say.flow_reply.name,
                "body": say.flow_reply.body,
                "response_json": msgspec.json.encode(say.flow_reply.response).decode(),
            }
            return {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": reply}}
        case "unsupported" if say.unsupported is not None:
            return {
                "type": "unsupported",
                "errors": [webhook_error(131051, "Message type is currently not supported.")],
                "unsupported": {"type": say.unsupported.type},
            }
    return {"type": kind, kind: msgspec.to_builtins(getattr(say, kind))}


def tap(say: Say, kind: str, payload: str | None) -> Json:
    """A pressed button or a chosen row; `payload`: what the message has for it."""
    if say.button is not None:
        value = say.button.payload or payload or say.button.text
        return {"type": "button", "button": {"payload": value, "text": say.button.text}}
    reply = say.list_reply or say.button_reply
    if reply is None:
        raise ValueError(f"{kind} is no tap")
    found: Json = {"id": reply.id or payload or reply.title, "title": reply.title}
    if say.list_reply is not None and say.list_reply.description is not None:
        found["description"] = say.list_reply.description
    return {"type": "interactive", "interactive": {"type": kind, kind: found}}


def attachment(say: Say, kind: str, store: MediaStore, base: str) -> Json:
    """A file, kept in the media store; `base`: address of this sandbox."""
    given: Attachment = getattr(say, kind)
    content, mime, filename = sample(kind)
    if given.data is not None:
        try:
            content = base64.b64decode(given.data, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"{kind}: data is no Base64") from None
        if given.mime_type is None:
            raise ValueError(f"{kind}: data needs its mime_type")
    mime = given.mime_type or mime
    allowed, _ = TYPES[kind]
    if mime not in allowed:
        raise ValueError(f"{kind}: mime_type is one of {', '.join(sorted(allowed))}")
    name = (given.filename or filename) if kind == "document" else None
    media = store.get(store.put(content, mime, name, inbound=True))
    if media is None:
        raise ValueError(f"{kind}: the media store did not keep it")
    found: Json = {
        "mime_type": mime,
        "sha256": base64.b64encode(bytes.fromhex(media.sha256)).decode(),
        "id": media.id,
        "url": base + store.path(media),
    }
    if given.caption is not None:
        if kind in ("audio", "sticker"):
            raise ValueError(f"{kind} has no caption")
        found["caption"] = given.caption
    if name is not None:
        found["filename"] = name
    if kind == "audio":
        found["voice"] = given.voice
    if kind == "sticker":
        found["animated"] = given.animated
    return {"type": kind, kind: found}
