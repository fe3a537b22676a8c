"""GET and POST /v…/{account_id}/message_templates (section 9.1)."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import urlencode

from gateway_sandbox.graph import GraphError, parse_object
from gateway_sandbox.templates import VARIABLE, Templates

Json = dict[str, Any]

_DEFAULT_LIMIT = 25
_FIELDS = "name,language,status,category,components,parameter_format"
_NAME = re.compile(r"[a-z0-9_]{1,512}\Z")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?\Z")
_CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
_HEADERS = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION")
_LIMITS = {"HEADER": 60, "BODY": 1024, "FOOTER": 60}
_BUTTON_LIMIT = 25
_EDGES = re.compile(rf"\A\s*{VARIABLE.pattern}|{VARIABLE.pattern}\s*\Z")


def list_templates(store: Templates, query: dict[str, str], base: str) -> Json:
    """One page.  `query`: fields, limit, after, and the filters; `base`: address for `next`."""
    found = [
        template.show()
        for template in store.all.values()
        if all(
            query.get(key) in (None, value)
            for key, value in (
                ("name", template.name),
                ("status", template.status),
                ("language", template.language),
                ("category", template.category),
            )
        )
    ]
    fields = [field.strip() for field in query.get("fields", _FIELDS).split(",")]
    for field in fields:
        if found and field not in found[0]:
            raise nonexisting(field, "WhatsAppMessageTemplate")
    start, limit = _after(query.get("after")), _limit(query.get("limit"))
    page = found[start : start + limit]
    data = [{key: t[key] for key in dict.fromkeys((*fields, "id"))} for t in page]
    if not data:
        return {"data": []}
    paging: Json = {"cursors": {"before": _cursor(start), "after": _cursor(start + len(page))}}
    if start + len(page) < len(found):
        paging["next"] = f"{base}?{urlencode(query | {'after': _cursor(start + len(page))})}"
    return {"data": data, "paging": paging}


def nonexisting(field: str, node: str) -> GraphError:
    """A field of `?fields=` that this kind of object does not have."""
    return GraphError(
        100, message=f"(#100) Tried accessing nonexisting field ({field}) on node type ({node})"
    )


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"at:{position}".encode()).decode()


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        prefix, _, position = base64.urlsafe_b64decode(cursor).decode().partition(":")
        if prefix == "at" and position.isdecimal():
            return int(position)
    except ValueError:
        pass
    raise GraphError(100, "Param after is not a cursor of this list.")


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise GraphError(100, "Param limit must be a number from 1 to 1000.")
    return int(text)


def create(store: Templates, raw: bytes) -> Json:
    """Submit a template; the answer's `status` is what the sandbox decides at once."""
    definition = parse_object(raw)
    check(definition)
    if store.get(definition["name"], definition["language"]) is not None:
        raise GraphError(
            100, "There is already content in this language for this template.", subcode=2388024
        )
    template = store.add(definition)
    return {"id": template.id, "status": template.status, "category": template.category}


def check(definition: Json) -> None:
    """Refuse what Meta would refuse at once; codes of the set-up path (section 5.4)."""
    if not _NAME.match(_string(definition, "name")):
        raise GraphError(100, "Param name: lower-case letters, digits and underscores only.")
    if not _LANGUAGE.match(_string(definition, "language")):
        raise GraphError(100, "Param language is not a supported locale.")
    if _string(definition, "category").upper() not in _CATEGORIES:
        raise GraphError(100, f"Param category must be one of {{{', '.join(_CATEGORIES)}}}.")
    if str(definition.get("parameter_format", "positional")).upper() not in ("NAMED", "POSITIONAL"):
        raise GraphError(100, "Param parameter_format must be one of {NAMED, POSITIONAL}.")
    components = definition.get("components")
    if not isinstance(components, list) or not all(isinstance(c, dict) for c in components):
        raise GraphError(100, "Param components must be an array of JSON objects.")
    kinds = [str(component.get("type")) for component in components]
    if kinds.count("BODY") != 1 or len(set(kinds)) != len(kinds):
        raise GraphError(100, "Param components: exactly one BODY, all others at most once.")
    named = str(definition.get("parameter_format", "positional")).upper() == "NAMED"
    for component in components:
        _check_component(component, named)


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
    if kind == "FOOTER" and VARIABLE.search(text):
        raise GraphError(2388073, "The footer cannot hold variables.")
    if kind == "BODY" and _EDGES.search(text):
        raise GraphError(2388299, "The body cannot start or end with a variable.")
    if any(name.isdecimal() == named for name in VARIABLE.findall(text)):
        raise GraphError(2388047, f"{kind}: the variables do not fit parameter_format.")


def _check_buttons(buttons: object) -> None:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 10:
        raise GraphError(100, "Param buttons must be an array of 1 to 10 buttons.")
    for button in buttons:
        if not isinstance(button, dict) or not isinstance(button.get("type"), str):
            raise GraphError(100, "Param buttons: every button needs a type.")
        if len(_string(button, "text")) > _BUTTON_LIMIT:
            raise GraphError(2388040, f"A button's text is longer than {_BUTTON_LIMIT}.")
        if button["type"] == "URL":
            _string(button, "url")


def _string(holder: Json, key: str) -> str:
    value = holder.get(key)
    if not isinstance(value, str) or not value:
        raise GraphError(100, message=f"(#100) The parameter {key} is required.")
    return value
