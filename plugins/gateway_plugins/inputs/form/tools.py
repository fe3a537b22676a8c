"""What form tools post, brought into one shape: fields by name, an id, a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from .bodies import BodyError, Value, read_body
from .fields import text


class Posted(msgspec.Struct, frozen=True):
    """What a tool posted.  `id` is its own for this submission, "" if it has none.

    `told` is false for what is no finished submission: a partial answer, a test ping.
    """

    fields: Mapping[str, Value]
    id: str = ""
    page: str = ""
    told: bool = True


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One form tool: how its body is read, how it signs, and by which names its fields go."""

    read: Callable[[dict[str, Value]], Posted]
    signature: str = ""
    """Name of a profile (signatures.py); "": it does not sign."""
    shows: bool = False
    """What we answer reaches the visitor: it is a browser, or a program of the company's own."""
    names: Mapping[str, tuple[str, ...]] = {}
    """Field of ours → its usual names in this tool, beside those of COMMON."""


COMMON: Mapping[str, tuple[str, ...]] = {
    "phone": ("phone", "mobile", "telefon", "tel", "mobilnummer", "handynummer", "telefonnummer"),
    "consent": ("consent", "agree", "einwilligung"),
    "name": ("name", "full_name"),
    "mail": ("email", "mail", "e-mail"),
    "message": ("message", "nachricht", "text"),
    "topics": ("topics", "topic", "themen", "thema"),
    "language": ("language", "lang", "sprache"),
    "page": ("page", "page_url", "page url", "source_url"),
    "id": (),
}
"""Field of ours → names that are looked for when the settings give none."""


def _flat(body: dict[str, Value]) -> Posted:
    return Posted(body)


def _gravity(body: dict[str, Value]) -> Posted:
    return Posted(body, text(body.get("id")), text(body.get("source_url")))


def _cf7(body: dict[str, Value]) -> Posted:
    return Posted(body, page=text(body.get("_url")))


_ADVANCED = re.compile(r"fields\[([^\]]*)\]\[(value|title)\]")


def _elementor(body: dict[str, Value]) -> Posted:
    """By label; with "advanced data" as `fields[ID][value]`, by id and by title."""
    parts: dict[str, dict[str, Value]] = {}
    for key, value in body.items():
        if found := _ADVANCED.fullmatch(key):
            parts.setdefault(found[1], {})[found[2]] = value
    fields = dict(body)
    for id, part in parts.items():
        fields[id] = part.get("value")
        fields.setdefault(text(part.get("title")), part.get("value"))
    page = body.get("meta[page_url][value]") or body.get("Page URL")
    return Posted(fields, page=text(page))


def _typeform(body: dict[str, Value]) -> Posted:
    """Answers by `ref`, field id and title.  Partial ones are no submission."""
    response = _object(body.get("form_response"))
    titles = {
        text(one.get("id")): text(one.get("title"))
        for one in _objects(_object(response.get("definition")).get("fields"))
    }
    fields: dict[str, Value] = dict(_object(response.get("hidden")))
    for answer in _objects(response.get("answers")):
        value = answer.get(text(answer.get("type")))
        if isinstance(value, Mapping):  # choice, choices, payment
            value = value.get("labels") or value.get("label") or value.get("other") or value
        about = _object(answer.get("field"))
        id = text(about.get("id"))
        for name in (text(about.get("ref")), id, titles.get(id, "")):
            if name:
                fields.setdefault(name, value)
    id = text(response.get("token")) or text(body.get("event_id"))
    return Posted(fields, id, told=body.get("event_type") == "form_response")


def _tally(body: dict[str, Value]) -> Posted:
    """Fields by label and key; what was ticked by its text instead of its id."""
    data = _object(body.get("data"))
    fields: dict[str, Value] = {}
    for field in _objects(data.get("fields")):
        value = field.get("value")
        options = {
            text(one.get("id")): text(one.get("text")) for one in _objects(field.get("options"))
        }
        if options and isinstance(value, list):
            value = [options.get(text(one), text(one)) for one in value]
        elif options:
            value = options.get(text(value), value)
        for name in (text(field.get("label")), text(field.get("key"))):
            fields.setdefault(name, value)
    id = text(data.get("submissionId")) or text(body.get("eventId"))
    return Posted(fields, id, told=body.get("eventType") == "FORM_RESPONSE")


_NUMBERED = re.compile(r"q\d+_(\w+)")


def _jotform(body: dict[str, Value]) -> Posted:
    """`rawRequest` holds the answers as JSON: `q4_phone`, also found as `phone`."""
    answers = body.get("rawRequest")
    if isinstance(answers, str):
        try:
            answers = read_body("application/json", answers.encode())
        except BodyError:
            raise BodyError("rawRequest is no JSON") from None
    fields: dict[str, Value] = {}
    for key, value in _object(answers).items():
        fields.setdefault(key, value)
        if found := _NUMBERED.fullmatch(key):
            fields.setdefault(found[1], value)
    return Posted(fields, text(body.get("submissionID")))


def _within(key: str) -> Callable[[dict[str, Value]], Posted]:
    """For tools that put the fields into one object, such as `data`."""

    def read(body: dict[str, Value]) -> Posted:
        inside = _object(body.get(key))
        return Posted({**body, **inside}, text(body.get("id")), text(inside.get("page_url")))

    return read


def _webflow(body: dict[str, Value]) -> Posted:
    payload = _object(body.get("payload"))
    return Posted(_object(payload.get("data")), text(payload.get("id")))


def _hubspot(body: dict[str, Value]) -> Posted:
    """A workflow's contact: properties as they are, or as `{"value": …}`."""
    properties = {
        name: value.get("value") if isinstance(value, Mapping) else value
        for name, value in _object(body.get("properties")).items()
    }
    return Posted({**body, **properties})


def _object(value: Value) -> dict[str, Value]:
    return value if isinstance(value, dict) else {}


def _objects(value: Value) -> list[dict[str, Value]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


TOOLS: Mapping[str, Tool] = {
    "html": Tool(read=_flat, shows=True),
    "json": Tool(read=_flat, shows=True),
    "cf7": Tool(
        read=_cf7,
        names={
            "phone": ("your-phone", "your-tel", "tel-1"),
            "name": ("your-name",),
            "mail": ("your-email",),
            "message": ("your-message",),
            "consent": ("acceptance-1", "newsletter"),
        },
    ),
    "elementor": Tool(read=_elementor),
    "gravity": Tool(read=_gravity),
    "wpforms": Tool(read=_flat),
    "ninja": Tool(read=_flat),
    "typeform": Tool(read=_typeform, signature="typeform"),
    "tally": Tool(read=_tally, signature="tally"),
    "jotform": Tool(read=_jotform),
    "netlify": Tool(read=_within("data"), signature="netlify"),
    "formspree": Tool(read=_within("submission"), signature="formspree"),
    "formspark": Tool(read=_flat),
    "formstack": Tool(read=_flat, names={"id": ("UniqueID",)}),
    "framer": Tool(read=_flat),
    "webflow": Tool(read=_webflow, signature="webflow"),
    "hubspot": Tool(read=_hubspot, signature="hubspot", names={"phone": ("mobilephone", "phone")}),
    "typo3": Tool(read=_flat, signature="typo3"),
}
"""By the name that settings use."""
