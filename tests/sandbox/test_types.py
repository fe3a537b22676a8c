"""A message of every type: accepted, kept as a phone shows it, followed by its statuses."""

import pytest

from gateway_sandbox.received import Button, Location, Reaction, Row

PHONE = "+491713920001"
LINK = "https://blog.example/datei"


def interactive(kind, action, **members):
    return {"type": kind, "body": {"text": "Wollen Sie?"}, "action": action} | members


REPLIES = {
    "buttons": [
        {"type": "reply", "reply": {"id": "keep", "title": "Ja"}},
        {"type": "reply", "reply": {"id": "stop", "title": "Nein"}},
    ]
}
LIST = {
    "button": "Themen",
    "sections": [
        {"title": "Haus", "rows": [{"id": "a", "title": "Wärme", "description": "Pumpen"}]},
        {"title": "Garten", "rows": [{"id": "b", "title": "Rosen"}]},
    ],
}
FLOW = {
    "name": "flow",
    "parameters": {
        "flow_message_version": "3",
        "flow_id": "77",
        "flow_cta": "Termin",
        "flow_token": "t-1",
        "flow_action": "navigate",
        "flow_action_payload": {"screen": "A"},
        "mode": "published",
    },
}
CARD = {
    "name": {"formatted_name": "Redaktion", "first_name": "Redaktion"},
    "phones": [{"phone": "+49 171 3920002", "type": "WORK", "wa_id": "491713920002"}],
    "emails": [{"email": "redaktion@blog.example"}],
}


@pytest.mark.parametrize(
    ("kind", "payload", "shown"),
    [
        ("text", {"body": "Hallo", "preview_url": True}, {"text": "Hallo", "preview": True}),
        (
            "image",
            {"link": LINK, "caption": "Bild"},
            {"text": "Bild", "media": LINK, "media_type": "image"},
        ),
        ("video", {"link": LINK}, {"media": LINK, "media_type": "video"}),
        (
            "document",
            {"link": LINK, "filename": "a.pdf", "caption": "Akte"},
            {"text": "Akte", "media": LINK, "media_type": "document", "filename": "a.pdf"},
        ),
        (
            "audio",
            {"link": LINK, "voice": True},
            {"media": LINK, "media_type": "audio", "voice": True},
        ),
        ("sticker", {"link": LINK}, {"media": LINK, "media_type": "sticker"}),
        (
            "location",
            {"latitude": 52.5, "longitude": "13.4", "name": "Haus", "address": "Weg 1"},
            {"location": Location(52.5, 13.4, "Haus", "Weg 1")},
        ),
        ("contacts", [CARD], {"contacts": (CARD,)}),
        (
            "interactive",
            interactive(
                "button",
                REPLIES,
                header={"type": "image", "image": {"link": LINK}},
                footer={"text": "Abmelden: STOP"},
            ),
            {
                "text": "Wollen Sie?",
                "footer": "Abmelden: STOP",
                "media": LINK,
                "media_type": "image",
                "buttons": (Button("reply", "Ja", "keep"), Button("reply", "Nein", "stop")),
            },
        ),
        (
            "interactive",
            interactive("list", LIST, header={"type": "text", "text": "Auswahl"}),
            {
                "header": "Auswahl",
                "text": "Wollen Sie?",
                "buttons": (Button("list", "Themen"),),
                "rows": (Row("a", "Wärme", "Pumpen", "Haus"), Row("b", "Rosen", None, "Garten")),
            },
        ),
        (
            "interactive",
            interactive(
                "cta_url",
                {"name": "cta_url", "parameters": {"display_text": "Lesen", "url": LINK}},
            ),
            {"text": "Wollen Sie?", "buttons": (Button("url", "Lesen", url=LINK),)},
        ),
        (
            "interactive",
            interactive("flow", FLOW),
            {"text": "Wollen Sie?", "buttons": (Button("flow", "Termin", "t-1"),)},
        ),
        (
            "interactive",
            interactive("location_request_message", {"name": "send_location"}),
            {"text": "Wollen Sie?", "buttons": (Button("location", "Send location"),)},
        ),
        (
            "interactive",
            interactive("request_contact_info", {"name": "request_contact_info"}),
            {"text": "Wollen Sie?", "buttons": (Button("contact_info", "Share contact info"),)},
        ),
    ],
)
async def test_what_a_phone_shows(start, text, kind, payload, shown):
    world = await start()
    await world.sandbox.say(PHONE, "Hallo")
    answer = await world.post(text(PHONE, type=kind, **({"text": None} | {kind: payload})))
    assert answer.status_code == 200, answer.text
    (line,) = world.sandbox.received()
    assert (line.type, line.form, line.category) == (kind, "text", None)
    names = (
        "text", "header", "footer", "buttons", "rows", "media", "media_type", "filename", "voice",
        "location", "contacts", "reaction", "preview",
    )  # fmt: skip
    empty = {"text": "", "buttons": (), "rows": (), "contacts": ()} | {
        "voice": False,
        "preview": False,
    }
    assert {name: getattr(line, name) for name in names} == dict.fromkeys(names) | empty | shown
    await world.sandbox.settled()
    # On a busy machine one webhook may overtake another, as at Meta.
    assert {s["status"] for s in world.receiver.statuses} == {"sent", "delivered", "read"}
    assert len(world.receiver.statuses) == 3


