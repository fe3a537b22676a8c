"""What Meta refuses at once in a template's definition (sections 4.7 and 9.1)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from gateway_sandbox.graph import GraphError
from gateway_sandbox.templates import VARIABLE

Json = dict[str, Any]

CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
_NAME = re.compile(r"[a-z0-9_]{1,512}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?\Z")
_HEADERS = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION")
_LIMITS = {"HEADER": 60, "BODY": 1024, "FOOTER": 60}
_BUTTON_LIMIT, _URL_LIMIT, _PHONE_LIMIT, _CODE_LIMIT = 25, 2000, 20, 15
# kind of a button → how many of it
_BUTTONS = {
    "QUICK_REPLY": 10,
    "URL": 2,
    "PHONE_NUMBER": 1,
    "COPY_CODE": 1,
    "FLOW": 1,
    "REQUEST_CONTACT_INFO": 1,
}
_NO_TEXT = ("COPY_CODE", "REQUEST_CONTACT_INFO")  # whose text is Meta's
_EDGES = re.compile(rf"\A\s*{VARIABLE.pattern}|{VARIABLE.pattern}\s*\Z")
# category → seconds from, to (section 2.6)
_TTL = {"AUTHENTICATION": (30, 900), "UTILITY": (30, 43_200), "MARKETING": (43_200, 2_592_000)}
_LONGEST = -1  # 30 days, for all but marketing


def check(definition: Json) -> None:
    """A whole definition; codes of the set-up path (section 5.4)."""
    if not _NAME.match(_string(definition, "name")):
        raise GraphError(100, "Param name: lower-case letters, digits and underscores only.")
    if not _LANGUAGE.match(_string(definition, "language")):
        raise GraphError(100, "Param language is not a supported locale.")
    check_parts(definition)


def check_parts(definition: Json) -> None:
    """Everything but name and language, which an edit cannot change."""
    category = _string(definition, "category").upper()
    if category not in CATEGORIES:
        raise GraphError(100, f"Param category must be one of {{{', '.join(CATEGORIES)}}}.")
    form = str(definition.get("parameter_format", "positional")).upper()
    if form not in ("NAMED", "POSITIONAL"):
        raise GraphError(100, "Param parameter_format must be one of {NAMED, POSITIONAL}.")
    _check_ttl(definition.get("message_send_ttl_seconds"), category)
    components = definition.get("components")
    if not isinstance(components, list) or not all(isinstance(c, dict) for c in components):
        raise GraphError(100, "Param components must be an array of JSON objects.")
    kinds = [str(component.get("type")) for component in components]
    if kinds.count("BODY") != 1 or len(set(kinds)) != len(kinds):
        raise GraphError(100, "Param components: exactly one BODY, all others at most once.")
    for component in components:
        _check_component(component, form == "NAMED")


def _check_ttl(ttl: object, category: str) -> None:
    if ttl is None:
        return
    least, most = _TTL[category]
    longest = ttl == _LONGEST and category != "MARKETING"
    if isinstance(ttl, bool) or not isinstance(ttl, int) or not (least <= ttl <= most or longest):
        raise GraphError(
            100, f"Param message_send_ttl_seconds must lie between {least} and {most}."
        )


def _check_component(component: Json, named: bool) -> None:
    kind = str(component.get("type"))
    if kind == "BUTTONS":
        _check_buttons(component.get("buttons"))
        return
    if kind not in _LIMITS:
        raise GraphError(100, f"Param components: the sandbox does not know {kind}.")
    if kind == "HEADER":
        if component.get("format", "TEXT") not in _HEADERS:
            raise GraphError(2388047, "The header's format is not known.")
        if component.get("format", "TEXT") != "TEXT":
            return
    text = _string(component, "text")
    if len(text) > _LIMITS[kind]:
        raise GraphError(2388040, f"{kind}: the text is longer than {_LIMITS[kind]} characters.")
    found = VARIABLE.findall(text)
    if kind == "FOOTER" and found:
        raise GraphError(2388073, "The footer cannot hold variables.")
    if kind == "HEADER" and len(found) > 1:
        raise GraphError(2388047, "HEADER: at most one variable.")
    if kind == "BODY" and _EDGES.search(text):
        raise GraphError(2388299, "The body cannot start or end with a variable.")
    if any(name.isdecimal() == named for name in found):
        raise GraphError(2388047, f"{kind}: the variables do not fit parameter_format.")


def _check_buttons(buttons: object) -> None:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 10:
        raise GraphError(100, "Param buttons must be an array of 1 to 10 buttons.")
    for button in buttons:
        if not isinstance(button, dict) or not isinstance(button.get("type"), str):
            raise GraphError(100, "Param buttons: every button needs a type.")
        if button["type"] not in _BUTTONS:
            raise GraphError(100, f"Param buttons: the sandbox does not know {button['type']}.")
        _check_button(button, button["type"])
    kinds = [button["type"] for button in buttons]
    for kind, most in _BUTTONS.items():
        if kinds.count(kind) > most:
            raise GraphError(100, f"Param buttons: at most {most} of {kind}.")


def _check_button(button: Json, kind: str) -> None:
    if kind not in _NO_TEXT or "text" in button:
        _limited(button, "text", _BUTTON_LIMIT)
    if kind == "URL":
        url = _limited(button, "url", _URL_LIMIT)
        found = VARIABLE.findall(url)
        if len(found) > 1 or (found and not _EDGES.search(url)) or url.startswith("{{"):
            raise GraphError(100, "Param buttons: a url has one variable at most, at its end.")
        if urlsplit(url).scheme not in ("http", "https"):
            raise GraphError(100, "Param buttons: a url starts with https:// or http://.")
    elif kind == "PHONE_NUMBER":
        _limited(button, "phone_number", _PHONE_LIMIT)
    elif kind == "COPY_CODE" and "example" in button:
        example = button["example"]
        if isinstance(example, list):
            example = example[0] if example else ""
        if not isinstance(example, str) or len(example) > _CODE_LIMIT:
            raise GraphError(2388040, f"A code is longer than {_CODE_LIMIT} characters.")


def _limited(button: Json, key: str, limit: int) -> str:
    value = _string(button, key)
    if len(value) > limit:
        raise GraphError(2388040, f"A button's {key} is longer than {limit} characters.")
    return value


def _string(holder: Json, key: str) -> str:
    value = holder.get(key)
    if not isinstance(value, str) or not value:
        raise GraphError(100, message=f"(#100) The parameter {key} is required.")
    return value
