"""What webhooks look like: signature and escaping (6.3), inbound messages (6.5), statuses (6.6)."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from gateway_sandbox.people import Person

Json = dict[str, Any]

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


def envelope(account_id: str, changes: list[tuple[str, Json]]) -> Json:
    """One POST: (field, value) of each change of one account."""
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": account_id,
                "changes": [{"value": value, "field": field} for field, value in changes],
            }
        ],
    }


def messages_value(number_id: str, display: str, **members: Any) -> Json:
    """The value of a change in field `messages`; `display`: digits of the business number."""
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": display, "phone_number_id": number_id},
        **members,
    }


def contact_entry(person: Person, with_username: bool = True) -> Json:
    """One element of `contacts[]`; no `wa_id` for a person without a phone (section 7.3)."""
    profile = person.profile
    if not with_username:
        profile.pop("username", None)
    entry: Json = {"profile": profile}
    if person.phone is not None:
        entry["wa_id"] = person.phone
    entry["user_id"] = person.user_id
    return entry


def inbound_message(person: Person, wamid: str, timestamp: int, content: Json) -> Json:
    """One element of `messages[]`; `content` has `type`, its object, perhaps `context`."""
    message: Json = {} if person.phone is None else {"from": person.phone}
    return message | {
        "from_user_id": person.user_id,
        "id": wamid,
        "timestamp": str(timestamp),
        **content,
    }


def pricing(category: str | None, in_window: bool) -> Json:
    """`pricing` of a status; `category` of the template, None for free text."""
    free = in_window and category in (None, "UTILITY")
    return {
        "billable": not free,
        "pricing_model": "PMP",
        "type": "free_customer_service" if free else "regular",
        "category": "service" if category is None else category.lower(),
    }


def status(
    person: Person,
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
    if person.phone is not None and (by_phone or not failed):
        found["recipient_id"] = person.phone
    if not (failed and by_phone):
        found["recipient_user_id"] = person.user_id
    if callback_data is not None:
        found["biz_opaque_callback_data"] = callback_data
    if price is not None and not failed:
        found["pricing"] = price
    if errors is not None:
        found["errors"] = errors
    return found