@pytest.mark.parametrize("emoji", ["\U0001f44d", ""])
async def test_a_reaction_is_only_sent(start, text, emoji):
    world = await start()
    said = await world.sandbox.say(PHONE, "Hallo")
    reaction = {"message_id": said.wamid, "emoji": emoji}
    answer = await world.post(text(PHONE, type="reaction", text=None, reaction=reaction))
    assert answer.status_code == 200, answer.text
    assert world.sandbox.received()[0].reaction == Reaction(said.wamid, emoji)
    await world.sandbox.settled()
    (status,) = world.receiver.statuses
    assert status["status"] == "sent"
    assert "pricing" not in status


@pytest.mark.parametrize("target", ["wamid.unknown", "wamid." + "A" * 96])
async def test_a_reaction_to_an_unknown_message_fails_later(start, text, target):
    world = await start()
    await world.sandbox.say(PHONE, "Hallo")
    reaction = {"message_id": target, "emoji": "\U0001f44d"}
    answer = await world.post(text(PHONE, type="reaction", text=None, reaction=reaction))
    assert answer.status_code == 200
    await world.sandbox.settled()
    (status,) = world.receiver.statuses
    assert (status["status"], status["errors"][0]["code"]) == ("failed", 131009)


async def test_a_quoted_message_is_kept(start, text):
    world = await start(webhook=False)
    said = await world.sandbox.say(PHONE, "Hallo")
    await world.post(text(PHONE, context={"message_id": said.wamid}))
    assert world.sandbox.received()[0].context_id == said.wamid


async def test_members_of_the_new_account_model_are_taken(start, text):
    world = await start()
    await world.sandbox.say(PHONE, "Hallo")
    identity = world.sandbox.state.account.identity(PHONE)
    members = {"messaging_account_id": "100000000000002", "recipient_type": "individual"}
    answer = await world.post(text(PHONE, recipient_identity_key_hash=identity, **members))
    assert answer.status_code == 200, answer.text
    await world.sandbox.settled()
    hashes = [s["recipient_identity_key_hash"] for s in world.receiver.statuses]
    assert hashes == [identity] * 3
    other = await world.post(text(PHONE, recipient_identity_key_hash="x"))
    assert other.json()["error"]["code"] == 137000


async def test_a_test_number_writes_to_its_list_only(start, blog_post):
    world = await start(webhook=False, allowed_recipients=("+49 171 3920001",))
    assert (await world.post(blog_post())).status_code == 200
    answer = await world.post(blog_post("+491713920002"))
    assert answer.json()["error"]["code"] == 131030


async def test_direct_send_needs_the_beta_and_no_window(start, text):
    world = await start(webhook=False)
    refused = (await world.post(text(category="utility"))).json()["error"]
    assert (refused["code"], "not enabled" in refused["error_data"]["details"]) == (100, True)

    world = await start(direct_send=True)
    assert (await world.post(text(category="utility"))).status_code == 200
    assert world.sandbox.received()[0].category == "UTILITY"
    await world.sandbox.settled()
    assert world.receiver.statuses[0]["pricing"]["category"] == "utility"
    for members in (
        {"category": "marketing"},
        {"category": "authentication"},
        {"category": "utility", "type": "image", "text": None, "image": {"link": LINK}},
    ):
        assert (await world.post(text(**members))).json()["error"]["code"] == 100
