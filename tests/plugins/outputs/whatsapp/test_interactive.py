"""Reply buttons, lists and contact cards: as Meta takes them, or why not, twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trio

from gateway.api import Button, Card, Hold, Rejected, Text
from gateway_plugins.outputs.whatsapp.compose import HOLDS, as_text
from gateway_plugins.outputs.whatsapp.output import WhatsApp
from gateway_plugins.outputs.whatsapp.payloads import CODES, body
from gateway_sandbox.serve import serve
from gateway_sandbox.settings import Settings

Make = Callable[..., Any]
IMAGE = "https://cdn.example/a.jpg"
CARD = Card(name="Beispiel GmbH", phone="+4917139200099")


def button(text: str, payload: str = "", value: str = "") -> Button:
    return Button(kind="quick_reply", text=text, payload=payload, value=value)


def buttons(count: int) -> tuple[Button, ...]:
    return tuple(button(f"Knopf {n}", f"P{n}") for n in range(count))


YES_NO = (button("Ja", "yes:12+13"), button("Nein", "no:12+13"))
SENT: dict[str, tuple[Text, str, Any]] = {
    "buttons": (
        Text(body="Willst du?", buttons=YES_NO),
        "interactive",
        {
            "type": "button",
            "body": {"text": "Willst du?"},
            "action": {
                "buttons": [
                    {"type": "reply", "reply": {"id": "yes:12+13", "title": "Ja"}},
                    {"type": "reply", "reply": {"id": "no:12+13", "title": "Nein"}},
                ]
            },
        },
    ),
    "a button without payload says its words": (
        Text(body="Hm?", buttons=(button(" Mehr "),)),
        "interactive",
        {
            "type": "button",
            "body": {"text": "Hm?"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "Mehr", "title": "Mehr"}}]},
        },
    ),
    "a picture above buttons": (
        Text(body="Schön?", image=IMAGE, buttons=YES_NO[:1]),
        "interactive",
        {
            "type": "button",
            "header": {"type": "image", "image": {"link": IMAGE}},
            "body": {"text": "Schön?"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "yes:12+13", "title": "Ja"}}]},
        },
    ),
    "a list": (
        Text(body="Was?", menu="Auswählen", buttons=(button("Pause", "PAUSE", "Ein Monat"),)),
        "interactive",
        {
            "type": "list",
            "body": {"text": "Was?"},
            "action": {
                "button": "Auswählen",
                "sections": [
                    {"rows": [{"id": "PAUSE", "title": "Pause", "description": "Ein Monat"}]}
                ],
            },
        },
    ),
    "a card": (
        Text(
            body="",
            card=Card(
                name="Beispiel GmbH",
                phone="+4917139200099",
                mail="redaktion@blog.example",
                web="https://blog.example",
            ),
        ),
        "contacts",
        [
            {
                "name": {"formatted_name": "Beispiel GmbH", "first_name": "Beispiel GmbH"},
                "phones": [{"phone": "+4917139200099", "type": "WORK", "wa_id": "4917139200099"}],
                "org": {"company": "Beispiel GmbH"},
                "emails": [{"email": "redaktion@blog.example", "type": "WORK"}],
                "urls": [{"url": "https://blog.example", "type": "WORK"}],
            }
        ],
    ),
    "a card of a name and a number": (
        Text(body="", card=CARD),
        "contacts",
        [
            {
                "name": {"formatted_name": "Beispiel GmbH", "first_name": "Beispiel GmbH"},
                "phones": [{"phone": "+4917139200099", "type": "WORK", "wa_id": "4917139200099"}],
                "org": {"company": "Beispiel GmbH"},
            }
        ],
    ),
}


@pytest.mark.parametrize(("content", "kind", "expected"), SENT.values(), ids=SENT)
def test_payload(delivery: Make, content: Text, kind: str, expected: Any) -> None:
    payload = json.loads(body(delivery(content=content)))
    assert (payload["type"], payload[kind]) == (kind, expected)
    assert payload["biz_opaque_callback_data"] == "7001:1"


@pytest.mark.parametrize("long", [0, 1])
async def test_a_stand_in_for_the_provider_takes_what_is_sent(delivery: Make, long: int) -> None:
    """At the limits it accepts; what is one character longer never gets there."""
    grown = [
        Text(body="x" * (1024 + long), buttons=YES_NO),
        Text(body="x", buttons=(button("t" * (20 + long), "a"),)),
        Text(body="x", buttons=(button("t", "p" * (256 + long)),)),
        Text(body="x" * (4096 + long), menu="m", buttons=buttons(10)),
        Text(body="x", menu="m" * (20 + long), buttons=buttons(10)),
        Text(body="x", menu="m", buttons=buttons(10 + long)),
        Text(body="x", menu="m", buttons=(button("t" * (24 + long), "a"),)),
        Text(body="x", menu="m", buttons=(button("t", "p" * (200 + long)),)),
        Text(body="x", menu="m", buttons=(button("t", "p", "d" * (72 + long)),)),
    ]
    if long:
        for content in grown:
            with pytest.raises(Rejected):
                body(delivery(content=content))
        return
    async with trio.open_nursery() as nursery:
        sandbox = await nursery.start(serve, Settings(token="t", app_secret="s"))
        await sandbox.say("+4917139200011", "Hallo")
        async with httpx.AsyncClient(base_url=sandbox.url) as client:
            for content in [*grown, *(content for content, _, _ in SENT.values())]:
                answer = await client.post(
                    "/v25.0/100000000000001/messages",
                    content=body(delivery(content=content)),
                    headers={"Authorization": "Bearer t"},
                )
                assert answer.status_code == 200, answer.text
        nursery.cancel_scope.cancel()


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no words on a button": ({"buttons": (button(" ", "a"),)}, "button_text", "1 to 20"),
    "long words": ({"buttons": (button("x" * 21, "a"),)}, "button_text", "1 to 20"),
    "the same words": ({"buttons": (button("Ja", "a"), button("Ja ", "b"))}, "button_text", "same"),
    "a long payload": ({"buttons": (button("Ja", "x" * 257),)}, "button_payload", "256"),
    "the same payload": (
        {"buttons": (button("Ja", "a"), button("Nein", "a"))}, "button_payload", "same"),
    "a list with a picture": (
        {"buttons": buttons(4), "image": IMAGE}, "list_with_image", "no picture"),
    "long words that open": ({"buttons": buttons(2), "menu": "x" * 21}, "list_caption", "1 to 20"),
    "eleven rows": ({"buttons": buttons(11)}, "buttons_too_many", "10 rows, not 11"),
    "a long row": (
        {"buttons": (button("x" * 25, "a"),), "menu": "Mehr"}, "button_text", "1 to 24"),
    "much below a row": (
        {"buttons": (button("x", "a", "x" * 73),), "menu": "Mehr"}, "button_text", "72"),
    "a card of nobody": ({"card": Card(name=" ", phone=CARD.phone)}, "card_incomplete", "name"),
    "a card without +": ({"card": Card(name="x", phone="0171 1")}, "card_incomplete", "+49"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "code", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_twice(
    message: Make, delivery: Make, changes: dict[str, Any], code: str, words: str
) -> None:
    """Composing holds it with a sentence; whatever a middleware does later, it is not sent."""
    hold = as_text(message(**changes), "Auswählen")
    assert isinstance(hold, Hold)
    assert (hold.code, hold.until) == (code, None)
    assert words in hold.text
    listed = len(changes.get("buttons", ())) > 3
    content = Text(**{"body": "x", "menu": "Auswählen" if listed else "", **changes})
    with pytest.raises(Rejected) as caught:
        body(delivery(content=content))
    assert (caught.value.code, caught.value.detail) == (code, hold.text)
    assert code in HOLDS & CODES & WhatsApp.codes


def test_a_list_that_nothing_opens_is_not_sent(delivery: Make) -> None:
    with pytest.raises(Rejected, match="list_caption"):
        body(delivery(content=Text(body="x", buttons=buttons(4))))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": "x" * 1025, "buttons": YES_NO}, "text_too_long"),
        ({"body": " ", "buttons": YES_NO}, "empty_text"),
        ({"body": " ", "buttons": YES_NO, "image": IMAGE}, "empty_text"),
    ],
)
def test_words_above_buttons(delivery: Make, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected) as caught:
        body(delivery(content=Text(**changes)))
    assert caught.value.code == code


# --- composing ------------------------------------------------------------------------------------
LONG = "Ein Satz mit neun Wörtern, der noch weiter geht. " * 200


def test_composed_with_buttons(message: Make) -> None:
    text = as_text(message(text=LONG, buttons=YES_NO, preview=False))
    assert isinstance(text, Text)
    assert (text.buttons, text.menu, text.preview) == (YES_NO, "", False)
    assert 800 < len(text.body) <= 924


@pytest.mark.parametrize(
    ("changes", "menu"),
    [
        ({"buttons": buttons(4)}, "Auswählen"),
        ({"buttons": buttons(4), "menu": "Themen"}, "Themen"),
        ({"buttons": buttons(2), "menu": "Themen"}, "Themen"),
        ({"buttons": buttons(3)}, ""),
    ],
)
def test_what_opens_a_list(message: Make, changes: dict[str, Any], menu: str) -> None:
    text = as_text(message(**changes), "Auswählen")
    assert isinstance(text, Text)
    assert (text.menu, text.listed) == (menu, bool(menu))


async def test_a_list_is_opened_in_the_persons_language(output: WhatsApp, message: Make) -> None:
    for language, words in (("de", "Auswählen"), ("en-GB", "Choose"), (None, "Auswählen")):
        (text,) = await output.compose(
            message(buttons=buttons(4), language=language, kind="service"), None
        )
        assert text.menu == words


def test_a_card_goes_alone(message: Make) -> None:
    text = as_text(message(card=CARD, image=IMAGE, buttons=YES_NO))
    assert text == Text(body="", card=CARD)


def test_a_question_is_whole_or_not_asked(message: Make) -> None:
    """What somebody agrees to must not lose its end."""
    question = "x" * 1024
    asked = {"kind": "confirmation", "title": "", "link": "", "buttons": YES_NO}
    text = as_text(message(text=question, **asked))
    assert isinstance(text, Text)
    assert text.body == question
    hold = as_text(message(text=question + "x", **asked))
    assert isinstance(hold, Hold)
    assert (hold.code, "1024" in hold.text) == ("text_too_long", True)


def test_a_picture_with_buttons_needs_words(message: Make) -> None:
    hold = as_text(message(image=IMAGE, title="", text="", link="", buttons=YES_NO))
    assert isinstance(hold, Hold)
    assert hold.code == "empty_message"


@pytest.mark.parametrize(
    ("content", "below"),
    [
        (Text(body="x"), ""),
        (Text(body="x", buttons=YES_NO), "[Ja] [Nein]"),
        (Text(body="x", buttons=YES_NO, menu="Wählen"), "Wählen: [Ja] [Nein]"),
        (Text(body="", card=CARD), "[Beispiel GmbH, +4917139200099]"),
    ],
)
def test_what_stands_below(content: Text, below: str) -> None:
    """A trace shows it; the words themselves stay as long as they are."""
    assert content.below == below
    assert content.rendered == content.body


async def test_nothing_of_it_shows_in_an_error(
    output: WhatsApp, context: Any, delivery: Make
) -> None:
    card = Card(
        name="Max GmbH", phone="+4917139200098", mail="m@x.example", web="https://x.example"
    )
    secret = Text(
        body="Geheim", menu="Öffnen", buttons=(button("Knopftext", "nutzlast:7", "Zeile"),)
    )
    for content, words in (
        (secret, ("Geheim", "Öffnen", "Knopftext", "nutzlast:7", "Zeile")),
        (Text(body="", card=card), ("Max GmbH", "4917139200098", "m@x.example", card.web)),
    ):
        details = f"refused {' and '.join(words)} so"
        context.http.answer(400, {"error": {"code": 100, "error_data": {"details": details}}})
        with pytest.raises(Rejected) as caught:
            await output.send(delivery(content=content))
        assert not [word for word in words if word in caught.value.detail]
        assert caught.value.detail.startswith("Meta 100: refused … and")
