"""A message as it would be sent: as a text, and by a template.

Limits: Meta, "Text messages" (4096), "Image messages" (caption 1024), "Template components"
(body with its values 1024, header text 60, address of a button 2000); of buttons: interactive.py.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from gateway.api import Button, Hold, Message, Template, Text, Topic
from gateway_plugins.outputs.whatsapp import interactive
from gateway_plugins.outputs.whatsapp.definitions import DefinedButton, Definition
from gateway_plugins.outputs.whatsapp.payloads import flat

FOOTER = 100  # characters left free for the opt-out line
BODY = 1024
HEADER = 60
ADDRESS = 2000
SHORTEST = 20  # characters; a teaser below this says nothing
OPT_OUT = "opt_out"  # the placeholder that the footer middleware fills
DEFAULTS = {
    "title": "{title}",
    "teaser": "{text}",
    "text": "{text}",
    "link": "{link}",
    "topic": "{topic}",
    "1": "{title}",
    "2": "{text}",
    "3": "{link}",
}
HOLDS = interactive.CODES | {
    "empty_message",
    "text_too_long",
    "template_missing",
    "template_not_approved",
    "template_paused",
    "template_parameter",
    "template_header",
    "template_button",
    "template_too_long",
    "templates_unknown",
}
PLAIN_BUTTONS = {"PHONE_NUMBER", "VOICE_CALL", "REQUEST_CONTACT_INFO"}  # sent without parameter

_FIELD = re.compile(r"\{([a-z_]+)\}")
_SENTENCE = re.compile(r"(?<=\w{3})[.!?…]+[\"»“”’']?(?=\s+[\"„»“]?[A-ZÄÖÜ0-9]|\s*\n)")


def shorten(text: str, limit: int) -> str:
    """Return at most `limit` characters of text: whole sentences, else whole words and `…`."""
    if len(text) <= limit:
        return text
    if limit < 1:
        return ""
    ends = [found.end() for found in _SENTENCE.finditer(text, 0, limit + 2)]
    whole = max((end for end in ends if end <= limit), default=0)
    if whole * 2 > limit:
        return text[:whole]
    cut = text[: limit - 1]
    if not text[limit - 1].isspace():
        head, space, _ = cut.rpartition(" ")
        cut = head if space and len(head) * 3 > limit else cut
    return cut.rstrip(" \t\n\r.,;:-–\u200d\ufe0f") + "…"


def as_text(message: Message, menu: str = "") -> Text | Hold:
    """Return `*title*`, text and link, with blank lines between, shortened to fit.

    With its buttons, which become a list if they are more than three: `menu` opens one that has
    no words of its own for that.  A card goes alone.  What somebody is asked to agree to is not
    shortened.
    """
    if message.card is not None:
        return _sound(Text(body="", card=message.card))
    form = Text(
        body="",
        image=message.image or None,
        preview=message.preview,
        buttons=message.buttons,
        menu=message.menu,
    )
    if form.listed and not form.menu:
        form = form.replace(menu=menu)
    asks = message.kind == "confirmation"
    limit = form.limit - (0 if asks else FOOTER)
    title = flat(message.title)
    # WhatsApp ends bold type at the next star.
    head = f"*{title}*" if title and "*" not in title else title
    link = message.link.strip()
    room = limit - sum(len(part) + 2 for part in (head, link) if part)
    text = message.text.strip()
    if len(text) > room and not asks:
        text = shorten(text, room) if room >= SHORTEST else ""
    body = "\n\n".join(part for part in (head, text, link) if part)
    if len(body) > limit:
        what = "the question has" if asks else "title and link have"
        return Hold("text_too_long", f"{what} more than {limit} characters")
    if not body and (form.image is None or form.buttons):
        return Hold("empty_message", "the message has neither title, text, link nor image")
    return _sound(form.replace(body=body))


def _sound(text: Text) -> Text | Hold:
    """Return the text, or a Hold if Meta would not take its buttons or its card."""
    trouble = interactive.trouble(text)
    return text if trouble is None else Hold(*trouble)


class _Problem(Exception):
    """Why a template cannot be filled: a code and a sentence."""


def by_template(
    definition: Definition, message: Message, topic: Topic, stop_words: frozenset[str]
) -> Template | Hold:
    """Return the message in the words of the template, or what is missing.

    A parameter's pattern is `topic.parameters[NAME]`, else it goes by its name (`title`,
    `teaser` or `text`, `link`, `topic`; positional ones in the order title, text, link).
    """
    try:
        return _Filling(definition, message, topic, stop_words).template()
    except _Problem as problem:
        code, text = problem.args
        return Hold(code, text)


class _Filling:
    def __init__(
        self, definition: Definition, message: Message, topic: Topic, stop_words: frozenset[str]
    ) -> None:
        self._definition = definition
        self._message = message
        self._topic = topic
        self._stop_words = stop_words
        self._fields = {
            "title": flat(message.title),
            "text": flat(message.text),
            "link": message.link.strip(),
            "topic": flat(topic.title),
        }
        self._called = f'template "{definition.name}"'
        # What comes back from its quick replies, if the message says it: in their order.
        self._replies = iter([button.payload for button in message.buttons if message.template])

    def template(self) -> Template:
        definition = self._definition
        filled = Template(
            name=definition.name,
            language=definition.language,
            body=definition.body,
            parameters=self._body(),
            named=definition.named,
            header=definition.header,
            footer=definition.footer,
            buttons=tuple(self._button(button) for button in definition.buttons),
            version=definition.version,
        )
        match definition.header_format:
            case "":
                return filled
            case "TEXT":
                return filled.replace(header_parameters=self._header())
            case "IMAGE":
                if not self._message.image:
                    raise self._problem("template_header", "needs an image, the message has none")
                return filled.replace(image=self._message.image)
        kind = definition.header_format.lower()
        raise self._problem("template_header", f"begins with a {kind}, which nothing fills")

    def _body(self) -> dict[str, str]:
        names, body = self._definition.placeholders, self._definition.body
        limit = BODY - (FOOTER if OPT_OUT in names else 0)
        text = self._fields["text"]
        for _ in range(4):
            values = {name: self._value(name, name) for name in names}
            over = self._length(values) - limit
            if over <= 0:
                return values
            times = sum(
                self._pattern(name, name).count("{text}") * body.count("{{" + name + "}}")
                for name in names
            )
            room = len(self._fields["text"]) - -(-over // times) if times else 0
            if room < SHORTEST or self._message.kind == "confirmation":
                break
            self._fields["text"] = shorten(text, room)
        raise self._problem("template_too_long", f"has more than {limit} characters when filled")

    def _length(self, values: dict[str, str]) -> int:
        body = self._definition.body
        return len(body) + sum(
            body.count("{{" + name + "}}") * (len(value) - len(name) - 4)
            for name, value in values.items()
        )

    def _header(self) -> dict[str, str]:
        found = {}
        for name in self._definition.header_placeholders:
            # The header counts from 1 as the body does: its positional one has its own key.
            key = name if self._definition.named else "header"
            room = HEADER - len(self._definition.header) + len(name) + 4
            found[name] = shorten(self._value(name, key), room)
        return found

    def _value(self, name: str, key: str) -> str:
        if name == OPT_OUT and OPT_OUT not in self._topic.parameters:
            return ""
        return self._fill(self._pattern(name, key), "{{" + name + "}}", key)

    def _pattern(self, name: str, key: str) -> str:
        default = "{title}" if key == "header" else DEFAULTS.get(name)
        if name == OPT_OUT:
            default = ""
        pattern = self._topic.parameters.get(key, default)
        if pattern is None:
            where = f"[topics.{self._topic.name}.parameters]"
            raise self._problem(
                "template_parameter", f'needs {{{{{name}}}}}; add {where} {key} = "…"'
            )
        return pattern

    def _fill(self, pattern: str, what: str, key: str) -> str:
        """Replace the fields, once: what is put in is not looked at again."""
        for field in _FIELD.findall(pattern):
            if field not in self._fields:
                known = ", ".join(f"{{{name}}}" for name in self._fields)
                where = f"[topics.{self._topic.name}.parameters] {key}"
                text = f"{where} names {{{field}}}; known are {known}"
                raise _Problem("template_parameter", text)
        value = flat(_FIELD.sub(lambda found: self._fields[found[1]], pattern))
        if not value:
            text = f"needs {what}, and the message has nothing for {pattern or 'it'}"
            raise self._problem("template_parameter", text)
        return value

    def _button(self, button: DefinedButton) -> Button:
        kind = button.kind.lower()
        match button.kind:
            case "QUICK_REPLY":
                payload = "STOP" if reduced(button.text) in self._stop_words else button.text
                payload = next(self._replies, payload)
                return Button(kind=kind, text=button.text, payload=payload)
            case "URL":
                value = self._address(button) if "{{" in button.url else ""
                return Button(kind=kind, text=button.text, value=value)
            case "COPY_CODE" if "copy_code" in self._topic.parameters:
                pattern = self._topic.parameters["copy_code"]
                value = self._fill(pattern, "a code to copy", "copy_code")
                return Button(kind=kind, text=button.text, value=value)
            case other if other in PLAIN_BUTTONS:
                return Button(kind=kind, text=button.text)
        raise self._problem("template_button", f"has a button {kind}, which nothing fills")

    def _address(self, button: DefinedButton) -> str:
        """The variable end of an address: by `parameters.button`, else the end of the link."""
        fixed = button.url.partition("{{")[0]
        link = self._fields["link"]
        what = f'the button "{button.text}"'
        if "button" in self._topic.parameters:
            end = self._fill(self._topic.parameters["button"], what, "button")
        elif link.startswith(fixed):
            end = link[len(fixed) :]
        else:
            parts = urlsplit(link)
            end = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
        # Meta puts it in as it is: encoding is our part.  % stays, links are encoded already.
        end = quote(end, safe="/?&=%#:@!$'()*+,;~-._")
        if not end:
            text = f"needs a link for {what}; the message has none with a path"
            raise self._problem("template_button", text)
        if len(fixed) + len(end) > ADDRESS:
            raise self._problem("template_button", f"gets too long an address for {what}")
        return end

    def _problem(self, code: str, text: str) -> _Problem:
        return _Problem(code, f"{self._called} {text}")


def reduced(text: str) -> str:
    """Return the words of text in lower case, without punctuation and emoji."""
    return " ".join(re.sub(r"[\W_]+", " ", text.casefold()).split())
