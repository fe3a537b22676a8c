"""Interactive messages: buttons, lists, links, flows and requests, with their limits (section 1.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway_sandbox.checks import (
    duplicates,
    invalid,
    link,
    missing,
    one,
    optional,
    required,
    several,
    within,
    wrong,
)
from gateway_sandbox.graph import GraphError
from gateway_sandbox.payloads import Find, check_file

Json = dict[str, Any]

BODY_LIMIT = 1024
LIST_BODY_LIMIT = 4096
HEADER_LIMIT = 60
FOOTER_LIMIT = 60
BUTTONS, LABEL_LIMIT, ID_LIMIT = 3, 20, 256
SECTIONS, ROWS = 10, 10
ROW_LIMITS = {"id": 200, "title": 24, "description": 72}
SECTION_LIMIT = 24
FLOW_LABEL_LIMIT = 30

_PATH = "interactive"
_ACTION = "interactive['action']"
_MEDIA_HEADERS = ("image", "video", "document")


def check(payload: Json, find: Find) -> None:
    """Refuse with 131008, 131009 or 100 whatever Meta would."""
    kind = required(payload, _PATH, "type")
    check_action = _ACTIONS.get(kind)
    if check_action is None:
        raise invalid(f"{_PATH}['type']", f"must be one of {', '.join(_ACTIONS)}")
    _header(payload, kind, find)
    text = required(one(payload, _PATH, "body"), f"{_PATH}['body']", "text")
    within(text, f"{_PATH}['body']['text']", LIST_BODY_LIMIT if kind == "list" else BODY_LIMIT)
    if payload.get("footer") is not None:
        footer = required(one(payload, _PATH, "footer"), f"{_PATH}['footer']", "text")
        within(footer, f"{_PATH}['footer']['text']", FOOTER_LIMIT)
    check_action(one(payload, _PATH, "action"))


def _header(payload: Json, kind: str, find: Find) -> None:
    if payload.get("header") is None:
        return
    path = f"{_PATH}['header']"
    header = one(payload, _PATH, "header")
    form = required(header, path, "type")
    if form == "text":
        within(required(header, path, "text"), f"{path}['text']", HEADER_LIMIT)
    elif form in _MEDIA_HEADERS and kind in ("button", "cta_url"):
        check_file(one(header, path, form), form, find, f"{path}['{form}']")
    else:
        raise invalid(f"{path}['type']", f"{form} is not allowed for {kind}")


def _button(action: Json) -> None:
    buttons = several(action, _ACTION, "buttons")
    if not 1 <= len(buttons) <= BUTTONS:
        raise invalid(f"{_ACTION}['buttons']", f"has {len(buttons)}, 1 to {BUTTONS} are allowed")
    ids = []
    for index, button in enumerate(buttons):
        path = f"{_ACTION}['buttons'][{index}]"
        if required(button, path, "type") != "reply":
            raise invalid(f"{path}['type']", "must be reply")
        reply, path = one(button, path, "reply"), f"{path}['reply']"
        ids.append(within(required(reply, path, "id"), f"{path}['id']", ID_LIMIT))
        within(required(reply, path, "title"), f"{path}['title']", LABEL_LIMIT)
    if (twice := duplicates(ids)) is not None:
        raise invalid(f"{_ACTION}['buttons']", f"has the id {twice} twice")


def _list(action: Json) -> None:
    within(required(action, _ACTION, "button"), f"{_ACTION}['button']", LABEL_LIMIT)
    sections = several(action, _ACTION, "sections")
    if not 1 <= len(sections) <= SECTIONS:
        raise invalid(f"{_ACTION}['sections']", f"has {len(sections)}, 1 to {SECTIONS} are allowed")
    ids: list[str] = []
    for index, section in enumerate(sections):
        path = f"{_ACTION}['sections'][{index}]"
        if len(sections) > 1:
            required(section, path, "title")
        within(optional(section, path, "title"), f"{path}['title']", SECTION_LIMIT)
        rows = several(section, path, "rows")
        if not rows:
            raise missing(f"{path}['rows']")
        for place, row in enumerate(rows):
            where = f"{path}['rows'][{place}]"
            ids.append(required(row, where, "id"))
            required(row, where, "title")
            for key, limit in ROW_LIMITS.items():
                within(optional(row, where, key), f"{where}['{key}']", limit)
    if len(ids) > ROWS:
        raise invalid(f"{_ACTION}['sections']", f"has {len(ids)} rows, at most {ROWS} are allowed")
    if (twice := duplicates(ids)) is not None:
        raise invalid(f"{_ACTION}['sections']", f"has the id {twice} twice")


def _named(name: str) -> Callable[[Json], None]:
    """An action that is only its name."""

    def check_name(action: Json) -> None:
        if required(action, _ACTION, "name") != name:
            raise invalid(f"{_ACTION}['name']", f"must be {name}")

    return check_name


def _cta_url(action: Json) -> None:
    _named("cta_url")(action)
    path = f"{_ACTION}['parameters']"
    parameters = one(action, _ACTION, "parameters")
    label = required(parameters, path, "display_text")
    within(label, f"{path}['display_text']", LABEL_LIMIT)
    link(required(parameters, path, "url"), f"{path}['url']")


def _flow(action: Json) -> None:
    _named("flow")(action)
    path = f"{_ACTION}['parameters']"
    parameters = one(action, _ACTION, "parameters")
    version = parameters.get("flow_message_version")
    if version is None:
        raise missing(f"{path}['flow_message_version']")
    if version not in ("3", 3):
        raise invalid(f"{path}['flow_message_version']", "must be 3")
    if (parameters.get("flow_id") is None) == (parameters.get("flow_name") is None):
        raise GraphError(100, f"Param {path} takes exactly one of flow_id and flow_name.")
    required(parameters, path, "flow_name" if parameters.get("flow_id") is None else "flow_id")
    label = required(parameters, path, "flow_cta")
    within(label, f"{path}['flow_cta']", FLOW_LABEL_LIMIT)
    optional(parameters, path, "flow_token")
    for key, known in (
        ("flow_action", ("navigate", "data_exchange")),
        ("mode", ("draft", "published")),
    ):
        if optional(parameters, path, key) not in ("", *known):
            raise invalid(f"{path}['{key}']", f"must be one of {', '.join(known)}")
    if not isinstance(parameters.get("flow_action_payload", {}), dict):
        raise wrong(f"{path}['flow_action_payload']", "a JSON object")


_ACTIONS: dict[str, Callable[[Json], None]] = {
    "button": _button,
    "list": _list,
    "cta_url": _cta_url,
    "flow": _flow,
    "location_request_message": _named("send_location"),
    "request_contact_info": _named("request_contact_info"),
}
