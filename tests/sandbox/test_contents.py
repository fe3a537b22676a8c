"""Everything that a person can send, as its webhook has it."""

import base64
import hashlib
import json
import struct
import zlib

import pytest

from gateway_sandbox.contents import CONTENTS, MEDIA, OPENING
from gateway_sandbox.people import with_phone
from gateway_sandbox.samples import sample

ANNA = "+491713920001"
USER = "DE.10000000000000000042"
PDF = base64.b64encode(b"%PDF-1.4 sample").decode()
IMAGE = {"type": "image", "image": {"link": "https://blog.example/1.jpg"}}


async def say(world, body, person=ANNA):
    """Through the control API; the message and the whole value of its webhook."""
    answer = await world.control("POST", f"phones/{person}/say", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == 200
    value = [value for value in world.receiver.values if "messages" in value][-1]
    return value["messages"][0], value


async def fetch(world, url):
    return await world.client.get(url, headers={"Authorization": "Bearer sandbox-token"})


@pytest.mark.parametrize(
    ("body", "content"),
    [
        ({"text": "Grüße"}, {"type": "text", "text": {"body": "Grüße"}}),
        (
            {"button_reply": {"id": "stop", "title": "Nein"}},
            {
                "type": "interactive",
                "interactive": {
                    "type": "button_reply",
                    "button_reply": {"id": "stop", "title": "Nein"},
                },
            },
        ),
        (
            {"list_reply": {"id": "r1", "title": "Eins", "description": "Das Erste"}},
            {
                "type": "interactive",
                "interactive": {
                    "type": "list_reply",
                    "list_reply": {"id": "r1", "title": "Eins", "description": "Das Erste"},
                },
            },
        ),
        (
            {"flow_reply": {"response": {"mail": "a@b.example"}}},
            {
                "type": "interactive",
                "interactive": {
                    "type": "nfm_reply",
                    "nfm_reply": {
                        "name": "flow",
                        "body": "Sent",
                        "response_json": '{"mail":"a@b.example"}',
                    },
                },
            },
        ),
        (
            {"location": {"latitude": 51.96, "longitude": 7.63, "name": "Münster"}},
            {
                "type": "location",
                "location": {"latitude": 51.96, "longitude": 7.63, "name": "Münster"},
            },
        ),
        (
            {"contacts": [{"name": {"formatted_name": "B"}, "origin": "contact_request"}]},
            {
                "type": "contacts",
                "contacts": [{"name": {"formatted_name": "B"}, "origin": "contact_request"}],
            },
        ),
        (
            {"reaction": {"emoji": "👍", "message_id": "wamid.OLD"}},
            {"type": "reaction", "reaction": {"message_id": "wamid.OLD", "emoji": "👍"}},
        ),
        (
            {"reaction": {"emoji": None, "message_id": "wamid.OLD"}},
            {"type": "reaction", "reaction": {"message_id": "wamid.OLD"}},
        ),
        (
            {"order": {"catalog_id": "1", "product_items": []}},
            {"type": "order", "order": {"catalog_id": "1", "product_items": []}},
        ),
        (
            {"edit": {"text": "Doch", "original_message_id": "wamid.MINE"}},
            {
                "type": "edit",
                "edit": {
                    "original_message_id": "wamid.MINE",
                    "message": {"type": "text", "text": {"body": "Doch"}},
                },
            },
        ),
        (
            {"revoke": {"original_message_id": "wamid.MINE"}},
            {"type": "revoke", "revoke": {"original_message_id": "wamid.MINE"}},
        ),
    ],
    ids=lambda part: next(iter(part)) if "type" not in part else "",
)
async def test_what_stands_in_the_webhook(start, clock, body, content):
    world = await start(now=clock)
    message, value = await say(world, body)
    person = with_phone(ANNA[1:])
    assert message == {
        "from": ANNA[1:],
        "from_user_id": person.user_id,
        "id": message["id"],
        "timestamp": str(int(clock.at)),
        **content,
    }
    assert value["contacts"][0]["wa_id"] == ANNA[1:]


async def test_what_the_api_does_not_support(start):
    world = await start()
    message, _ = await say(world, {"unsupported": {"type": "poll"}})
    assert message["type"] == "unsupported"
    assert message["errors"][0]["code"] == 131051
    assert message["unsupported"] == {"type": "poll"}


@pytest.mark.parametrize("kind", MEDIA)
async def test_a_file_can_be_fetched_where_the_webhook_says(start, kind):
    world = await start()
    message, _ = await say(world, {kind: {}})
    media = message[kind]
    content, mime, _ = sample(kind)
    assert (message["type"], media["mime_type"]) == (kind, mime)
    assert media["sha256"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    located = (await world.get(f"/v25.0/{media['id']}")).json()
    assert located["sha256"] == hashlib.sha256(content).hexdigest()
    for url in (located["url"], media["url"]):
        assert (await fetch(world, url)).content == content
    assert ("voice" in media) == (kind == "audio")
    assert ("animated" in media) == (kind == "sticker")
    assert ("filename" in media) == (kind == "document")


async def test_a_file_of_ones_own(start, clock):
    world = await start(now=clock)
    body = {"data": PDF, "mime_type": "application/pdf", "filename": "a.pdf", "caption": "Bitte"}
    message, _ = await say(world, {"document": body})
    document = message["document"]
    assert (document["filename"], document["caption"]) == ("a.pdf", "Bitte")
    assert (await fetch(world, document["url"])).content == b"%PDF-1.4 sample"
    world.sandbox.forward(301)  # an address works for five minutes
    assert (await fetch(world, document["url"])).status_code == 404
    assert (await world.get(f"/v25.0/{document['id']}")).status_code == 200
    world.sandbox.forward(7 * 86_400)  # and what a person sent is kept for a week
    assert (await world.get(f"/v25.0/{document['id']}")).status_code == 400


def test_the_made_up_picture_is_one():
    content, _, _ = sample("image")
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    place, data = 8, b""
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        name, chunk = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        check = content[place + 8 + length : place + 12 + length]
        assert zlib.crc32(name + chunk) == int.from_bytes(check)
        data += chunk if name == b"IDAT" else b""
        place += 12 + length
    assert len(zlib.decompress(data)) == 96 * (1 + 96 * 3)


async def test_the_signs_of_a_message(start):
    """A quotation, a forwarded message, and an advertisement that somebody came from."""
    world = await start()
    referral = {"source_type": "ad", "source_id": "5", "ctwa_clid": "x"}
    message, _ = await say(
        world, {"text": "Hallo", "context": "wamid.A", "forwarded": True, "referral": referral}
    )
    assert message["context"] == {"from": "491713920099", "id": "wamid.A", "forwarded": True}
    assert message["referral"] == referral


async def test_a_tap_quotes_the_message_that_has_the_button(start, text, blog_post):
    """Also when others came later; payload and id are those of the message."""
    world = await start(connections=1)
    await say(world, {"text": "Hallo"})
    image = {"type": "image", "image": {"link": "https://blog.example/1.jpg"}}
    with_button = await world.post(blog_post(name="blog_post_image", header=image))
    buttons = [{"type": "reply", "reply": {"id": "keep-1", "title": "Ja"}}]
    interactive = {"type": "button", "body": {"text": "?"}, "action": {"buttons": buttons}}
    asked = await world.post(text(type="interactive", text=None, interactive=interactive, to=ANNA))
    rows = [{"id": "row-7", "title": "Sieben"}]
    action = {"button": "Wahl", "sections": [{"title": "A", "rows": rows}]}
    menu = await world.post(
        text(
            type="interactive", text=None, to=ANNA,
            interactive={"type": "list", "body": {"text": "?"}, "action": action},
        )
    )  # fmt: skip
    last = await world.post(text(to=ANNA))
    ids = [a.json()["messages"][0]["id"] for a in (with_button, asked, menu, last)]
    for body, quoted in (
        ({"button": {"text": "Abmelden"}}, ids[0]),
        ({"button_reply": {"title": "Ja"}}, ids[1]),
        ({"list_reply": {"title": "Sieben"}}, ids[2]),
        ({"button": {"text": "Gibt es nicht"}}, ids[3]),
        ({"button": {"text": "Abmelden"}, "context": "wamid.X"}, "wamid.X"),
    ):
        message, _ = await say(world, body)
        assert message["context"]["id"] == quoted, body
    taps = [m.get("button") or m.get("interactive") for m in world.receiver.messages[1:4]]
    assert taps[0]["text"] == "Abmelden"
    assert taps[1]["button_reply"]["id"] == "keep-1"
    assert taps[2]["list_reply"]["id"] == "row-7"


async def test_a_payload_of_the_send_comes_back(start, blog_post):
    world = await start(connections=1)
    body = blog_post(name="blog_post_image", header=IMAGE)
    body["template"]["components"].append(
        {"type": "button", "sub_type": "quick_reply", "index": "0",
         "parameters": [{"type": "payload", "payload": "STOP_PROMO"}]}
    )  # fmt: skip
    assert (await world.post(body)).status_code == 200
    message, _ = await say(world, {"button": {"text": "Abmelden"}})
    assert message["button"] == {"payload": "STOP_PROMO", "text": "Abmelden"}


async def test_reactions_edits_and_revocations_find_their_message(start, blog_post):
    world = await start(connections=1)
    sent = (await world.post(blog_post())).json()["messages"][0]["id"]
    await world.sandbox.settled()
    written, _ = await say(world, {"text": "Halo"})
    message, _ = await say(world, {"reaction": {"emoji": "❤️"}})
    assert message["reaction"]["message_id"] == sent
    message, _ = await say(world, {"edit": {"text": "Hallo", "original_message_id": written["id"]}})
    assert message["edit"]["original_message_id"] == written["id"]


@pytest.mark.parametrize("value", ["stop", "resume", "signup"])
async def test_what_somebody_chose_in_the_app(start, clock, value):
    world = await start(now=clock)
    answer = await world.control("POST", f"phones/{ANNA}/say", {"preferences": value})
    assert answer.json()["status"] == 200
    (request,) = world.receiver.requests
    (entry,) = json.loads(request.body)["entry"]
    assert entry["changes"][0]["field"] == "user_preferences"
    assert "time" not in entry
    (preference,) = entry["changes"][0]["value"]["user_preferences"]
    assert preference["timestamp"] == int(clock.at)  # a number here, a string elsewhere
    assert (preference["category"], preference["value"]) == ("marketing_messages", value)
    assert preference["wa_id"] == ANNA[1:]
    assert ("signup_id" in preference) == (value == "signup")


async def test_the_business_writes_from_its_own_phone(start, text):
    """An echo is no message of the person: no window opens."""
    world = await start()
    answer = await world.control("POST", f"phones/{ANNA}/say", {"echo": {"text": "Ich rufe an"}})
    assert answer.json()["status"] == 200
    request = json.loads(world.receiver.requests[0].body)
    change = request["entry"][0]["changes"][0]
    assert change["field"] == "smb_message_echoes"
    (echo,) = change["value"]["message_echoes"]
    assert (echo["from"], echo["to"]) == ("491713920099", ANNA[1:])
    assert echo["text"] == {"body": "Ich rufe an"}
    assert (await world.post(text())).json()["error"]["code"] == 131047


@pytest.mark.parametrize("kind", CONTENTS)
async def test_what_opens_a_window(start, text, kind):
    given = {
        "text": "x", "preferences": "stop", "contacts": [], "order": {}, "unsupported": {},
        "button": {"text": "x"}, "button_reply": {"title": "x"}, "list_reply": {"title": "x"},
        "flow_reply": {"response": {}}, "location": {"latitude": 1, "longitude": 1},
        "reaction": {"emoji": "x", "message_id": "wamid.A"}, "echo": {"text": "x"},
        "edit": {"text": "x", "original_message_id": "wamid.A"},
        "revoke": {"original_message_id": "wamid.A"},
        "system": {"type": "user_changed_user_id"},
    }  # fmt: skip
    world = await start()
    answer = await world.control("POST", f"phones/{ANNA}/say", {kind: given.get(kind, {})})
    assert answer.status_code == 200, answer.text
    status = (await world.post(text())).status_code
    assert status == (200 if kind in OPENING else 400)


async def test_somebody_whose_number_is_not_known_sends_a_picture(start):
    world = await start()
    message, value = await say(world, {"image": {"caption": "Da"}}, USER)
    assert "from" not in message
    assert (message["from_user_id"], message["image"]["caption"]) == (USER, "Da")
    assert "wa_id" not in value["contacts"][0]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "exactly one"),
        ({"text": "x", "image": {}}, "exactly one"),
        ({"image": {"data": "*"}}, "Base64"),
        ({"image": {"data": PDF}}, "mime_type"),
        ({"image": {"data": PDF, "mime_type": "application/pdf"}}, "image/png"),
        ({"audio": {"caption": "x"}}, "caption"),
        ({"reaction": {"emoji": "x"}}, "no message"),
        ({"edit": {"text": "x"}}, "wrote nothing"),
        ({"revoke": {}}, "wrote nothing"),
        ({"system": {"type": "user_changed_number"}}, "to"),
        ({"system": {"type": "user_changed_number", "to": "DE.5"}}, "phone number"),
        ({"system": {"type": "user_changed_user_id", "to": "+491713920002"}}, "to"),
        ({"preferences": "perhaps"}, "perhaps"),
        ({"smoke": {}}, "smoke"),
    ],
)
async def test_what_makes_no_sense_changes_nothing(start, text, body, says):
    world = await start()
    answer = await world.control("POST", f"phones/{ANNA}/say", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    await world.sandbox.settled()
    assert world.receiver.requests == []
    assert world.sandbox.stats()["inbound"] == 0
    assert world.sandbox.state.faults.active == []
    assert (await world.post(text())).json()["error"]["code"] == 131047


async def test_whom_the_business_blocked_is_not_heard(start):
    world = await start()
    block = {"messaging_product": "whatsapp", "block_users": [{"user": ANNA}]}
    await say(world, {"text": "Hallo"})
    answer = await world.call("POST", "100000000000001/block_users", block)
    assert answer.status_code == 200
    refused = await world.control("POST", f"phones/{ANNA}/say", {"text": "Hallo?"})
    assert refused.status_code == 400
    assert "blocked" in refused.json()["error"]
    assert len(world.receiver.messages) == 1
