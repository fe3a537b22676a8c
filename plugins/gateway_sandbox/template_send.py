"""The step "template" of section 11: does this template exist, and do the parameters fit?

All parts are looked at for one rule before the next rule, so a request with several mistakes
gets the code that comes first: 132001, 132000, 132012, 132005, 132018, 132015, 132016.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from gateway_sandbox.graph import GraphError
from gateway_sandbox.templates import Template, Templates, fill, variables
from gateway_sandbox.validation import check_link

Json = dict[str, Any]

BODY_LIMIT = 1024
HEADER_LIMIT = 60
_BREAKS = re.compile(r"[\n\r\t]| {5}")
_FALLBACK = ("currency", "date_time")
_USABLE = ("APPROVED", "PAUSED", "DISABLED")


class Rendered(NamedTuple):
    """What the person reads: header and body, the fixed footer, the buttons' texts."""

    template: Template
    text: str
    footer: str | None
    buttons: tuple[str, ...]


class _Part(NamedTuple):
    """One place that takes text parameters: its variables, and what was given for them."""

    name: str
    text: str
    expected: list[str]
    given: list[Json]


def render(payload: Json, store: Templates) -> Rendered:
    """Check `template` of a send and fill it in."""
    name, language = payload["name"], payload["language"]["code"]
    template = store.get(name, language)
    if template is None or template.status not in _USABLE:
        raise GraphError(132001, f"template name ({name}) does not exist in {language}")
    components: list[Json] = payload.get("components", [])
    header = _parameters(components, "header")
    parts = [
        _Part("body", template.body, variables(template.body), _parameters(components, "body"))
    ]
    if template.header_format == "TEXT":
        text = template.header_text
        parts.insert(0, _Part("header", text, variables(text), header))
    parts += _url_buttons(template, components)

    for part in parts:
        _count(part)
    _format(template, components, header)
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
    text = "\n\n".join(part for part in (filled.get("header", ""), filled["body"]) if part)
    return Rendered(template, text, template.footer, tuple(b["text"] for b in template.buttons))


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


def _url_buttons(template: Template, components: list[Json]) -> list[_Part]:
    found = []
    for index, button in enumerate(template.buttons):
        if button.get("type") == "URL":
            given = [
                parameter
                for component in components
                if component["type"].lower() == "button" and _index(component) == index
                for parameter in component.get("parameters", [])
            ]
            url = button.get("url", "")
            found.append(_Part(f"button {index}", url, variables(url), given))
    return found


def _count(part: _Part) -> None:
    if len(part.given) != len(part.expected):
        raise GraphError(
            132000,
            f"{part.name}: number of localizable_params ({len(part.given)}) does not match "
            f"the expected number of params ({len(part.expected)})",
        )


def _format(template: Template, components: list[Json], header: list[Json]) -> None:
    wanted = template.header_format
    if wanted in ("IMAGE", "VIDEO", "DOCUMENT", "LOCATION"):
        received = header[0]["type"].upper() if header else "UNKNOWN"
        if len(header) != 1 or received != wanted:
            raise GraphError(
                132012, f"header: Format mismatch, expected {wanted}, received {received}"
            )
        media = header[0].get(wanted.lower())
        if not isinstance(media, dict) or (wanted != "LOCATION" and not media):
            raise GraphError(132012, f"header: {wanted.lower()} needs a link")
        if "link" in media:
            check_link(media["link"], "header")
    elif wanted is None and header:
        raise GraphError(132012, "header: the template has no header")
    for component in components:
        if component["type"].lower() == "button":
            _button(template, component)


def _button(template: Template, component: Json) -> None:
    index = _index(component)
    if not 0 <= index < len(template.buttons):
        raise GraphError(132012, f"button: the template has no button at index {index}")
    wanted = template.buttons[index]["type"].lower()
    if str(component.get("sub_type", "")).lower() != wanted:
        raise GraphError(132012, f"button {index}: sub_type must be {wanted}")
    if wanted == "quick_reply":
        for parameter in component.get("parameters", []):
            if not isinstance(parameter.get("payload"), str):
                raise GraphError(132012, f"button {index}: a payload is needed")


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
