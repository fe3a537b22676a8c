"""What a person reads: free text with buttons or a card, or an approved template with its values.

All values are frozen: `value.replace(field=…)` gives a changed copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NoReturn, Self

import msgspec

Form = Literal["text", "template"]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the frozen values: `value.replace(field=…)` gives a changed copy."""

    def replace(self, **changes: Any) -> Self:
        """Return a copy with the given fields changed."""
        return msgspec.structs.replace(self, **changes)


class ReadOnly(dict[str, str]):
    """A dictionary inside a frozen value, which many deliveries share.  `{**it, …}` is a copy."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this value is shared; change a copy: value.replace(field={**old, …})")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnly, (dict(self),)


def keep(value: Value, *fields: str) -> None:
    """Make these dictionaries of a fresh value read-only."""
    for field in fields:
        given = getattr(value, field)
        if type(given) is not ReadOnly:
            msgspec.structs.force_setattr(value, field, ReadOnly(given))


class Button(Value, frozen=True, kw_only=True):
    """A button, or a row of a list.  `payload` comes back when a quick reply is tapped."""

    kind: str  # "quick_reply", "url", "phone_number", "copy_code"
    text: str
    payload: str = ""
    value: str = ""  # the variable end of a url button; what stands below a row


def _taps(buttons: Sequence[Button]) -> str:
    return " ".join(f"[{button.text}]" for button in buttons)


class Card(Value, frozen=True, kw_only=True):
    """A contact card to save.  `phone` is E.164 with +."""

    name: str
    phone: str
    mail: str = ""
    web: str = ""


class Text(Value, frozen=True, kw_only=True, tag="text"):
    """Free-form content; allowed only inside a window.  With an image, `body` is its caption.

    Up to three `buttons` (quick replies) stand below the text; with more, or with a `menu` (the
    caption that opens it), they become a list.  A `card` goes alone, without `body`.
    """

    body: str
    image: str | None = None
    preview: bool = True
    buttons: tuple[Button, ...] = ()
    menu: str = ""
    card: Card | None = None
    footer: str = ""
    """The opt-out line, once a middleware put it at the end of `body`."""

    @property
    def form(self) -> Form:
        return "text"

    @property
    def rendered(self) -> str:
        """The text as the person reads it."""
        return self.body

    @property
    def below(self) -> str:
        """What stands below the text: `[Ja] [Nein]`, `Mehr: [Themen] [Pause]`, or the card."""
        if self.card is not None:
            facts = (self.card.name, self.card.phone, self.card.mail, self.card.web)
            return f"[{', '.join(filter(None, facts))}]"
        return f"{self.menu}: {_taps(self.buttons)}" if self.menu else _taps(self.buttons)

    @property
    def limit(self) -> int:
        """Longest body in characters (Meta: 4096; a caption, or with buttons, 1024)."""
        return 1024 if self.image or (self.buttons and not self.listed) else 4096

    @property
    def listed(self) -> bool:
        """Whether the buttons are shown as a list."""
        return bool(self.menu) or len(self.buttons) > 3


class Template(Value, frozen=True, kw_only=True, tag="template"):
    """Content by an approved template: fixed words with parameters.

    `body` is the approved text with its placeholders, `parameters` the values in the order of
    the placeholders, by name (`1`, `2`, … for positional templates).
    """

    name: str
    language: str
    body: str
    parameters: dict[str, str]
    named: bool = True
    header: str = ""
    header_parameters: dict[str, str] = {}
    image: str | None = None
    footer: str = ""
    buttons: tuple[Button, ...] = ()
    version: str = ""
    """Short hash of the approved definition, so that a trace can tell which wording went out."""

    def __post_init__(self) -> None:
        keep(self, "parameters", "header_parameters")

    @property
    def form(self) -> Form:
        return "template"

    @property
    def rendered(self) -> str:
        """The whole text as the person reads it, without the footer."""
        text = self.body
        for name, value in self.parameters.items():
            text = text.replace("{{" + name + "}}", value)
        return text

    @property
    def below(self) -> str:
        """What stands below text and footer: `[Abmelden]`."""
        return _taps(self.buttons)


Content = Text | Template
