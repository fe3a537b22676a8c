"""Each limit of section 1.5 and its code: 131008 missing, 131009 out of bounds, 100 malformed."""

import copy

import pytest

PHONE = "+491713920001"
HEAD = {"messaging_product": "whatsapp", "to": PHONE}
LINK = "https://blog.example/x"

BUTTON = {
    "type": "button",
    "header": {"type": "text", "text": "Kopf"},
    "body": {"text": "Frage"},
    "footer": {"text": "Fuß"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "a", "title": "Ja"}}]},
}
LIST = {
    "type": "list",
    "body": {"text": "Frage"},
    "action": {"button": "Liste", "sections": [{"rows": [{"id": "a", "title": "A"}]}]},
}
CTA = {
    "type": "cta_url",
    "body": {"text": "Frage"},
    "action": {"name": "cta_url", "parameters": {"display_text": "Los", "url": LINK}},
}
FLOW = {
    "type": "flow",
    "body": {"text": "Frage"},
    "action": {
        "name": "flow",
        "parameters": {"flow_message_version": "3", "flow_name": "a", "flow_cta": "Los"},
    },
}
PLACE = {"type": "location_request_message", "body": {"text": "x"}, "action": {"name": "x"}}
CONTACT = {"type": "request_contact_info", "body": {"text": "x"}, "action": {"name": "x"}}
GONE = object()


def rows(*counts):
    number = iter(range(100))
    return [
        {"title": "T", "rows": [{"id": str(next(number)), "title": "x"} for _ in range(count)]}
        for count in counts
    ]


def replies(count, **reply):
    return [{"type": "reply", "reply": {"id": str(n), "title": "x"} | reply} for n in range(count)]


def changed(document, path, value):
    """The document with what stands at a dotted path replaced or (GONE) taken out."""
    document = copy.deepcopy(document)
    *way, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    holder = document
    for key in way:
        holder = holder[key]
    if value is GONE:
        del holder[last]
    else:
        holder[last] = value
    return document


INTERACTIVE = [
    (BUTTON, "type", "hologram", 131009),
    (BUTTON, "type", GONE, 131008),
    (BUTTON, "type", 5, 100),
    (BUTTON, "type", "carousel", 131009),
    (BUTTON, "body", GONE, 131008),
    (BUTTON, "body", "x", 100),
    (BUTTON, "body.text", "", 131009),
    (BUTTON, "body.text", "x" * 1025, 131009),
    (BUTTON, "footer.text", "x" * 61, 131009),
    (BUTTON, "footer", {}, 131008),
    (BUTTON, "header.text", "x" * 61, 131009),
    (BUTTON, "header.type", "location", 131009),
    (BUTTON, "header", {"type": "image", "image": {"link": "x"}}, 100),
    (BUTTON, "header", {"type": "image", "image": {"id": "5"}}, 131009),
    (BUTTON, "header", {"type": "image"}, 131008),
    (BUTTON, "action", GONE, 131008),
    (BUTTON, "action.buttons", GONE, 131009),
    (BUTTON, "action.buttons", [], 131009),
    (BUTTON, "action.buttons", replies(4), 131009),
    (BUTTON, "action.buttons", replies(2, id="a"), 131009),
    (BUTTON, "action.buttons", [{"type": "url"}], 131009),
    (BUTTON, "action.buttons.0.reply", GONE, 131008),
    (BUTTON, "action.buttons.0.reply.id", "x" * 257, 131009),
    (BUTTON, "action.buttons.0.reply.title", "x" * 21, 131009),
    (BUTTON, "action.buttons.0.reply.title", GONE, 131008),
    (LIST, "body.text", "x" * 4097, 131009),
    (LIST, "header", {"type": "image", "image": {"link": LINK}}, 131009),
    (LIST, "action.button", "x" * 21, 131009),
    (LIST, "action.button", GONE, 131008),
    (LIST, "action.sections", [], 131009),
    (LIST, "action.sections", rows(*[1] * 11), 131009),
    (LIST, "action.sections", rows(6, 5), 131009),
    (LIST, "action.sections", [{"rows": [{"id": "a", "title": "x"}]}] * 2, 131008),
    (LIST, "action.sections", [rows(1)[0], rows(1)[0]], 131009),
    (LIST, "action.sections.0.title", "x" * 25, 131009),
    (LIST, "action.sections.0.rows", [], 131008),
    (LIST, "action.sections.0.rows.0.id", "x" * 201, 131009),
    (LIST, "action.sections.0.rows.0.title", "x" * 25, 131009),
    (LIST, "action.sections.0.rows.0.description", "x" * 73, 131009),
    (CTA, "action.name", "url", 131009),
    (CTA, "action.parameters", GONE, 131008),
    (CTA, "action.parameters.display_text", "x" * 21, 131009),
    (CTA, "action.parameters.url", "mailto:a@b.example", 100),
    (FLOW, "action.parameters.flow_message_version", GONE, 131008),
    (FLOW, "action.parameters.flow_message_version", "2", 131009),
    (FLOW, "action.parameters.flow_id", "1", 100),
    (FLOW, "action.parameters.flow_name", GONE, 100),
    (FLOW, "action.parameters.flow_cta", "x" * 31, 131009),
    (FLOW, "action.parameters.flow_action", "jump", 131009),
    (FLOW, "action.parameters.flow_action_payload", [], 100),
    (FLOW, "action.parameters.mode", "live", 131009),
    (PLACE, "body.text", "x", 131009),
    (CONTACT, "body.text", "x", 131009),
]


