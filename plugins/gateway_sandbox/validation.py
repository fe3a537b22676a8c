"""Is the request a message?  The steps "JSON shape" and "recipient" of section 11."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from gateway_sandbox import interactive
from gateway_sandbox.account import Account, Number
from gateway_sandbox.checks import invalid, missing, one, required, several, wrong
from gateway_sandbox.graph import GraphError, parse_object
from gateway_sandbox.payloads import (
    Find,
    check_contacts,
    check_location,
    check_media,
    check_reaction,
    check_text,
)
from gateway_sandbox.people import Person, is_user_id, parse_phone, with_phone, with_user_id

Json = dict[str, Any]

CALLBACK_LIMIT = 512

# Every type of section 1.5.
TYPES = (
    "audio",
    "contacts",
    "document",
    "image",
    "interactive",
    "location",
    "reaction",
    "sticker",
    "template",
    "text",
    "video",
)
_COMPONENTS = ("header", "body", "button")
_POLICIES = ("CLOUD_API_FALLBACK", "STRICT")
_DIRECT = ("button", "cta_url")


class Draft(msgspec.Struct, kw_only=True):
    """A well-formed send, not yet allowed.

    `payload` is the object under the type's name (for contacts, `{"contacts": […]}`).  `to` and
    `user_id` are as the request has them; when both are there, `to` wins and `user_id` is None
    (section 1.3).  `direct`: the category of a Direct Send (section 2.9).
    """

    type: str
    payload: Json
    callback_data: str | None
    context_id: str | None
    person: Person
    contact: str
    to: str | None
    user_id: str | None
    identity_hash: str | None
    direct: str | None


def parse(raw: bytes) -> Json:
    """The request's body as an object."""
    body = parse_object(raw)
    if "messaging_product" not in body:
        raise GraphError(100, message="(#100) The parameter messaging_product is required.")
    if body["messaging_product"] != "whatsapp":
        raise GraphError(100, "Param messaging_product must be one of {WHATSAPP}.")
    return body


def check_read(body: Json) -> str:
    """`{"status":"read","message_id":…}`, with or without typing indicator (section 1.6): the id."""
    if body["status"] != "read":
        raise GraphError(100, "Param status must be one of {READ}.")
    message_id = body.get("message_id")
    if message_id is None:
        raise missing("message_id")
    if not isinstance(message_id, str) or not message_id.startswith("wamid."):
        raise invalid("message_id", "is not the id of a message")
    typing = body.get("typing_indicator")
    if typing is not None and typing != {"type": "text"}:
        raise GraphError(100, "Param typing_indicator['type'] must be one of {TEXT}.")
    return message_id


def strict(body: Json) -> bool:
    """Members of the Marketing Messages API (section 2.1): may a send fall back to the Cloud API?"""
    policy = body.get("product_policy", "CLOUD_API_FALLBACK")
    if policy not in _POLICIES:
        raise GraphError(100, f"Param product_policy must be one of {{{', '.join(_POLICIES)}}}.")
    if not isinstance(body.get("message_activity_sharing", False), bool):
        raise wrong("message_activity_sharing", "a boolean")
    return bool(policy == "STRICT")


def draft(body: Json, number: Number, find: Find, account: Account) -> Draft:
    """Check shape, then recipient.  `number` sends; `find` looks up its uploaded files."""
    kind, payload = _shape(body, find)
    direct = body.get("category")
    if direct is not None:
        _direct_send(direct, kind, payload, account)
    context, identity = body.get("context"), body.get("recipient_identity_key_hash")
    person, to, user_id = _recipient(body, number)
    contact = person.contact
    _permitted(contact, number, account, identity)
    return Draft(
        type=kind,
        payload=payload,
        callback_data=body.get("biz_opaque_callback_data"),
        context_id=context["message_id"] if context else None,
        person=person,
        contact=contact,
        to=to,
        user_id=user_id,
        identity_hash=identity,
        direct=direct,
    )


