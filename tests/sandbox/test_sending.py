"""Sends that are accepted: the answer, the received line, what the person reads."""

import json

import pytest

from gateway_sandbox.received import Button

IMAGE = {"type": "image", "image": {"link": "https://blog.example/1.jpg"}}


async def test_a_template_is_accepted_with_the_shape_of_the_api(start, blog_post):
    world = await start(webhook=False)
    answer = await world.post(blog_post("+49 (171) 392-0001"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    wamid = body["messages"][0]["id"]
    assert body == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+49 (171) 392-0001", "wa_id": "491713920001"}],
        "messages": [{"id": wamid, "message_status": "accepted"}],
    }
    assert wamid.startswith("wamid.")
    assert len(wamid) > 90


async def test_free_text_has_no_message_status(start, text):
    world = await start(webhook=False)
    await world.sandbox.say("+491713920001", "Hallo")
    body = (await world.post(text())).json()
    assert set(body["messages"][0]) == {"id"}


async def test_a_user_id_is_answered_without_a_phone(start, blog_post):
    world = await start(webhook=False)
    user = "DE.10000000000000000042"
    body = (await world.post(blog_post(None, recipient=user))).json()
    assert body["contacts"] == [{"input": user, "user_id": user}]
    assert world.sandbox.received()[0].contact == user


async def test_to_wins_over_recipient(start, blog_post):
    world = await start(webhook=False)
    body = (await world.post(blog_post(recipient="DE.10000000000000000042"))).json()
    assert body["contacts"][0]["wa_id"] == "491713920001"


async def test_ids_differ_and_a_seed_fixes_them(start, blog_post):
    ids = []
    for seed in ("a", "a", "b"):
        world = await start(webhook=False, seed=seed)
        answers = [await world.post(blog_post()) for _ in range(2)]
        ids.append([answer.json()["messages"][0]["id"] for answer in answers])
    assert ids[0] == ids[1] != ids[2]
    assert ids[0][0] != ids[0][1]


async def test_the_received_line_tells_all(start, blog_post, clock):
    world = await start(webhook=False, now=clock)
    answer = await world.post(
        blog_post(biz_opaque_callback_data="out:1", context={"message_id": "wamid.X"})
    )
    response = await world.control("GET", "received")
    assert response.headers["content-type"] == "application/x-ndjson"
    assert json.loads(response.text) == {
        "seq": 1,
        "wamid": answer.json()["messages"][0]["id"],
        "phone_number_id": "100000000000001",
        "to": "+491713920001",
        "user_id": None,
        "contact": "+491713920001",
        "callback_data": "out:1",
        "type": "template",
        "form": "template",
        "text": "Neuer Beitrag: *Wärme*\n\nNeun Fragen.\n\n"
        "Weiterlesen: https://blog.example/1\n\nGute Lektüre!",
        "footer": "Abmelden: antworte STOP",
        "template": {"name": "blog_post", "language": "de"},
        "category": "MARKETING",
        "context_id": "wamid.X",
        "first_byte": clock.at,
        "arrival": clock.at,
    }


async def test_received_can_be_read_in_pages_and_is_bounded(start, blog_post):
    world = await start(webhook=False, keep=3)
    for _ in range(5):
        await world.post(blog_post())

    async def page(query):
        response = await world.control("GET", f"received{query}")
        return [json.loads(line)["seq"] for line in response.text.splitlines()]

    assert await page("") == [3, 4, 5]
    assert await page("?after=3") == [4, 5]
    assert await page("?after=1&limit=2") == [3, 4]
    assert await page("?after=5") == []
    assert (await world.control("GET", "received?after=x")).status_code == 400
    assert world.sandbox.stats()["received"] == 5


async def test_image_and_text_lines(start, text):
    world = await start(webhook=False)
    await world.sandbox.say("+491713920001", "Hallo")
    image = {"link": "https://blog.example/1.jpg", "caption": "Bild"}
    assert (await world.post(text(type="image", text=None, image=image))).status_code == 200
    assert (await world.post(text())).status_code == 200
    first, second = world.sandbox.received()
    assert (first.type, first.form, first.text, first.media) == (
        "image",
        "text",
        "Bild",
        "https://blog.example/1.jpg",
    )
    assert (second.type, second.form, second.text, second.footer, second.template) == (
        "text",
        "text",
        "Guten Tag",
        None,
        None,
    )


async def test_a_missing_type_is_text(start, text):
    world = await start(webhook=False)
    await world.sandbox.say("+491713920001", "Hallo")
    assert (await world.post(text(type=None))).status_code == 200


@pytest.mark.parametrize(
    ("name", "language", "footer", "buttons"),
    [
        ("blog_post", "de", "Abmelden: antworte STOP", ()),
        ("blog_post", "en", "Reply STOP to opt out", ()),
        ("blog_post_image", "de", None, (Button("quick_reply", "Abmelden", "Abmelden"),)),
        ("blog_post_image", "en", None, (Button("quick_reply", "Unsubscribe", "Unsubscribe"),)),
        ("no_way_out", "de", None, ()),
    ],
)
async def test_default_templates(start, blog_post, name, language, footer, buttons):
    world = await start(webhook=False)
    header = IMAGE if name == "blog_post_image" else None
    answer = await world.post(blog_post(name=name, language=language, header=header))
    assert answer.status_code == 200, answer.text
    line = world.sandbox.received()[0]
    assert (line.footer, line.buttons) == (footer, buttons)
    assert "*Wärme*" in line.text
    assert line.media == (IMAGE["image"]["link"] if header else None)


def read(wamid, **members):
    return {"messaging_product": "whatsapp", "status": "read", "message_id": wamid} | members


@pytest.mark.parametrize("typing", [{}, {"typing_indicator": {"type": "text"}}])
async def test_what_is_read_takes_the_earlier_with_it(start, typing):
    world = await start(webhook=False)
    said = [(await world.sandbox.say("+491713920001", str(n))).wamid for n in range(3)]
    other = (await world.sandbox.say("+491713920002", "Hallo")).wamid
    answer = await world.post(read(said[1], **typing))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    marked = [world.sandbox.state.inbox.get(wamid).read for wamid in (*said, other)]
    assert marked == [True, True, False, False]
    assert (await world.post(read(said[0]))).status_code == 200
    assert world.sandbox.received() == []


async def test_only_what_this_number_got_can_be_read(start, clock):
    numbers = ("100000000000001", "100000000000009")
    world = await start(webhook=False, phone_number_ids=numbers, now=clock)
    wamid = (await world.sandbox.say("+491713920001", "Hallo")).wamid
    for body, number in ((read("wamid.IN"), numbers[0]), (read(wamid), numbers[1])):
        answer = await world.post(body, number=number)
        assert answer.json()["error"]["code"] == 131009
    clock.at += 31 * 86_400
    assert (await world.post(read(wamid))).json()["error"]["code"] == 131009


async def test_two_numbers_have_windows_of_their_own(start, text):
    numbers = ("100000000000001", "100000000000009")
    world = await start(webhook=False, phone_number_ids=numbers)
    await world.sandbox.say("+491713920001", "Hallo", phone_number_id=numbers[1])
    answers = [await world.post(text(), number=number) for number in numbers]
    assert [answer.status_code for answer in answers] == [400, 200]
