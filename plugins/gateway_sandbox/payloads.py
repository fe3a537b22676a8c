"""The payloads of section 1.5 that are no template: what each type needs and how much it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway_sandbox.checks import (
    at_most,
    flag,
    invalid,
    link,
    missing,
    optional,
    required,
    several,
    wrong,
)
from gateway_sandbox.graph import GraphError
from gateway_sandbox.media import TYPES, Media

Json = dict[str, Any]
Find = Callable[[str], Media | None]
"""Looks an uploaded file up by its id, for the number that sends."""

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
CONTACTS_LIMIT = 5
_CAPTIONED = ("document", "image", "video")


def check_text(payload: Json) -> None:
    at_most(required(payload, "text", "body"), "text['body']", TEXT_LIMIT)
    flag(payload, "text", "preview_url")


def check_media(payload: Json, kind: str, find: Find, path: str = "") -> None:
    """A file by id or link; `path` says where it stands if it is not the message itself."""
    path = path or kind
    check_file(payload, kind, find, path)
    caption = optional(payload, path, "caption")
    if caption and kind not in _CAPTIONED:
        raise GraphError(100, f"Param {path}['caption'] is not allowed.")
    at_most(caption, f"{path}['caption']", CAPTION_LIMIT)
    if optional(payload, path, "filename") and kind != "document":
        raise GraphError(100, f"Param {path}['filename'] is not allowed.")
    if flag(payload, path, "voice") and kind != "audio":
        raise GraphError(100, f"Param {path}['voice'] is not allowed.")


def check_file(payload: Json, kind: str, find: Find, path: str) -> None:
    """Exactly one of id and link, and the id is of a file of this kind."""
    if payload.get("id") is not None:
        if payload.get("link") is not None:
            raise GraphError(100, f"Param {path} takes exactly one of id and link.")
        media = find(required(payload, path, "id"))
        if media is None:
            raise invalid(f"{path}['id']", "is not the id of a file of this number")
        mimes, _ = TYPES[kind]
        if media.mime not in mimes:
            raise GraphError(131053, f"{path}: {media.mime} cannot be sent as {kind}.")
        if payload.get("voice") is True and media.mime != "audio/ogg":
            raise GraphError(131053, f"{path}: a voice message is audio/ogg, not {media.mime}.")
    elif payload.get("link") is None:
        raise missing(f"{path}['link']")
    else:
        link(payload["link"], f"{path}['link']")


def check_location(payload: Json) -> None:
    for key, most in (("latitude", 90), ("longitude", 180)):
        value = payload.get(key)
        if value is None:
            raise missing(f"location['{key}']")
        degrees = number(value)
        if degrees is None:
            raise wrong(f"location['{key}']", "a number")
        if not -most <= degrees <= most:
            raise invalid(f"location['{key}']", f"does not lie between -{most} and {most}")
    for key in ("name", "address"):
        optional(payload, "location", key)


def number(value: object) -> float | None:
    """A number, which may come as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def check_contacts(payload: Json) -> None:
    """`payload` holds the array under its own name."""
    cards = several(payload, "contacts", "contacts")
    if not 1 <= len(cards) <= CONTACTS_LIMIT:
        raise invalid("contacts", f"has {len(cards)} entries, 1 to {CONTACTS_LIMIT} are allowed")
    for index, card in enumerate(cards):
        path = f"contacts[{index}]"
        name = card.get("name")
        if name is None:
            raise missing(f"{path}['name']")
        if not isinstance(name, dict):
            raise wrong(f"{path}['name']", "a JSON object")
        required(name, f"{path}['name']", "formatted_name")
        for key in ("phones", "emails", "addresses", "urls"):
            several(card, path, key)
        for phone in several(card, path, "phones"):
            optional(phone, f"{path}['phones'][]", "phone")


def check_reaction(payload: Json) -> None:
    message_id = required(payload, "reaction", "message_id")
    if not message_id.startswith("wamid."):
        raise invalid("reaction['message_id']", "is not the id of a message")
    if payload.get("emoji") is None:
        raise missing("reaction['emoji']")
    emoji = optional(payload, "reaction", "emoji")
    if emoji and (emoji.isascii() or len(emoji) > 16):
        raise invalid("reaction['emoji']", "is not an emoji")