@pytest.mark.parametrize(("document", "path", "value", "code"), INTERACTIVE)
async def test_interactive(start, document, path, value, code):
    world = await start(webhook=False)
    await world.sandbox.say(PHONE, "Hallo")
    payload = changed(document, path, value)
    answer = await world.post(HEAD | {"type": "interactive", "interactive": payload})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code), error
    assert "interactive" in error["error_data"]["details"]
    assert error["error_data"]["messaging_product"] == "whatsapp"
    assert world.sandbox.received() == []


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        (BUTTON, "body.text", "x" * 1024),
        (BUTTON, "action.buttons", replies(3, title="x" * 20)),
        (LIST, "body.text", "x" * 4096),
        (LIST, "action.sections", rows(5, 5)),
        (FLOW, "action.parameters.flow_cta", "x" * 30),
        (CTA, "action.parameters.display_text", "\U0001f600" * 20),
    ],
)
async def test_interactive_at_its_limits(start, document, path, value):
    world = await start(webhook=False)
    await world.sandbox.say(PHONE, "Hallo")
    payload = changed(document, path, value)
    answer = await world.post(HEAD | {"type": "interactive", "interactive": payload})
    assert answer.status_code == 200, answer.text


CARD = {"name": {"formatted_name": "A"}}
OTHERS = [
    ("audio", {"link": LINK, "caption": "x"}, 100, "audio['caption']"),
    ("sticker", {"link": LINK, "caption": "x"}, 100, "sticker['caption']"),
    ("image", {"link": LINK, "filename": "x"}, 100, "image['filename']"),
    ("video", {"link": LINK, "voice": True}, 100, "video['voice']"),
    ("audio", {"link": LINK, "voice": "yes"}, 100, "audio['voice']"),
    ("video", {}, 131008, "video['link']"),
    ("document", {"id": 5}, 100, "document['id']"),
    ("document", {"id": "5"}, 131009, "document['id']"),
    ("document", {"id": "5", "link": LINK}, 100, "document"),
    ("document", {"link": LINK, "caption": "x" * 1025}, 100, "document['caption']"),
    ("location", {"longitude": 1}, 131008, "location['latitude']"),
    ("location", {"latitude": 1}, 131008, "location['longitude']"),
    ("location", {"latitude": "north", "longitude": 1}, 100, "location['latitude']"),
    ("location", {"latitude": True, "longitude": 1}, 100, "location['latitude']"),
    ("location", {"latitude": 90.1, "longitude": 1}, 131009, "location['latitude']"),
    ("location", {"latitude": "nan", "longitude": 1}, 131009, "location['latitude']"),
    ("location", {"latitude": 1, "longitude": -181}, 131009, "location['longitude']"),
    ("location", {"latitude": 1, "longitude": 1, "name": 5}, 100, "location['name']"),
    ("contacts", {}, 100, "contacts"),
    ("contacts", [], 131009, "contacts"),
    ("contacts", [CARD] * 6, 131009, "contacts"),
    ("contacts", [{}], 131008, "contacts[0]['name']"),
    ("contacts", [CARD, {"name": {}}], 131008, "contacts[1]['name']['formatted_name']"),
    ("contacts", [CARD | {"phones": "x"}], 100, "contacts[0]['phones']"),
    ("reaction", {"emoji": "\U0001f44d"}, 131008, "reaction['message_id']"),
    ("reaction", {"message_id": "5", "emoji": "\U0001f44d"}, 131009, "reaction['message_id']"),
    ("reaction", {"message_id": "wamid.x"}, 131008, "reaction['emoji']"),
    ("reaction", {"message_id": "wamid.x", "emoji": "ok"}, 131009, "reaction['emoji']"),
]


@pytest.mark.parametrize(("kind", "payload", "code", "field"), OTHERS)
async def test_other_types(start, kind, payload, code, field):
    world = await start(webhook=False)
    await world.sandbox.say(PHONE, "Hallo")
    answer = await world.post(HEAD | {"type": kind, kind: payload})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code), error
    assert field in error["error_data"]["details"]
    assert world.sandbox.received() == []
