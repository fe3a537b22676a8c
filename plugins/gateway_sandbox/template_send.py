"""The step "template" of section 11: does this template exist, and do the parameters fit?

All parts are looked at for one rule before the next rule, so a request with several mistakes
gets the code that comes first: 132001, 132000, 132012, 132005, 132018, 132015, 132016.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from gateway_sandbox.graph import GraphError
from gateway_sandbox.payloads import Find, check_file, check_location
from gateway_sandbox.templates import Template, Templates, fill

Json = dict[str, Any]

BODY_LIMIT = 1024
HEADER_LIMIT = 60
CODE_LIMIT = 15
_BREAKS = re.compile(r"[\n\r\t]| {5}")
_FALLBACK = ("currency", "date_time")
_USABLE = ("APPROVED", "PAUSED", "DISABLED")
_MEDIA = ("IMAGE", "VIDEO", "DOCUMENT")
# sub_type of a button → the member of its one parameter, and what that is
_PRESSED: dict[str, tuple[str, type]] = {
    "quick_reply": ("payload", str),
    "copy_code": ("coupon_code", str),
    "flow": ("action", dict),
}


class Rendered(NamedTuple):
    """What fits: the texts with their values, and what the header and each button were given."""

    template: Template
    header: str | None
    text: str
    attachment: Json | None
    """Parameter of a header that is no text: `{"type": "image", "image": {…}}`."""
    buttons: tuple[Json | None, ...]
    """Parameter of each button of the template, by index; of a link its filled address."""


class _Part(NamedTuple):
    """One place that takes text parameters: its variables, and what was given for them."""

    name: str
    text: str
    expected: tuple[str, ...]
    given: list[Json]


def render(payload: Json, store: Templates, find: Find) -> Rendered:
    """Check `template` of a send and fill it in."""
    name, language = payload["name"], payload["language"]["code"]
    template = store.get(name, language)
    if template is None or template.status not in _USABLE:
        raise GraphError(132001, f"template name ({name}) does not exist in {language}")
    components: list[Json] = payload.get("components", [])
    header = _parameters(components, "header")
    body = _parameters(components, "body")
    parts = [_Part("body", template.body, template.body_variables, body)]
    if template.header_format == "TEXT":
        parts.insert(0, _Part("header", template.header_text, template.header_variables, header))
    if template.buttons:
        parts += _url_buttons(template, components)

    for part in parts:
        _count(part)
    _format(template, components, header, find)
    values = {part.name: _values(part, template.named) for part in parts}
    filled = {part.name: fill(part.text, values[part.name]) for part in parts}
    _length("body", filled["body"], BODY_LIMIT)
    _length("header", filled.get("header", ""), HEADER_LIMIT)
    for where, given in values.items():
        _characters(where, given)
    if template.status == "PAUSED":
        raise GraphError(132015, f"Template {name} is paused because of its quality.")
    if template.status == "DISABLED":
        raise GraphError(132016, f"Template {name} is disabled because of its quality.")
    return Rendered(
        template,
        filled.get("header"),
        filled["body"],
        header[0] if header and template.header_format != "TEXT" else None,
        _pressed(template, components, filled) if template.buttons else (),
    )


def _parameters(components: list[Json], kind: str) -> list[Json]:
    return [
        parameter
        for component in components
        if component["type"].lower() == kind
        for parameter in component.get("parameters", [])
    ]


def _index(component: Json) -> int:
    try:
        return int(component.get("index", -1))
    except (TypeError, ValueError, OverflowError):
        return -1


def _for_button(components: list[Json], index: int) -> list[Json]:
    return [
        parameter
        for component in components
        if component["type"].lower() == "button" and _index(component) == index
        for parameter in component.get("parameters", [])
    ]


def _url_buttons(template: Template, components: list[Json]) -> list[_Part]:
    return [
        _Part(f"button {index}", button["url"], variables, _for_button(components, index))
        for index, (button, variables) in enumerate(
            zip(template.buttons, template.button_variables, strict=True)
        )
        if button["type"] == "URL"
    ]


def _pressed(
    template: Template, components: list[Json], filled: dict[str, str]
) -> tuple[Json | None, ...]:
    found: list[Json | None] = []
    for index, button in enumerate(template.buttons):
        given = _for_button(components, index)
        if button["type"] == "URL":
            found.append({"url": filled[f"button {index}"]})
        else:
            found.append(given[0] if given else None)
    return tuple(found)


def _count(part: _Part) -> None:
    if len(part.given) != len(part.expected):
        raise GraphError(
            132000,
            f"{part.name}: number of localizable_params ({len(part.given)}) does not match "
            f"the expected number of params ({len(part.expected)})",
        )


def _format(template: Template, components: list[Json], header: list[Json], find: Find) -> None:
    wanted = template.header_format
    if wanted in _MEDIA or wanted == "LOCATION":
        received = header[0]["type"].upper() if header else "UNKNOWN"
        if len(header) != 1 or received != wanted:
            raise GraphError(
                132012, f"header: Format mismatch, expected {wanted}, received {received}"
            )
        kind = wanted.lower()
        attached = header[0].get(kind)
        if not isinstance(attached, dict) or not attached:
            raise GraphError(132012, f"header: {kind} needs its members")
        if kind == "location":
            check_location(attached)
        else:
            check_file(attached, kind, find, "header")
    elif wanted is None and header:
        raise GraphError(132012, "header: the template has no header")
    for component in components:
        if component["type"].lower() == "button":
            _button(template, component)
    for index, button in enumerate(template.buttons):
        if button["type"] == "COPY_CODE" and not _for_button(components, index):
            raise GraphError(132000, f"button {index}: a coupon_code is needed")


def _button(template: Template, component: Json) -> None:
    index = _index(component)
    if not 0 <= index < len(template.buttons):
        raise GraphError(132012, f"button: the template has no button at index {index}")
    wanted = template.buttons[index]["type"].lower()
    if str(component.get("sub_type", "")).lower() != wanted:
        raise GraphError(132012, f"button {index}: sub_type must be {wanted}")
    parameters = component.get("parameters", [])
    if wanted in _PRESSED:
        member, kind = _PRESSED[wanted]
        if len(parameters) > 1:
            raise GraphError(132000, f"button {index}: one parameter, not {len(parameters)}")
        for parameter in parameters:
            if not isinstance(parameter.get(member), kind):
                raise GraphError(132012, f"button {index}: a {member} is needed")
        if wanted == "copy_code" and parameters:
            _length(f"button {index}", parameters[0][member], CODE_LIMIT)
    elif wanted != "url" and parameters:
        raise GraphError(132000, f"button {index}: {wanted} takes no parameters")


def _values(part: _Part, named: bool) -> dict[str, str]:
    """Variable → text; named templates by name, the others (and links of buttons) by place."""
    by_name = named and not part.name.startswith("button")
    values: dict[str, str] = {}
    for position, parameter in zip(part.expected, part.given, strict=True):
        name = parameter.get("parameter_name")
        if by_name and (not isinstance(name, str) or not name):
            raise GraphError(100, "Parameter name is missing or empty")
        if not by_name and name is not None:
            raise GraphError(100, f"{part.name}: parameter_name with a positional template")
        if by_name and name not in part.expected:
            raise GraphError(132012, f"{part.name}: the template has no parameter {name}")
        values[str(name) if by_name else position] = _text(part, parameter)
    if len(values) != len(part.expected):
        raise GraphError(132012, f"{part.name}: a parameter is given twice")
    return values


def _text(part: _Part, parameter: Json) -> str:
    kind = parameter["type"].lower()
    value = parameter.get("text") if kind == "text" else None
    if kind in _FALLBACK and part.name == "body":
        inner = parameter.get(kind)
        value = inner.get("fallback_value") if isinstance(inner, dict) else None
    if not isinstance(value, str):
        raise GraphError(132012, f"{part.name}: Format mismatch, expected TEXT, received {kind}")
    return value


def _length(name: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise GraphError(132005, f"{name}: the text has {len(text)} characters, limit {limit}")


def _characters(where: str, values: dict[str, str]) -> None:
    for text in values.values():
        if _BREAKS.search(text):
            raise GraphError(
                132018,
                "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
            )
        if not text.strip():
            raise GraphError(100, f"{where}: Parameter text is missing or empty")
