"""Is the request a message?  The steps "JSON shape" and "recipient" of section 11."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway_sandbox.graph import GraphError, parse_object
from gateway_sandbox.people import Person, is_user_id, parse_phone, with_phone, with_user_id

Json = dict[str, Any]

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
CALLBACK_LIMIT = 512

# Every type of section 1.5; those that are not in `_PAYLOADS` are refused with 131009.
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


class Draft(msgspec.Struct, kw_only=True):
    """A well-formed send, not yet allowed.

    `payload` is the object under the type's name.  `to` and `user_id` are as the request has
    them; when both are there, `to` wins and `user_id` is None (section 1.3).
    """

    type: str
    payload: Json
    callback_data: str | None
    context_id: str | None
    person: Person
    to: str | None
    user_id: str | None

    @property
    def fate(self) -> str:
        """What random faults are decided by."""
        return self.callback_data or self.person.contact


def parse(raw: bytes) -> Json:
    """The request's body as an object."""
    body = parse_object(raw)
    if "messaging_product" not in body:
        raise GraphError(100, message="(#100) The parameter messaging_product is required.")
    if body["messaging_product"] != "whatsapp":
        raise GraphError(100, "Param messaging_product must be one of {WHATSAPP}.")
    return body


def check_read(body: Json) -> None:
    """`{"status":"read","message_id":…}`, with or without typing indicator (section 1.6)."""
    if body["status"] != "read":
        raise GraphError(100, "Param status must be one of {READ}.")
    message_id = body.get("message_id")
    if message_id is None:
        raise GraphError(131008, "Parameter message_id is missing.")
    if not isinstance(message_id, str) or not message_id.startswith("wamid."):
        raise GraphError(131009, "Parameter message_id is not the id of a message.")
    typing = body.get("typing_indicator")
    if typing is not None and typing != {"type": "text"}:
        raise GraphError(100, "Param typing_indicator['type'] must be one of {TEXT}.")


def draft(body: Json, sender: str) -> Draft:
    """Check shape, then recipient.  `sender`: digits of the business number."""
    kind, payload = _shape(body)
    context = body.get("context")
    person, to, user_id = _recipient(body, sender)
    return Draft(
        type=kind,
        payload=payload,
        callback_data=body.get("biz_opaque_callback_data"),
        context_id=context["message_id"] if context else None,
        person=person,
        to=to,
        user_id=user_id,
    )


def _shape(body: Json) -> tuple[str, Json]:
    kind = body.get("type", "text")
    if kind not in TYPES:
        known = ", ".join(TYPES).upper()
        raise GraphError(100, message=f"(#100) Param type must be one of {{{known}}}.")
    if body.get("recipient_type", "individual") != "individual":
        raise GraphError(131009, "recipient_type: the sandbox knows individual only.")
    callback = body.get("biz_opaque_callback_data")
    if callback is not None and not (isinstance(callback, str) and len(callback) <= CALLBACK_LIMIT):
        raise GraphError(
            100, f"Param biz_opaque_callback_data must be a string of at most {CALLBACK_LIMIT}."
        )
    context = body.get("context")
    if context is not None and not (
        isinstance(context, dict) and isinstance(context.get("message_id"), str)
    ):
        raise GraphError(100, "Param context['message_id'] must be a string.")
    check = _PAYLOADS.get(kind)
    if check is None:
        raise GraphError(131009, f"Parameter type: the sandbox does not know {kind} yet.")
    payload = body.get(kind)
    if payload is None:
        raise GraphError(131008, f"Parameter {kind} is missing.")
    if not isinstance(payload, dict):
        raise GraphError(100, f"Param {kind} must be a JSON object.")
    check(payload)
    return kind, payload


def _required(payload: Json, path: str, key: str) -> str:
    value = payload.get(key)
    if value is None:
        raise GraphError(131008, f"Parameter {path}['{key}'] is missing.")
    if not isinstance(value, str):
        raise GraphError(100, f"Param {path}['{key}'] must be a string.")
    if not value.strip():
        raise GraphError(131009, f"Parameter {path}['{key}'] is empty.")
    return value


def _at_most(text: str, path: str, limit: int) -> None:
    if len(text) > limit:
        raise GraphError(
            100, message=f"(#100) Param {path} must be at most {limit} characters long."
        )


def _text(payload: Json) -> None:
    _at_most(_required(payload, "text", "body"), "text['body']", TEXT_LIMIT)
    if not isinstance(payload.get("preview_url", False), bool):
        raise GraphError(100, "Param text['preview_url'] must be a boolean.")


def check_link(value: object, path: str) -> None:
    """Public address of a media file: http or https."""
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise GraphError(100, f"Param {path}['link'] is not a valid URI.")


def _image(payload: Json) -> None:
    if "id" in payload:
        if "link" in payload:
            raise GraphError(100, "Param image takes exactly one of id and link.")
        raise GraphError(131009, "Parameter image['id']: the sandbox knows no uploaded media yet.")
    if "link" not in payload:
        raise GraphError(131008, "Parameter image['link'] is missing.")
    check_link(payload["link"], "image")
    caption = payload.get("caption", "")
    if not isinstance(caption, str):
        raise GraphError(100, "Param image['caption'] must be a string.")
    _at_most(caption, "image['caption']", CAPTION_LIMIT)


def _template(payload: Json) -> None:
    _required(payload, "template", "name")
    language = payload.get("language")
    if language is None:
        raise GraphError(131008, "Parameter template['language'] is missing.")
    if not isinstance(language, dict):
        raise GraphError(100, "Param template['language'] must be a JSON object.")
    _required(language, "template['language']", "code")
    for component in _objects(payload, "components", "template"):
        kind = component.get("type")
        if not isinstance(kind, str) or kind.lower() not in _COMPONENTS:
            raise GraphError(100, "Param template['components'][]['type'] is not known.")
        for parameter in _objects(component, "parameters", "template['components'][]"):
            if not isinstance(parameter.get("type"), str):
                raise GraphError(131008, "Parameter parameters[]['type'] is missing.")


def _objects(payload: Json, key: str, path: str) -> list[Json]:
    found = payload.get(key, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise GraphError(100, f"Param {path}['{key}'] must be an array of JSON objects.")
    return found


_PAYLOADS = {"text": _text, "image": _image, "template": _template}


def _recipient(body: Json, sender: str) -> tuple[Person, str | None, str | None]:
    to = body.get("to")
    if to is not None:
        if not isinstance(to, str):
            raise GraphError(100, "Param to must be a string.")
        digits = parse_phone(to)
        if digits is None:
            raise GraphError(100, "Param to is not a phone number with its country code.")
        if digits == sender:
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
    if person.phone == sender:
        raise GraphError(131021, "Sender and recipient phone number are the same.")
    return person, None, user_id
