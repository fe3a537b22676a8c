"""Whatever is sent, the steps answer or refuse; they never break."""

import copy
import json
import random

import msgspec
import pytest

from gateway_sandbox import phone_view
from gateway_sandbox.account import Account, Number
from gateway_sandbox.definitions import check
from gateway_sandbox.graph import GraphError
from gateway_sandbox.media import Media
from gateway_sandbox.settings import Settings
from gateway_sandbox.template_send import render
from gateway_sandbox.templates import Templates, default_set
from gateway_sandbox.validation import check_read, draft, parse

NUMBER = Number("1", "+49 171 3920099", "491713920099")
SETTINGS = Settings(token="t", app_secret="s", direct_send=True)


def find(id: str) -> Media | None:
    """One uploaded picture."""
    if id != "5":
        return None
    return Media("5", b"x", "image/png", None, "", 0.0, False, None)


def take(body):
    """The steps that need no state: what the message would be, and what a phone would show."""
    message = draft(body, NUMBER, find, Account(SETTINGS, {"1": NUMBER}))
    if message.type == "template":
        return phone_view.template(render(message.payload, Templates("APPROVED"), find))
    return phone_view.free_form(message.type, message.payload)


JUNK = [
    None,
    True,
    0,
    -1,
    1e300,
    "",
    " ",
    "x",
    "wamid.x",
    "\ud83d\ude00",
    [],
    {},
    [[]],
    [{}],
    {"a": 1},
]
PAYLOADS = [
    ("image", {"id": "5", "caption": "x"}),
    ("document", {"link": "https://a.example/x.pdf", "filename": "x.pdf", "caption": "x"}),
    ("audio", {"link": "https://a.example/x.ogg", "voice": True}),
    ("location", {"latitude": 52.5, "longitude": "13.4", "name": "x", "address": "x"}),
    ("contacts", [{"name": {"formatted_name": "x"}, "phones": [{"phone": "x"}]}]),
    ("reaction", {"message_id": "wamid.x", "emoji": "\U0001f44d"}),
    (
        "interactive",
        {
            "type": "button",
            "header": {"type": "image", "image": {"id": "5"}},
            "body": {"text": "x"},
            "footer": {"text": "x"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "x", "title": "x"}}]},
        },
    ),
    (
        "interactive",
        {
            "type": "list",
            "body": {"text": "x"},
            "action": {
                "button": "x",
                "sections": [{"title": "x", "rows": [{"id": "x", "title": "x"}]}],
            },
        },
    ),
    (
        "interactive",
        {
            "type": "flow",
            "body": {"text": "x"},
            "action": {
                "name": "flow",
                "parameters": {"flow_message_version": "3", "flow_id": "1", "flow_cta": "x"},
            },
        },
    ),
]
SENDS = [
    {"messaging_product": "whatsapp", "to": "+491713920001", "text": {"body": "x"}},
    {
        "messaging_product": "whatsapp",
        "to": "+491713920001",
        "recipient": "DE.1",
        "context": {"message_id": "wamid.x"},
        "biz_opaque_callback_data": "x",
        "type": "template",
        "template": {
            "name": "blog_post_image",
            "language": {"code": "de"},
            "components": [
                {
                    "type": "header",
                    "parameters": [{"type": "image", "image": {"link": "https://a.example"}}],
                },
                {
                    "type": "body",
                    "parameters": [
                        {"type": "text", "parameter_name": name, "text": "x"}
                        for name in ("title", "teaser", "link")
                    ],
                },
                {
                    "type": "button",
                    "sub_type": "quick_reply",
                    "index": "0",
                    "parameters": [{"type": "payload", "payload": "x"}],
                },
            ],
        },
    },
    {
        "messaging_product": "whatsapp",
        "to": "+491713920001",
        "type": "image",
        "image": {"link": "https://a.example", "caption": "x"},
    },
    {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"},
    *({"messaging_product": "whatsapp", "to": "+491713920001", "type": kind, kind: payload}
      for kind, payload in PAYLOADS),
]  # fmt: skip


def places(document):
    """(holder, key) of everything inside a document."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(pairs):
        yield document, key
        if isinstance(value, dict | list):
            yield from places(value)


def spoiled(document, chance):
    """The document with one to three parts replaced or removed."""
    document = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        holder, key = chance.choice(list(places(document)) or [({"": 0}, "")])
        if chance.random() < 0.2:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(chance.choice(JUNK))
    return document


@pytest.mark.parametrize("seed", range(8))
def test_spoiled_sends(seed):
    chance = random.Random(seed)
    refused = 0
    for _ in range(1000):
        body = spoiled(chance.choice(SENDS), chance)
        try:
            body = parse(json.dumps(body).encode())
            if "status" in body:
                check_read(body)
            else:
                msgspec.json.encode(take(body))
        except GraphError as error:
            refused += 1
            json.dumps(error.body("x"))
    assert 200 < refused < 1000


def test_members_that_nobody_asked_for():
    body = copy.deepcopy(SENDS[1])
    parameters = body["template"]["components"][1]["parameters"]
    parameters[0] = {"type": "currency", "parameter_name": "title", "text": 5}
    parameters[0]["currency"] = {"fallback_value": "5 €"}
    assert "*5 €*" in take(body)["text"]


@pytest.mark.parametrize("seed", range(4))
def test_spoiled_definitions(seed):
    chance = random.Random(seed)
    for _ in range(500):
        definition = spoiled(chance.choice(default_set()), chance)
        store = Templates("APPROVED")
        try:
            check(definition)
        except GraphError:
            continue
        template = store.add(definition)
        payload = {"name": template.name, "language": {"code": template.language}}
        with pytest.raises(GraphError):
            render(payload | {"components": [{"type": "button", "parameters": []}]}, store, find)


def test_the_default_set_passes_its_own_check():
    for definition in default_set():
        check(definition)


def test_every_send_is_good():
    for body in SENDS:
        if "status" not in body:
            take(body)
