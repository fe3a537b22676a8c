"""Message templates: what is stored, how parameters fit in, how a message reads (section 9.1)."""

from __future__ import annotations

import re
from typing import Any

import msgspec

VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")

Json = dict[str, Any]


class Template(msgspec.Struct, kw_only=True):
    """One template in one language, with the parts that a send looks at taken out."""

    id: str
    name: str
    language: str
    category: str
    status: str
    parameter_format: str
    components: list[Json]
    header_format: str | None = None
    header_text: str = ""
    body: str = ""
    footer: str | None = None
    buttons: list[Json] = msgspec.field(default_factory=list)

    def __post_init__(self) -> None:
        for component in self.components:
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

    @property
    def named(self) -> bool:
        return self.parameter_format == "NAMED"

    def show(self) -> Json:
        """As `GET …/message_templates` lists it."""
        return {
            "id": self.id,
            "name": self.name,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "parameter_format": self.parameter_format,
            "components": self.components,
            "quality_score": {"score": "UNKNOWN"},
            "previous_category": None,
        }


def variables(text: str) -> list[str]:
    """Names (or positions) of the variables, in order, each once."""
    return list(dict.fromkeys(VARIABLE.findall(text)))


def fill(text: str, values: dict[str, str]) -> str:
    """The text with each `{{variable}}` replaced."""
    return VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)


class Templates:
    """The template store of one account, keyed by (name, language)."""

    def __init__(self, status: str) -> None:
        self._status = status
        self._next = 0
        self.all: dict[tuple[str, str], Template] = {}
        for definition in default_set():
            self.add(definition, status="APPROVED")

    def get(self, name: str, language: str) -> Template | None:
        return self.all.get((name, language))

    def add(self, definition: Json, status: str | None = None) -> Template:
        """Store a definition that was checked before (`template_api.check`)."""
        self._next += 1
        template = Template(
            id=f"{300000000000000 + self._next}",
            name=definition["name"],
            language=definition["language"],
            category=definition["category"].upper(),
            status=status or self._status,
            parameter_format=definition.get("parameter_format", "POSITIONAL").upper(),
            components=definition["components"],
        )
        self.all[template.name, template.language] = template
        return template


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
