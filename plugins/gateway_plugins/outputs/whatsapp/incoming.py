"""One message of a person: who wrote, when, and what counts as said.

    {"from": "49…", "from_user_id": "DE.…", "id": "wamid.…", "timestamp": "1795000000",
     "type": "text", "text": {"body": "Hi"}}

Shapes: Meta, "messages webhook reference", "Business-scoped user IDs".  A user may have no
phone number here: the fields are then missing, empty, or hold the user id.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.api import AccountEvent, Identity, Inbound

# What a person does on purpose opens the window.  Whether a reaction, an edit or a deleted
# message does is not documented: taken as no, then nothing goes out that Meta refuses.
OPENING = {
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "button",
    "interactive",
    "order",
    "unsupported",
}
QUIET = {"reaction", "edit", "revoke"}
CAPTIONED = ("image", "video", "document")
SYSTEM = {
    "user_changed_number",
    "user_changed_user_id",
    "customer_changed_number",
    "customer_identity_changed",
    "user_identity_changed",
}

_PHONE = re.compile(r"\+?[0-9]{5,20}")
_USER = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")


class Written(msgspec.Struct):
    """One entry of `messages[]`, of any type.  Nothing about the fields' types is relied on."""

    from_: Any = msgspec.field(name="from", default=None)
    from_user_id: Any = None
    from_parent_user_id: Any = None
    id: Any = None
    timestamp: Any = None
    type: Any = None
    group_id: Any = None
    context: Any = None
    text: Any = None
    button: Any = None
    interactive: Any = None
    image: Any = None
    video: Any = None
    document: Any = None
    order: Any = None
    reaction: Any = None
    edit: Any = None
    revoke: Any = None
    system: Any = None


class Known(msgspec.Struct):
    """One entry of `contacts[]`."""

    wa_id: Any = None
    user_id: Any = None
    parent_user_id: Any = None


def read(
    written: Written, contacts: list[Known], raw: bytes, now: datetime, *, opens: bool = True
) -> Inbound | AccountEvent:
    """Return the message, or an account event for a system message and for one of nobody."""
    kind = written.type if isinstance(written.type, str) else ""
    at = moment(written.timestamp, now)
    if kind == "system":
        name = string(inside(written.system, "type"))
        known = name in SYSTEM
        return AccountEvent(
            name=f"system_{name}" if known else "system_other", at=at, understood=known, raw=raw
        )
    identities = who(written, contacts)
    if not identities:
        return AccountEvent(name="message_of_nobody", at=at, understood=False, raw=raw)
    words, button = _words(kind, written)
    quoted = string(inside(written.context, "id"))
    if kind in QUIET:
        about = getattr(written, kind)
        quoted = string(inside(about, "original_message_id") or inside(about, "message_id"))
    return Inbound(
        # Without an id the content itself is the key: redelivered, it is the same bytes.
        provider_id=string(written.id) or f"raw:{hashlib.sha256(raw).hexdigest()[:32]}",
        identities=identities,
        at=at,
        kind=kind if kind in OPENING or kind in QUIET else "other",
        words=words,
        caption=_caption(kind, written) if button else "",
        button=button,
        quoted=quoted or None,
        opens_window=opens and kind in OPENING and not written.group_id,
        raw=raw,
    )


def _words(kind: str, written: Written) -> tuple[str, bool]:
    """What was said, and whether by a button: its payload or id, not its caption."""
    match kind:
        case "text":
            return string(inside(written.text, "body")), False
        case "button":
            payload = string(inside(written.button, "payload"))
            return payload or string(inside(written.button, "text")), True
        case "interactive":
            for reply in ("button_reply", "list_reply"):
                chosen = inside(written.interactive, reply)
                if chosen is not None:
                    return string(inside(chosen, "id")) or string(inside(chosen, "title")), True
        case "image" | "video" | "document":
            return string(inside(getattr(written, kind), "caption")), False
        case "order":
            return string(inside(written.order, "text")), False
        case "edit":
            # Who edits a message into STOP means it.
            new = inside(written.edit, "message")
            captions = (string(inside(inside(new, part), "caption")) for part in CAPTIONED)
            words = string(inside(inside(new, "text"), "body"))
            return words or next(filter(None, captions), ""), False
    return "", False


def _caption(kind: str, written: Written) -> str:
    """What stood on a button that was tapped."""
    if kind == "button":
        return string(inside(written.button, "text"))
    chosen = inside(written.interactive, "button_reply") or inside(
        written.interactive, "list_reply"
    )
    return string(inside(chosen, "title"))


def preference(raw: bytes, at: datetime, chosen: str, *values: Any) -> Inbound | None:
    """Return WhatsApp's own "stop marketing", or its contrary "resume", as what it is: said by
    the person.  None if it names nobody.  `values`: wa_id, user_id, parent_user_id (Meta,
    "user_preferences")."""
    identities = identities_of(*values)
    if not identities:
        return None
    return Inbound(
        provider_id=f"preference:{hashlib.sha256(raw).hexdigest()[:32]}",
        identities=identities,
        at=at,
        kind="user_preferences",
        words=chosen,
        opens_window=False,
        raw=raw,
    )


def who(written: Written, contacts: list[Known]) -> tuple[Identity, ...]:
    """Return the writer's identities, the ones of the fitting contact among them.

    A contact fits by its number or user id, never by its place in the list: positions of
    `contacts[]` and `messages[]` are not related.  An empty value fits nothing.
    """
    found: dict[str, str] = {}
    _take(found, written.from_, written.from_user_id, written.from_parent_user_id)
    for contact in contacts:
        theirs: dict[str, str] = {}
        _take(theirs, contact.wa_id, contact.user_id, contact.parent_user_id)
        same = any(found.get(kind) == theirs.get(kind, "") for kind in ("phone", "user_id"))
        alone = not found and len(contacts) == 1
        if same or alone:
            found = {**theirs, **found}
            break
    order = ("phone", "user_id", "parent_user_id")
    return tuple(Identity(kind, found[kind]) for kind in order if kind in found)


def identities_of(*values: Any) -> tuple[Identity, ...]:
    """Return what values of identity fields are by their form, one of each kind."""
    found: dict[str, str] = {}
    _take(found, *values)
    return tuple(Identity(kind, value) for kind, value in found.items())


def _take(found: dict[str, str], *values: Any) -> None:
    for value in values:
        identity = identify(value)
        if identity is not None:
            found.setdefault(identity.kind, identity.value)


def identify(value: Any) -> Identity | None:
    """Return what a value of any identity field is by its form, None for neither."""
    text = string(value).strip()
    if _PHONE.fullmatch(text):
        return Identity("phone", "+" + text.removeprefix("+"))
    if user := _USER.fullmatch(text):
        return Identity("parent_user_id" if user[1] else "user_id", text)
    return None


def moment(value: Any, now: datetime) -> datetime:
    """Return a timestamp as a time: seconds or milliseconds, number or text.

    What cannot be read, and what lies in the future, is `now`: a window must not open later
    than it is.
    """
    at = named(value)
    return now if at is None else min(at, now)


def named(value: Any) -> datetime | None:
    """Return the time that a timestamp names, though it lie in the future; None for none."""
    try:
        seconds = float(value)
        if seconds > 1e11:  # milliseconds were seen
            seconds /= 1000
        at = datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return at if at.year > 2000 else None


def inside(value: Any, key: str) -> Any:
    """Return `value[key]` if value is an object that has it, else None."""
    return value.get(key) if isinstance(value, dict) else None


def string(value: Any) -> str:
    """Return text or a whole number as text, everything else as empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
