"""A delivery as the JSON that the Cloud API takes.

Shapes and limits: Meta, "Send messages", "Text messages", "Image messages", "Templates"; buttons,
lists and cards: interactive.py.
A text, to a phone number (`to`) or, without one, to a business-scoped user id (`recipient`):

    {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "+49…",
     "type": "text", "text": {"body": "…", "preview_url": true},
     "biz_opaque_callback_data": "DELIVERY:ATTEMPT"}
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.api import Button, Delivery, Rejected, Template, Text
from gateway_plugins.outputs.whatsapp import interactive

Json = dict[str, Any]

CODES = interactive.CODES | {"no_identity", "empty_text", "text_too_long", "empty_parameter"}
_encode = msgspec.json.Encoder().encode


def body(delivery: Delivery) -> bytes:
    """Return the request body of `POST /{phone_number_id}/messages`.

    Raises Rejected, with one of CODES, for what Meta would refuse anyway.
    """
    phone = delivery.identity("phone")
    payload: Json = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    if phone is not None:
        # Without + Meta puts our own country code in front: a stranger would get the message.
        payload["to"] = phone.value if phone.value.startswith("+") else f"+{phone.value}"
    elif (user := delivery.identity("user_id")) is not None:
        payload["recipient"] = user.value
    else:
        raise Rejected("no_identity", "neither phone nor user_id is known", scope="contact")
    content = delivery.content
    kind, value = _text(content) if isinstance(content, Text) else ("template", _template(content))
    payload["type"] = kind
    payload[kind] = value
    payload["biz_opaque_callback_data"] = delivery.callback
    return _encode(payload)


def flat(text: str) -> str:
    """Return text with every run of white space as one space.

    Meta refuses a template parameter with a line break, a tab or more than four spaces.
    """
    return " ".join(text.split())


def _text(content: Text) -> tuple[str, Json | list[Json]]:
    if (trouble := interactive.trouble(content)) is not None:
        raise Rejected(*trouble)
    if content.card is not None:
        return "contacts", interactive.contacts(content.card)
    if len(content.body) > content.limit:
        length = f"{len(content.body)} characters, at most {content.limit}"
        raise Rejected("text_too_long", length)
    if not content.body.strip() and (content.buttons or content.image is None):
        raise Rejected("empty_text", "the text is empty")
    if content.buttons:
        return "interactive", interactive.interactive(content)
    if content.image is None:
        return "text", {"body": content.body, "preview_url": content.preview}
    image = {"link": content.image}
    if content.body:
        image["caption"] = content.body
    return "image", image


def _template(content: Template) -> Json:
    components: list[Json] = []
    if content.image is not None:
        image = {"type": "image", "image": {"link": content.image}}
        components.append({"type": "header", "parameters": [image]})
    elif content.header_parameters:
        values = _parameters(content.header_parameters, content.named)
        components.append({"type": "header", "parameters": values})
    if content.parameters:
        values = _parameters(content.parameters, content.named)
        components.append({"type": "body", "parameters": values})
    for index, button in enumerate(content.buttons):
        parameter = _button(button)
        if parameter is not None:
            components.append(
                {
                    "type": "button",
                    "sub_type": button.kind,
                    "index": str(index),
                    "parameters": [parameter],
                }
            )
    template: Json = {"name": content.name, "language": {"code": content.language}}
    if components:
        template["components"] = components
    return template


def _parameters(values: dict[str, str], named: bool) -> list[Json]:
    found: list[Json] = []
    # Positions count in the order of the list, whoever filled the dictionary.
    names = values if named else sorted(values, key=_position)
    for name in names:
        text = flat(values[name])
        # Zero-width characters alone are as empty as spaces.
        if not any(c > " " and c.isprintable() for c in text):
            raise Rejected("empty_parameter", f"template parameter {name} is empty")
        if named:
            found.append({"type": "text", "parameter_name": name, "text": text})
        else:
            found.append({"type": "text", "text": text})
    return found


def _position(name: str) -> int:
    return int(name) if name.isdecimal() else 0


def _button(button: Button) -> Json | None:
    """The one parameter that a button takes when sent, or None."""
    match button.kind:
        case "quick_reply" if button.payload:
            return {"type": "payload", "payload": button.payload}
        case "url" if button.value:
            return {"type": "text", "text": button.value}
        case "copy_code" if button.value:
            return {"type": "coupon_code", "coupon_code": button.value}
    return None
