"""One template as the API lists it, and how the right one is found.

    {"id": "300…3", "name": "blog_post", "language": "de", "status": "APPROVED",
     "category": "MARKETING", "parameter_format": "NAMED",
     "components": [{"type": "BODY", "text": "… {{title}} …"},
                    {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Stopp"}]}]}

Shapes: Meta, "Templates", "Template components".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from gateway.api import Hold, TemplateFacts, says

LOOK_AGAIN = timedelta(minutes=10)

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_PAUSED = {"PAUSED", "FLAGGED", "LIMIT_EXCEEDED"}
_REVIEWED = {"PENDING", "IN_APPEAL"}


class DefinedButton(msgspec.Struct, frozen=True):
    """A button as the template defines it; `kind` as Meta writes it (`QUICK_REPLY`, `URL`, …)."""

    kind: str
    text: str = ""
    url: str = ""


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One template in one language, as Meta lists it.  `header_format` is empty without one.

    `until`: when a pause ends, if Meta said which one it is; the list does not.
    """

    id: str = ""
    name: str
    language: str
    status: str
    category: str = ""
    body: str
    named: bool = True
    header_format: str = ""
    header: str = ""
    footer: str = ""
    buttons: tuple[DefinedButton, ...] = ()
    until: datetime | None = None

    @property
    def facts(self) -> TemplateFacts:
        """How it stands, in the gateway's words."""
        state: Literal["approved", "paused", "review", "gone"] = "gone"
        if self.status == "APPROVED":
            state = "approved"
        elif self.status in _PAUSED:
            state = "paused"
        elif self.status in _REVIEWED:
            state = "review"
        return TemplateFacts(
            name=self.name, language=self.language, state=state, said=self.status, until=self.until
        )

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Names in the body, each once: as they come, positional ones by number."""
        return self._order(self.body)

    @property
    def header_placeholders(self) -> tuple[str, ...]:
        return self._order(self.header)

    def _order(self, text: str) -> tuple[str, ...]:
        names = dict.fromkeys(_PLACEHOLDER.findall(text))
        return tuple(names) if self.named else tuple(sorted(names, key=int))

    @property
    def version(self) -> str:
        """Short hash of the wording.  Examples are left out: their links change every time."""
        wording = (self.body, self.header_format, self.header, self.footer, self.buttons)
        return hashlib.sha256(msgspec.json.encode(wording)).hexdigest()[:8]

    def summary(self, stop_words: Iterable[str]) -> dict[str, Any]:
        """Return what a person wants to see of it; `way_out` names how a reader gets out."""
        words = list(stop_words)
        taps = [b.text for b in self.buttons if b.kind == "QUICK_REPLY" and says(b.text, words)]
        way_out = ""
        if says(self.footer, words):
            way_out = f"footer “{self.footer}”"
        elif taps:
            way_out = f"quick reply “{taps[0]}”"
        elif "opt_out" in self.placeholders:
            way_out = "parameter {{opt_out}}"
        return {
            "name": self.name,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "parameters": list(self.placeholders),
            "way_out": way_out,
            "version": self.version,
        }


class _Component(msgspec.Struct):
    type: str
    text: str | None = None
    format: str | None = None
    buttons: list[dict[str, Any]] | None = None


class _Listed(msgspec.Struct):
    name: str
    language: str
    status: str
    id: str | int = ""
    category: str | None = None
    parameter_format: str | None = None
    components: list[_Component] = []


def definition(raw: bytes | msgspec.Raw) -> Definition | None:
    """Read one entry of the list; None for one that cannot be read or has no body."""
    try:
        listed = msgspec.json.decode(raw, type=_Listed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    parts = {part.type.upper(): part for part in listed.components}
    if (body := parts.get("BODY")) is None or not body.text:
        return None
    text = _PLACEHOLDER.sub(r"{{\1}}", body.text)
    header, footer, buttons = parts.get("HEADER"), parts.get("FOOTER"), parts.get("BUTTONS")
    header_text = _PLACEHOLDER.sub(r"{{\1}}", header.text or "") if header else ""
    names = _PLACEHOLDER.findall(text + header_text)
    return Definition(
        id=str(listed.id),
        name=listed.name,
        language=listed.language,
        status=listed.status.upper(),
        category=(listed.category or "").upper(),
        body=text,
        # What the text shows counts more than `parameter_format`, which may be missing.
        named=not all(name.isdecimal() for name in names) or not names,
        header_format=(header.format or "TEXT").upper() if header else "",
        header=header_text,
        footer=(footer.text or "") if footer else "",
        buttons=tuple(
            DefinedButton(
                kind=str(button.get("type", "")).upper(),
                text=str(button.get("text", "")),
                url=str(button.get("url", "")),
            )
            for button in (buttons.buttons if buttons else None) or ()
        ),
    )


def find(
    known: list[Definition], name: str, language: str | None, topic: str, now: datetime
) -> Definition | Hold:
    """Return the approved template of that name, or a Hold that says what to change.

    The language must fit exactly, else by its first part (`de` and `de_DE`) if only one does;
    without a language there must be only one.
    """
    named = [one for one in known if one.name == name]
    wanted = _language(language or "")
    found = [one for one in named if _language(one.language) == wanted]
    if not found:
        first = wanted.partition("_")[0]
        found = [one for one in named if _language(one.language).partition("_")[0] == first]
        found = found if language else named
    if len(found) > 1:
        found = [one for one in found if one.status == "APPROVED"]
    change = f"submit it to Meta, or name another one in [topics.{topic}]"
    if len(found) != 1:
        there = ", ".join(sorted(one.language for one in named))
        if not there:
            return Hold("template_missing", f'template "{name}" does not exist; {change}')
        which = f'for "{language}"' if language else "for a message without language"
        change = change if language else "say in which language the message is"
        text = f'template "{name}" exists in {there}, not clearly {which}; {change}'
        return Hold("template_missing", text)
    one = found[0]
    if one.status == "APPROVED":
        return one
    until = now + LOOK_AGAIN if one.status in _PAUSED | _REVIEWED else None
    if one.status == "PAUSED":
        text = f'Meta paused template "{name}" in "{one.language}" for bad feedback'
        return Hold("template_paused", f"{text}; change its text, or wait until it is free", until)
    text = f'template "{name}" is not approved in "{one.language}" (Meta: {one.status})'
    rest = "wait for the review" if until else change
    return Hold("template_not_approved", f"{text}; {rest}", until)


def _language(code: str) -> str:
    return code.replace("-", "_").casefold()
