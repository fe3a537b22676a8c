"""What webhooks look like: signature and escaping (6.3), inbound messages (6.5), statuses (6.6)."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from gateway_sandbox.people import Shown

Json = dict[str, Any]

PERSONAL = ("messages", "user_preferences", "smb_message_echoes", "history")
"""Fields of changes about people; all others are about the account (section 6.7)."""

_dump = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
_ESCAPES = (("/", "\\/"), ("<", "\\u003C"), ("%", "\\u0025"), ("@", "\\u0040"))


def meta_style_dump(document: Any) -> bytes:
    """JSON as Meta writes it: ASCII only, `\\uXXXX` in lower case, `/ < % @` escaped."""
    text = _dump(document)
    for plain, escaped in _ESCAPES:
        text = text.replace(plain, escaped)
    return text.encode("ascii")


def signature(secret: bytes, raw: bytes) -> str:
    """The value of `X-Hub-Signature-256` for these very bytes."""
    return "sha256=" + hmac.digest(secret, raw, hashlib.sha256).hex()


def envelope(account_id: str, changes: list[tuple[str, Json]], now: int) -> Json:
    """One POST: (field, value) of each change of one account.

    What is about people comes in one entry, what is about the account in another, with `time`.
    """
    entries: dict[bool, Json] = {}
    for field, value in changes:
        personal = field in PERSONAL
        entry = entries.get(personal)
        if entry is None:
            entry = {"id": account_id} if personal else {"id": account_id, "time": now}
            entry["changes"] = []
            entries[personal] = entry
        entry["changes"].append({"value": value, "field": field})
    return {"object": "whatsapp_business_account", "entry": list(entries.values())}


def messages_value(number_id: str, display: str, **members: Any) -> Json:
    """The value of a change in field `messages`; `display`: digits of the business number."""
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": display, "phone_number_id": number_id},
        **members,
    }


def contact_entry(shown: Shown, with_username: bool = True) -> Json:
    """One element of `contacts[]`; no `wa_id` for a person without a phone (section 7.3)."""
    profile = shown.profile
    if not with_username and "username" in profile:
        profile = {key: value for key, value in profile.items() if key != "username"}
    entry: Json = {"profile": profile}
    if shown.wa_id is not None:
        entry["wa_id"] = shown.wa_id
    entry["user_id"] = shown.user_id
    return entry


def inbound_message(shown: Shown, wamid: str, timestamp: int, content: Json) -> Json:
    """One element of `messages[]`; `content` has `type`, its object, perhaps `context`."""
    message: Json = {} if shown.wa_id is None else {"from": shown.wa_id}
    return message | {
        "from_user_id": shown.user_id,
        "id": wamid,
        "timestamp": str(timestamp),
        **content,
    }


def status(
    shown: Shown,
    wamid: str,
    kind: str,
    timestamp: int,
    callback_data: str | None,
    *,
    by_phone: bool,
    price: Json | None = None,
    errors: list[Json] | None = None,
) -> Json:
    """One element of `statuses[]`.

    A failed send to a phone number names no user id, one to a user id no phone (section 7.2).
    """
    found: Json = {"id": wamid, "status": kind, "timestamp": str(timestamp)}
    failed = kind == "failed"
    phone = shown.number if failed and by_phone else None if failed else shown.wa_id
    if phone is not None:
        found["recipient_id"] = phone
    if not (failed and by_phone):
        found["recipient_user_id"] = shown.user_id
    if callback_data is not None:
        found["biz_opaque_callback_data"] = callback_data
    if price is not None and not failed:
        found["pricing"] = price
    if errors is not None:
        found["errors"] = errors
    return found