def _shape(body: Json, find: Find) -> tuple[str, Json]:
    kind = body.get("type", "text")
    if kind not in TYPES:
        known = ", ".join(TYPES).upper()
        raise GraphError(100, message=f"(#100) Param type must be one of {{{known}}}.")
    if body.get("recipient_type", "individual") != "individual":
        raise invalid("recipient_type", "must be individual: the sandbox has no groups")
    callback = body.get("biz_opaque_callback_data")
    if callback is not None and not (isinstance(callback, str) and len(callback) <= CALLBACK_LIMIT):
        raise wrong("biz_opaque_callback_data", f"a string of at most {CALLBACK_LIMIT}")
    if not isinstance(body.get("recipient_identity_key_hash", ""), str):
        raise wrong("recipient_identity_key_hash", "a string")
    if not isinstance(body.get("messaging_account_id", ""), str):
        raise wrong("messaging_account_id", "a string")
    context = body.get("context")
    if context is not None and not (
        isinstance(context, dict) and isinstance(context.get("message_id"), str)
    ):
        raise wrong("context['message_id']", "a string")
    payload = body.get(kind)
    if payload is None:
        raise missing(kind)
    if kind == "contacts":
        payload = {"contacts": payload}
    if not isinstance(payload, dict):
        raise wrong(kind, "a JSON object")
    check = _PLAIN.get(kind)
    if check is not None:
        check(payload)
    elif kind == "interactive":
        interactive.check(payload, find)
    else:
        check_media(payload, kind, find)
    return kind, payload


def _template(payload: Json) -> None:
    required(payload, "template", "name")
    required(one(payload, "template", "language"), "template['language']", "code")
    for component in several(payload, "template", "components"):
        kind = component.get("type")
        if not isinstance(kind, str) or kind.lower() not in _COMPONENTS:
            raise GraphError(100, "Param template['components'][]['type'] is not known.")
        for parameter in several(component, "template['components'][]", "parameters"):
            if not isinstance(parameter.get("type"), str):
                raise missing("parameters[]['type']")


_PLAIN: dict[str, Callable[[Json], None]] = {
    "text": check_text,
    "template": _template,
    "location": check_location,
    "contacts": check_contacts,
    "reaction": check_reaction,
}


def _direct_send(category: object, kind: str, payload: Json, account: Account) -> None:
    if not account.direct_send:
        raise GraphError(100, "Param category: Direct Send is not enabled for this account.")
    if category != "utility":
        raise GraphError(100, "Param category: the account may use utility only.")
    if kind != "text" and not (kind == "interactive" and payload["type"] in _DIRECT):
        raise GraphError(100, f"Param category is not allowed with a message of type {kind}.")


def _recipient(body: Json, number: Number) -> tuple[Person, str | None, str | None]:
    to = body.get("to")
    if to is not None:
        if not isinstance(to, str):
            raise wrong("to", "a string")
        digits = parse_phone(to)
        if digits is None:
            raise GraphError(100, "Param to is not a phone number with its country code.")
        if digits == number.digits:
            raise GraphError(131021, "Sender and recipient phone number are the same.")
        return with_phone(digits), to, None
    user_id = body.get("recipient")
    if user_id is None:
        raise GraphError(100, message="(#100) The parameter to is required.")
    if not isinstance(user_id, str) or not is_user_id(user_id):
        raise GraphError(100, "Param recipient is not a business-scoped user id.")
    if ".ENT." in user_id:
        raise GraphError(100, "Param recipient: a parent user id cannot be addressed.")
    person = with_user_id(user_id)
    if person.phone == number.digits:
        raise GraphError(131021, "Sender and recipient phone number are the same.")
    return person, None, user_id


def _permitted(contact: str, number: Number, account: Account, identity: str | None) -> None:
    """May this number write to this person at all?"""
    if account.allowed is not None and contact not in account.allowed:
        raise GraphError(131030, "The recipient is not on the list of this test number.")
    if contact in number.blocked:
        raise GraphError(130403, "The business has blocked this user.")
    if identity is not None and identity != account.identity(contact):
        raise GraphError(137000, "The hash is not that of the person's present identity.")
