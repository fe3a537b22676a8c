"""Message templates: what is stored, how parameters fit in, how a message reads (section 9.1)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import msgspec

VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")

Json = dict[str, Any]

BLOCKED_DAYS = 30


class Template(msgspec.Struct, kw_only=True):
    """One template in one language, with the parts that a send looks at taken out."""

    id: str
    name: str
    language: str
    category: str
    status: str
    parameter_format: str
    components: list[Json]
    created: float
    """Unix seconds."""
    quality: str = "UNKNOWN"
    pauses: int = 0
    previous_category: str | None = None
    rejected_reason: str = "NONE"
    ttl: int | None = None
    header_format: str | None = None
    header_text: str = ""
    body: str = ""
    body_variables: tuple[str, ...] = ()
    header_variables: tuple[str, ...] = ()
    footer: str | None = None
    buttons: list[Json] = msgspec.field(default_factory=list)
    button_variables: list[tuple[str, ...]] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        self.take(self.components)

    def take(self, components: list[Json]) -> None:
        """Replace the components, and look at their parts."""
        self.components = components
        self.header_format, self.header_text, self.footer, self.buttons = None, "", None, []
        for component in components:
            match component["type"]:
                case "HEADER":
                    self.header_format = component.get("format", "TEXT")
                    self.header_text = component.get("text", "")
                case "BODY":
                    self.body = component["text"]
                case "FOOTER":
                    self.footer = component["text"]
                case "BUTTONS":
                    self.buttons = component["buttons"]
        self.body_variables = variables(self.body)
        self.header_variables = variables(self.header_text)
        self.button_variables = [variables(button.get("url", "")) for button in self.buttons]

    @property
    def named(self) -> bool:
        return self.parameter_format == "NAMED"

    def show(self) -> Json:
        """As `GET …/message_templates` lists it."""
        shown: Json = {
            "id": self.id,
            "name": self.name,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "parameter_format": self.parameter_format,
            "components": self.components,
            "quality_score": {"score": self.quality, "date": int(self.created)},
            "rejected_reason": self.rejected_reason,
        }
        if self.previous_category is not None:
            shown["previous_category"] = self.previous_category
        if self.ttl is not None:
            shown["message_send_ttl_seconds"] = self.ttl
        return shown


def variables(text: str) -> tuple[str, ...]:
    """Names (or positions) of the variables, in order, each once."""
    return tuple(dict.fromkeys(VARIABLE.findall(text)))


def fill(text: str, values: dict[str, str]) -> str:
    """The text with each `{{variable}}` replaced."""
    return VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)


class Templates:
    """The template store of one account, keyed by (name, language).

    `status`: what a template is as soon as it is submitted.  `now` gives unix seconds.
    """

    def __init__(self, status: str, now: Callable[[], float] = time.time) -> None:
        self._status = status
        self._now = now
        self._next = 0
        self._blocked: dict[str, float] = {}
        self.all: dict[tuple[str, str], Template] = {}
        for definition in default_set():
            self.add(definition, status="APPROVED", created=0.0)

    def get(self, name: str, language: str) -> Template | None:
        return self.all.get((name, language))

    def by_id(self, id: str) -> Template | None:
        return next((one for one in self.all.values() if one.id == id), None)

    def add(
        self, definition: Json, status: str | None = None, created: float | None = None
    ) -> Template:
        """Store a definition that was checked before (`definitions.check`)."""
        self._next += 1
        template = Template(
            id=f"{300000000000000 + self._next}",
            name=definition["name"],
            language=definition["language"],
            category=definition["category"].upper(),
            status=status or self._status,
            parameter_format=definition.get("parameter_format", "POSITIONAL").upper(),
            components=definition["components"],
            created=self._now() if created is None else created,
            ttl=definition.get("message_send_ttl_seconds"),
        )
        self.all[template.name, template.language] = template
        return template

    def edit(self, template: Template, changes: Json) -> None:
        """Replace parts of a template, checked before, which is then looked at again."""
        template.take(changes.get("components", template.components))
        template.category = changes.get("category", template.category).upper()
        template.parameter_format = str(
            changes.get("parameter_format", template.parameter_format)
        ).upper()
        template.ttl = changes.get("message_send_ttl_seconds", template.ttl)
        template.status, template.rejected_reason = self._status, "NONE"

    def remove(self, templates: list[Template], whole_name: bool) -> None:
        """Delete; a name of which all languages went stays blocked for 30 days."""
        for template in templates:
            del self.all[template.name, template.language]
            if whole_name:
                self._blocked[template.name] = self._now() + BLOCKED_DAYS * 86_400

    def blocked(self, name: str) -> bool:
        """Was it deleted too short a time ago to be used again?"""
        return self._now() < self._blocked.get(name, 0.0)


def _example(**values: str) -> Json:
    return {
        "body_text_named_params": [
            {"param_name": name, "example": value} for name, value in values.items()
        ]
    }


def default_set() -> list[Json]:
    """Templates that every sandbox has: two with a way out, and one without."""
    bodies = {
        "de": "Neuer Beitrag: *{{title}}*\n\n{{teaser}}\n\nWeiterlesen: {{link}}\n\nGute Lektüre!",
        "en": "New post: *{{title}}*\n\n{{teaser}}\n\nRead on: {{link}}\n\nEnjoy reading!",
    }
    footers = {"de": "Abmelden: antworte STOP", "en": "Reply STOP to opt out"}
    leave = {"de": "Abmelden", "en": "Unsubscribe"}
    example = _example(title="Titel", teaser="Ein Satz.", link="https://blog.example/1")
    image = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::sandbox"]}}
    found: list[Json] = []

    def define(name: str, language: str, *components: Json) -> None:
        found.append(
            {
                "name": name,
                "language": language,
                "category": "MARKETING",
                "parameter_format": "NAMED",
                "components": list(components),
            }
        )

    for language, text in bodies.items():
        body = {"type": "BODY", "text": text, "example": example}
        footer = {"type": "FOOTER", "text": footers[language]}
        button = {"type": "QUICK_REPLY", "text": leave[language]}
        define("blog_post", language, body, footer)
        define("blog_post_image", language, image, body, {"type": "BUTTONS", "buttons": [button]})
    define("no_way_out", "de", {"type": "BODY", "text": bodies["de"], "example": example})
    return found
