"""People who write: the inbound webhook, and waiting for its answer."""

import json
import time

import pytest
import trio

from gateway_sandbox.people import parse_person, with_phone, with_user_id
from gateway_sandbox.server import Response

USER = "DE.10000000000000000042"


async def test_say_waits_until_the_receiver_answered(start):
    world = await start(now=time.time)
    released = trio.Event()

    async def hold(request):
        await released.wait()
        return Response()

    world.receiver.answer = hold
    answers = []

    async def say():
        response = await world.control("POST", "phones/+491713920001/say", {"text": "STOP"})
        answers.append(response.json())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(say)
        await world.receiver.reached(1)
        await trio.sleep(0.02)
        assert answers == []
        freed = time.time()
        released.set()
    said = answers[0]
    assert said["status"] == 200
    assert said["wamid"].startswith("wamid.")
    assert said["sent_at"] < freed <= said["answered_at"]


async def test_the_webhook_of_a_text(start, clock):
    world = await start(now=clock)
    said = await world.sandbox.say("+49 171 3920001", "Grüße @ 100 %")
    person = with_phone("491713920001")
    value = world.receiver.values[0]
    assert value == {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": "491713920099",
            "phone_number_id": "100000000000001",
        },
        "contacts": [
            {
                "profile": {"name": "Testgerät 0001"},
                "wa_id": "491713920001",
                "user_id": person.user_id,
            }
        ],
        "messages": [
            {
                "from": "491713920001",
                "from_user_id": person.user_id,
                "id": said.wamid,
                "timestamp": "1795000000",
                "type": "text",
                "text": {"body": "Grüße @ 100 %"},
            }
        ],
    }


async def test_a_person_without_a_phone(start, text):
    world = await start()
    said = await world.control("POST", f"phones/{USER}/say", {"text": "Hallo"})
    assert said.json()["status"] == 200
    value = world.receiver.values[0]
    assert "wa_id" not in value["contacts"][0]
    assert value["contacts"][0]["profile"]["username"]
    assert "from" not in value["messages"][0]
    assert value["messages"][0]["from_user_id"] == USER
    assert (await world.post(text(None, recipient=USER))).status_code == 200


async def test_a_button_quotes_the_last_message(start, blog_post):
    world = await start()
    image = {"type": "image", "image": {"link": "https://blog.example/1.jpg"}}
    sent = await world.post(blog_post(name="blog_post_image", header=image))
    body = {"button": {"payload": "STOP_PROMO", "text": "Abmelden"}}
    said = await world.control("POST", "phones/%2B491713920001/say", body)
    assert said.json()["status"] == 200
    message = world.receiver.messages[-1]
    assert message["type"] == "button"
    assert message["button"] == body["button"]
    assert message["context"] == {
        "from": "491713920099",
        "id": sent.json()["messages"][0]["id"],
    }


async def test_a_context_of_ones_own(start):
    world = await start()
    await world.sandbox.say("491713920001", "Ja", context="wamid.OLD")
    assert world.receiver.messages[0]["context"]["id"] == "wamid.OLD"


async def test_a_refused_message_comes_again(start):
    world = await start(redelivery=(0.0,))
    statuses = iter([503, 200])

    async def answer(request):
        return Response(status=next(statuses))

    world.receiver.answer = answer
    said = await world.sandbox.say("+491713920001", "STOP")
    assert said.status == 503
    await world.sandbox.settled()
    assert [message["id"] for message in world.receiver.messages] == [said.wamid] * 2


async def test_without_a_receiver_the_window_opens_all_the_same(start, text):
    world = await start(webhook=False)
    said = await world.sandbox.say("+491713920001", "Hallo")
    assert (said.status, said.error) == (None, "there is no webhook")
    assert (await world.post(text())).status_code == 200


async def test_many_people_write_at_once(start):
    world = await start()
    async with trio.open_nursery() as nursery:
        for n in range(60):
            nursery.start_soon(world.sandbox.say, f"+4917139200{n:02}", "STOP")
    await world.sandbox.settled()
    assert len({message["from"] for message in world.receiver.messages}) == 60
    assert world.sandbox.stats()["inbound"] == 60


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("phones/you/say", {"text": "x"}, 400),
        ("phones/+491713920001/say", {}, 400),
        ("phones/+491713920001/say", {"text": "x", "button": {"payload": "a", "text": "b"}}, 400),
        ("phones/+491713920001/say", {"words": "x"}, 400),
        ("phones/+491713920001/say", {"text": "x", "phone_number_id": "5"}, 404),
        ("phones/+491713920001/shout", {"text": "x"}, 404),
        ("templates", {"name": "x", "language": "de", "status": "PAUSED"}, 404),
        ("templates", {"name": "blog_post", "language": "de", "status": "TIRED"}, 400),
    ],
)
async def test_control_requests_that_make_no_sense(start, path, body, status):
    world = await start()
    answer = await world.control("POST", path, body)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)
    assert world.receiver.requests == []


@pytest.mark.parametrize(
    "digits", ["491713920001", "15550002222", "9991234567", "4917139200991234"[:15]]
)
def test_a_user_id_leads_back_to_its_phone(digits):
    person = with_phone(digits)
    assert with_user_id(person.user_id) == person
    assert parse_person(person.user_id) == parse_person(f"+{digits}") == person


def test_a_foreign_user_id_has_no_phone():
    assert with_user_id(USER).phone is None
    assert json.dumps(with_user_id("DE.abc").profile)
