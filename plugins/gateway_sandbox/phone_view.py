"""What a phone shows of a send: the members of `Received` that depend on its type."""

from __future__ import annotations

from typing import Any, TypedDict

from gateway_sandbox.payloads import number
from gateway_sandbox.received import Button, ButtonKind, Location, MediaType, Reaction, Row
from gateway_sandbox.template_send import Rendered

Json = dict[str, Any]

_TEMPLATE_BUTTONS: dict[str, ButtonKind] = {
    "QUICK_REPLY": "quick_reply",
    "URL": "url",
    "PHONE_NUMBER": "phone_number",
    "COPY_CODE": "copy_code",
    "FLOW": "flow",
    "REQUEST_CONTACT_INFO": "contact_info",
}
_MEDIA: tuple[MediaType, ...] = ("audio", "document", "image", "sticker", "video")


class View(TypedDict, total=False):
    """Those members, as keyword arguments."""

    text: str
    preview: bool
    header: str | None
    footer: str | None
    buttons: tuple[Button, ...]
    rows: tuple[Row, ...]
    media: str | None
    media_type: MediaType | None
    filename: str | None
    voice: bool
    location: Location | None
    contacts: tuple[Json, ...]
    reaction: Reaction | None


def template(rendered: Rendered) -> View:
    """A template with its values filled in."""
    view = View(text=rendered.text, footer=rendered.template.footer)
    if rendered.header:
        view["header"] = rendered.header
    if rendered.attachment is not None:
        kind = rendered.attachment["type"].lower()
        view |= _attached(kind, rendered.attachment[kind])
    if rendered.buttons:
        view["buttons"] = tuple(
            _template_button(button, given)
            for button, given in zip(rendered.template.buttons, rendered.buttons, strict=True)
        )
    return view


def free_form(kind: str, payload: Json) -> View:
    """Everything that is no template, checked before."""
    match kind:
        case "text":
            return View(text=payload["body"], preview=payload.get("preview_url") is True)
        case "interactive":
            return _interactive(payload)
        case "contacts":
            return View(text="", contacts=tuple(payload["contacts"]))
        case "reaction":
            return View(text="", reaction=Reaction(payload["message_id"], payload["emoji"]))
    return View(text=payload.get("caption") or "") | _attached(kind, payload)


def _attached(kind: str, payload: Json) -> View:
    """A file or a place, as a message or in its header."""
    if kind == "location":
        latitude, longitude = (number(payload[key]) or 0.0 for key in ("latitude", "longitude"))
        place = Location(latitude, longitude, payload.get("name"), payload.get("address"))
        return View(location=place)
    media_type = next(known for known in _MEDIA if known == kind)
    view = View(media=payload.get("link") or payload.get("id"), media_type=media_type)
    if payload.get("filename"):
        view["filename"] = payload["filename"]
    if payload.get("voice"):
        view["voice"] = True
    return view


def _template_button(button: Json, given: Json | None) -> Button:
    kind = _TEMPLATE_BUTTONS.get(button["type"], "other")
    text = button.get("text") or button["type"].replace("_", " ").capitalize()
    match kind:
        case "quick_reply":
            return Button(kind, text, payload=given["payload"] if given else text)
        case "url":
            return Button(kind, text, url=given["url"] if given else button["url"])
        case "phone_number":
            return Button(kind, text, url=f"tel:{button['phone_number']}")
        case "copy_code":
            return Button(kind, text, payload=given["coupon_code"] if given else None)
        case "flow":
            return Button(kind, text, payload=given["action"].get("flow_token") if given else None)
    return Button(kind, text)


def _interactive(payload: Json) -> View:
    view = View(text=payload["body"]["text"])
    if header := payload.get("header"):
        if header["type"] == "text":
            view["header"] = header["text"]
        else:
            view |= _attached(header["type"], header[header["type"]])
    if footer := payload.get("footer"):
        view["footer"] = footer["text"]
    action = payload["action"]
    match payload["type"]:
        case "button":
            replies = [button["reply"] for button in action["buttons"]]
            view["buttons"] = tuple(Button("reply", r["title"], payload=r["id"]) for r in replies)
        case "list":
            view["buttons"] = (Button("list", action["button"]),)
            view["rows"] = tuple(
                Row(row["id"], row["title"], row.get("description"), section.get("title"))
                for section in action["sections"]
                for row in section["rows"]
            )
        case "cta_url":
            link = action["parameters"]
            view["buttons"] = (Button("url", link["display_text"], url=link["url"]),)
        case "flow":
            flow = action["parameters"]
            view["buttons"] = (Button("flow", flow["flow_cta"], payload=flow.get("flow_token")),)
        case "location_request_message":
            view["buttons"] = (Button("location", "Send location"),)
        case "request_contact_info":
            view["buttons"] = (Button("contact_info", "Share contact info"),)
    return view
