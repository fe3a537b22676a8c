"""A message as text and by template; what cannot be filled says what to change."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.api import Button, Hold, Message, Template, Text, Topic
from gateway_plugins.outputs.whatsapp.compose import HOLDS, as_text, by_template, shorten
from gateway_plugins.outputs.whatsapp.definitions import definition

Make = Callable[..., Any]
STOPS = frozenset({"stop", "abmelden", "keine nachrichten mehr"})
LINK = "https://blog.example/2026/waermepumpe?utm=wa"
LONG = "Ein Satz mit neun Wörtern, der noch weiter geht. " * 200


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("kurz", 10, "kurz"),
        ("Erster Satz. Zweiter Satz ist lang.", 20, "Erster Satz."),
        ("Erster Satz. Zweiter Satz ist lang.", 12, "Erster Satz."),
        ("Ja! Ein viel längerer zweiter Satz.", 20, "Ja! Ein viel…"),
        ("Das kostet z. B. Geld und Zeit", 18, "Das kostet z. B…"),
        ("eins zwei drei", 9, "eins…"),
        ("eins zwei drei", 10, "eins zwei…"),
        ("ohneleerzeichen", 5, "ohne…"),
        ("eins, zwei", 6, "eins…"),
        ("abc", 0, ""),
        ("abc", 1, "…"),
    ],
)
def test_shorten(text: str, limit: int, expected: str) -> None:
    assert shorten(text, limit) == expected
    assert len(shorten(text, limit)) <= max(limit, 0) or expected == text


@pytest.mark.parametrize("limit", range(1, 200))
def test_shorten_fits(limit: int) -> None:
    assert 0 < len(shorten(LONG, limit)) <= limit


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, f"*Neun Fragen zur Wärmepumpe*\n\nWas sie kostet. Was sie kann.\n\n{LINK}"),
        ({"text": ""}, f"*Neun Fragen zur Wärmepumpe*\n\n{LINK}"),
        ({"title": "", "link": ""}, "Was sie kostet. Was sie kann."),
        ({"title": "Zwei\n Zeilen", "text": " ", "link": ""}, "*Zwei Zeilen*"),
        ({"title": "C* ist da", "text": "", "link": ""}, "C* ist da"),
        ({"title": "", "text": "a\n\nb", "link": ""}, "a\n\nb"),
        ({"kind": "service", "title": "", "link": ""}, "Was sie kostet. Was sie kann."),
        ({"image": "https://cdn.example/a.jpg", "title": "", "text": "", "link": ""}, ""),
    ],
)
def test_text(message: Make, changes: dict[str, Any], body: str) -> None:
    text = as_text(message(**changes))
    assert isinstance(text, Text)
    assert (text.body, text.preview, text.footer) == (body, True, "")
    assert text.image == changes.get("image")


@pytest.mark.parametrize(("image", "limit"), [(None, 3996), ("https://cdn.example/a.jpg", 924)])
def test_long_text_leaves_room_for_the_footer(message: Make, image: str | None, limit: int) -> None:
    text = as_text(message(text=LONG, image=image))
    assert isinstance(text, Text)
    assert limit - 60 < len(text.body) <= limit
    assert text.body.endswith(f"weiter geht.\n\n{LINK}")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": "", "text": " ", "link": ""}, "empty_message"),
        ({"link": "https://blog.example/" + "x" * 4096}, "text_too_long"),
        ({"title": "x" * 1000, "image": "https://cdn.example/a.jpg"}, "text_too_long"),
    ],
)
def test_no_text(message: Make, changes: dict[str, Any], code: str) -> None:
    hold = as_text(message(**changes))
    assert isinstance(hold, Hold)
    assert hold.code == code
    assert hold.code in HOLDS


def made(
    listed: Make, message: Message, topic: Topic, definition_changes: dict[str, Any]
) -> Template | Hold:
    one = definition(json.dumps(listed(**definition_changes)).encode())
    assert one is not None
    return by_template(one, message, topic, STOPS)


def test_template(listed: Make, message: Make, topic: Make) -> None:
    template = made(listed, message(title="Neun\n Fragen"), topic(), {})
    assert isinstance(template, Template)
    assert len(template.version) == 8
    assert template.replace(version="") == Template(
        name="blog_post",
        language="de",
        body="Neu: *{{title}}*\n\n{{teaser}}\n\n{{link}}",
        parameters={
            "title": "Neun Fragen",
            "teaser": "Was sie kostet. Was sie kann.",
            "link": LINK,
        },
        footer="Abmelden: antworte STOP",
    )
    assert template.rendered == f"Neu: *Neun Fragen*\n\nWas sie kostet. Was sie kann.\n\n{LINK}"


QUICK = {"type": "QUICK_REPLY", "text": "Abmelden"}
URL = {"type": "URL", "text": "Lesen", "url": "https://blog.example/{{1}}"}
FILLED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    # definition, message, topic → fields of the template
    "positional": (
        {"body": "{{2}} von {{1}}: {{3}}"},
        {},
        {},
        {
            "named": False,
            "parameters": {
                "1": "Neun Fragen zur Wärmepumpe",
                "2": "Was sie kostet. Was sie kann.",
                "3": LINK,
            },
        },
    ),
    "spaces in the placeholder": (
        {"body": "{{ title }}"},
        {},
        {},
        {"body": "{{title}}", "parameters": {"title": "Neun Fragen zur Wärmepumpe"}},
    ),
    "patterns": (
        {"body": "{{x}} {{title}}"},
        {"title": "{link}"},
        {"parameters": {"x": "Neu in {topic}: {title}", "title": "fest"}},
        {"parameters": {"x": "Neu in Neue Beiträge: {link}", "title": "fest"}},
    ),
    "positional patterns": (
        {"body": "{{1}}"},
        {},
        {"parameters": {"1": "{topic}"}},
        {"parameters": {"1": "Neue Beiträge"}},
    ),
    "topic": ({"body": "{{topic}}"}, {}, {}, {"parameters": {"topic": "Neue Beiträge"}}),
    "nothing to fill": ({"body": "Es gibt Neues."}, {}, {}, {"parameters": {}}),
    "opt out": (
        {"body": "{{title}} {{opt_out}}"},
        {},
        {},
        {"parameters": {"title": "Neun Fragen zur Wärmepumpe", "opt_out": ""}},
    ),
    "opt out by the settings": (
        {"body": "{{title}} {{opt_out}}"},
        {},
        {"parameters": {"opt_out": "Abmelden: STOP"}},
        {"parameters": {"title": "Neun Fragen zur Wärmepumpe", "opt_out": "Abmelden: STOP"}},
    ),
    "image": (
        {"header": {"format": "IMAGE", "example": {"header_handle": ["4::x"]}}},
        {"image": "https://cdn.example/a.jpg"},
        {},
        {"image": "https://cdn.example/a.jpg"},
    ),
    "image of a text header is left out": (
        {"header": {"format": "TEXT", "text": "Hallo"}},
        {"image": "https://cdn.example/a.jpg"},
        {},
        {"image": None, "header": "Hallo", "header_parameters": {}},
    ),
    "header text": (
        {"header": {"format": "TEXT", "text": "Neu: {{title}}"}},
        {"title": "Ein Titel, der für eine Kopfzeile doch etwas zu lang geraten ist"},
        {},
        {"header_parameters": {"title": "Ein Titel, der für eine Kopfzeile doch etwas zu lang…"}},
    ),
    "positional header": (
        {"header": {"format": "TEXT", "text": "{{1}}"}, "body": "{{1}}"},
        {},
        {"parameters": {"header": "{topic}"}},
        {
            "header_parameters": {"1": "Neue Beiträge"},
            "parameters": {"1": "Neun Fragen zur Wärmepumpe"},
        },
    ),
    "stop buttons": (
        {
            "buttons": [
                QUICK,
                {"type": "QUICK_REPLY", "text": "🛑 STOP!"},
                {"type": "QUICK_REPLY", "text": "Keine Nachrichten mehr"},
                {"type": "QUICK_REPLY", "text": "Mehr dazu"},
            ]
        },
        {},
        {},
        {
            "buttons": (
                Button(kind="quick_reply", text="Abmelden", payload="STOP"),
                Button(kind="quick_reply", text="🛑 STOP!", payload="STOP"),
                Button(kind="quick_reply", text="Keine Nachrichten mehr", payload="STOP"),
                Button(kind="quick_reply", text="Mehr dazu", payload="Mehr dazu"),
            )
        },
    ),
    "address below the button's": (
        {"buttons": [URL]},
        {},
        {},
        {"buttons": (Button(kind="url", text="Lesen", value="2026/waermepumpe?utm=wa"),)},
    ),
    "address elsewhere": (
        {"buttons": [{**URL, "url": "https://go.example/{{1}}"}]},
        {"link": "https://blog.example/a b/ä"},
        {},
        {"buttons": (Button(kind="url", text="Lesen", value="a%20b/%C3%A4"),)},
    ),
    "address by the settings": (
        {"buttons": [URL]},
        {},
        {"parameters": {"button": "?to={link}"}},
        {"buttons": (Button(kind="url", text="Lesen", value=f"?to={LINK}"),)},
    ),
    "fixed buttons": (
        {
            "buttons": [
                {"type": "URL", "text": "Start", "url": "https://blog.example/"},
                {"type": "PHONE_NUMBER", "text": "Anruf", "phone_number": "+4917139200011"},
            ]
        },
        {"link": ""},
        {"parameters": {"link": "-"}},
        {
            "buttons": (
                Button(kind="url", text="Start"),
                Button(kind="phone_number", text="Anruf"),
            )
        },
    ),
    "code to copy": (
        {"buttons": [{"type": "COPY_CODE", "text": "Code"}]},
        {},
        {"parameters": {"copy_code": "SPRING15"}},
        {"buttons": (Button(kind="copy_code", text="Code", value="SPRING15"),)},
    ),
}


@pytest.mark.parametrize(("one", "said", "about", "fields"), FILLED.values(), ids=FILLED)
def test_filled(
    listed: Make,
    message: Make,
    topic: Make,
    one: dict[str, Any],
    said: dict[str, Any],
    about: dict[str, Any],
    fields: dict[str, Any],
) -> None:
    template = made(listed, message(**said), topic(**about), one)
    assert isinstance(template, Template), template
    assert {name: getattr(template, name) for name in fields} == fields
    # Meta counts: parameters in the order of their places
    if not template.named:
        assert list(template.parameters) == sorted(template.parameters, key=int)


@pytest.mark.parametrize(
    ("one", "said", "about", "code", "text"),
    [
        (
            {"body": "{{x}}"},
            {},
            {},
            "template_parameter",
            'template "blog_post" needs {{x}}; add [topics.blog.parameters] x = "…"',
        ),
        ({"body": "{{1}} {{2}} {{3}} {{4}}"}, {}, {}, "template_parameter", '4 = "…"'),
        ({}, {"title": ""}, {}, "template_parameter", "needs {{title}}, and the message has"),
        (
            {"body": "{{title}}"},
            {},
            {"parameters": {"title": "{titel}"}},
            "template_parameter",
            "[topics.blog.parameters] title names {titel}; known are {title}, {text}, {link}",
        ),
        (
            {"header": {"format": "IMAGE"}},
            {},
            {},
            "template_header",
            "needs an image, the message has none",
        ),
        ({"header": {"format": "VIDEO"}}, {}, {}, "template_header", "begins with a video"),
        (
            {"buttons": [URL], "body": "x"},
            {"link": ""},
            {},
            "template_button",
            'needs a link for the button "Lesen"',
        ),
        (
            {"buttons": [URL], "body": "x"},
            {"link": "https://blog.example/" + "a" * 2000},
            {},
            "template_button",
            "too long an address",
        ),
        ({"buttons": [{"type": "COPY_CODE"}]}, {}, {}, "template_button", "copy_code"),
        ({"buttons": [{"type": "FLOW", "text": "F"}]}, {}, {}, "template_button", "button flow"),
        (
            {"body": "{{title}} {{text}}"},
            {"title": "x" * 1020},
            {},
            "template_too_long",
            "more than 1024 characters",
        ),
        ({"body": "{{title}}"}, {"title": "x" * 1025}, {}, "template_too_long", "1024"),
        ({"body": "{{title}}{{opt_out}}"}, {"title": "x" * 925}, {}, "template_too_long", "924"),
    ],
)
def test_not_filled(
    listed: Make,
    message: Make,
    topic: Make,
    one: dict[str, Any],
    said: dict[str, Any],
    about: dict[str, Any],
    code: str,
    text: str,
) -> None:
    hold = made(listed, message(**said), topic(**about), one)
    assert isinstance(hold, Hold)
    assert hold.code == code
    assert hold.code in HOLDS
    assert text in hold.text
    assert hold.until is None


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        ("{{title}}: {{teaser}} {{link}}", 1024),
        ("{{title}}: {{teaser}} {{teaser}} {{link}}", 1024),
        ("{{title}}: {{teaser}} {{link}} {{opt_out}}", 924),
        ("{{1}}: {{2}}", 1024),
    ],
)
def test_the_teaser_is_shortened(
    listed: Make, message: Make, topic: Make, body: str, limit: int
) -> None:
    template = made(listed, message(text=LONG), topic(), {"body": body})
    assert isinstance(template, Template)
    assert limit - 120 < len(template.rendered) <= limit
    assert "weiter geht." in template.rendered
