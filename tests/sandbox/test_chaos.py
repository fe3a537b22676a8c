"""Webhooks on bad days: late, doubled, mixed, wrongly signed, unheard of; each at the receiver."""

import json
from collections import Counter

import pytest
import trio

from gateway_sandbox.server import Response
from gateway_sandbox.webhooks import signature

SECRET = b"sandbox-app-secret"
ANNA = "+491713920001"
HELD = "held back on purpose: a fault is set for it"


def signed(request):
    return request.header(b"x-hub-signature-256") == signature(SECRET, request.body)


def fields(request):
    return [change["field"] for e in json.loads(request.body)["entry"] for change in e["changes"]]


@pytest.mark.parametrize("how", ["sequential", "parallel"])
async def test_doubled(start, how):
    world = await start()
    world.sandbox.fault("webhook_double", how=how, times=1)
    together = trio.Event()

    async def answer(request):
        if how == "parallel":
            if world.receiver.under_way == 2:
                together.set()
            await together.wait()
        return Response()

    world.receiver.answer = answer
    with trio.fail_after(5):
        said = await world.sandbox.say(ANNA, "Hallo")
        await world.sandbox.settled()
    await world.sandbox.say(ANNA, "Noch etwas")
    bodies = [request.body for request in world.receiver.requests]
    assert bodies[0] == bodies[1] != bodies[2]
    assert len(bodies) == 3
    assert said.status == 200
    assert world.receiver.most == (2 if how == "parallel" else 1)
    assert world.sandbox.stats()["webhooks"]["pending"] == 0


async def test_hours_late(start, blog_post, clock):
    world = await start(now=clock)
    world.sandbox.fault("webhook_late", seconds=5 * 3600, times=1)
    said = await world.sandbox.say(ANNA, "STOP")
    assert (said.status, said.error) == (None, HELD)
    assert world.receiver.requests == []
    assert (await world.sandbox.say(ANNA, "Hallo?")).status == 200
    world.sandbox.forward(5 * 3600)
    await world.sandbox.settled()
    assert [m["text"]["body"] for m in world.receiver.messages] == ["Hallo?", "STOP"]
    assert {m["timestamp"] for m in world.receiver.messages} == {str(int(clock.at))}


async def test_shuffled_by_the_seed(start, blog_post):
    """Each event waits another while, decided by its key: twice the same order, not that of
    the sends."""

    async def order():
        world = await start(connections=1, delays=(0.0, 0.0, 0.0))
        world.sandbox.fault("webhook_shuffle", seconds=3600.0)
        for n in range(8):
            await world.post(blog_post(biz_opaque_callback_data=f"8{n}:1"))
        world.sandbox.forward(3600)
        await world.sandbox.settled()
        return [
            (status["biz_opaque_callback_data"], status["status"])
            for status in world.receiver.statuses
        ]

    one = await order()
    assert one == await order()
    assert len(set(one)) == 24
    assert one != sorted(one)


async def test_statuses_and_messages_in_one_body(start, blog_post):
    world = await start(connections=1, delays=(0.0, 0.0, 0.0))
    world.sandbox.fault("webhook_mix", size=4, seconds=60)
    said = await world.sandbox.say(ANNA, "Hallo")
    assert said.error == HELD
    await world.post(blog_post())
    await world.sandbox.settled()
    (request,) = world.receiver.requests
    values = world.receiver.values
    assert fields(request) == ["messages", "messages"]
    assert sorted(key for value in values for key in ("messages", "statuses") if key in value) == [
        "messages",
        "statuses",
    ]
    assert Counter(s["status"] for s in world.receiver.statuses) == {
        "sent": 1, "delivered": 1, "read": 1,
    }  # fmt: skip
    assert world.receiver.messages[0]["id"] == said.wamid
    counts = world.sandbox.stats()["webhooks"]
    assert (counts["posted"], counts["pending"]) == (1, 0)


async def test_mixing_ends_after_its_time(start):
    world = await start()
    world.sandbox.fault("webhook_mix", size=100, seconds=3600)
    for text in ("eins", "zwei"):
        await world.sandbox.say(ANNA, text)
    assert world.receiver.requests == []
    world.sandbox.forward(3600)
    await world.sandbox.settled()
    assert [m["text"]["body"] for m in world.receiver.messages] == ["eins", "zwei"]
    assert len(world.receiver.requests) == 1


@pytest.mark.parametrize("how", ["wrong", "missing", "reserialised"])
async def test_a_bad_signature_and_then_the_right_one(start, how):
    """Who refuses it hears the same again, signed well."""
    world = await start()
    world.sandbox.fault("bad_signature", how=how, times=1)

    async def check(request):
        return Response(status=200 if signed(request) else 401)

    world.receiver.answer = check
    said = await world.sandbox.say(ANNA, "Grüße @ 100 %")
    assert said.status == 401
    await world.sandbox.settled()
    first, second = world.receiver.requests
    assert first.body == second.body
    assert not signed(first)
    assert signed(second)
    header = first.header(b"x-hub-signature-256")
    assert (header is None) == (how == "missing")
    if how == "reserialised":
        plain = json.dumps(json.loads(first.body), ensure_ascii=False, separators=(",", ":"))
        assert header == signature(SECRET, plain.encode())
    (posted,) = world.sandbox.outbox.posts
    assert [(t.signature, t.status) for t in posted.tries] == [(how, 401), ("good", 200)]


async def test_bad_signatures_are_drawn_for_each_body(start, blog_post):
    """By what is in it; the same body is drawn anew when it comes again."""

    async def wrong(first):
        world = await start(connections=1, redelivery=(0.0,) * 20)
        world.sandbox.fault("bad_signature", how="wrong", probability=0.3, by="content")
        refused = set()

        async def check(request):
            if signed(request):
                return Response()
            (status,) = json.loads(request.body)["entry"][0]["changes"][0]["value"]["statuses"]
            refused.add((status["recipient_id"], status["status"]))
            return Response(status=401)

        world.receiver.answer = check
        for n in range(20):
            phone, callback = f"+4917139200{n:02}", f"{first + n}:1"
            await world.post(blog_post(phone, biz_opaque_callback_data=callback))
        await world.sandbox.settled()
        assert world.sandbox.outbox.counts.given_up == 0
        return refused

    one = await wrong(1000)
    assert 5 < len(one) < 40
    assert one == await wrong(77000)


@pytest.mark.parametrize(
    ("how", "looks"),
    [
        ("field", lambda field, value: field == "thought_transfer"),
        ("type", lambda field, value: value["messages"][0]["type"] == "hologram"),
        ("status", lambda field, value: value["statuses"][0]["status"] == "dreamt_of"),
        ("errors", lambda field, value: set(value) == {"messaging_product", "metadata", "errors"}),
    ],
)
async def test_something_unheard_of_comes_along(start, how, looks):
    world = await start()
    world.sandbox.fault("webhook_unknown", how=how)
    await world.sandbox.say(ANNA, "Hallo")
    (request,) = world.receiver.requests
    changes = [c for entry in json.loads(request.body)["entry"] for c in entry["changes"]]
    assert changes[0]["value"]["messages"][0]["text"]["body"] == "Hallo"
    assert looks(changes[1]["field"], changes[1]["value"])
    assert signed(request)


@pytest.mark.parametrize("size", [1_500_000, 3_000_000])
async def test_a_large_body(start, size):
    world = await start()
    world.sandbox.fault("webhook_large", size=size)
    said = await world.sandbox.say(ANNA, "Hallo")
    assert said.status == 200
    assert len(world.receiver.requests[0].body) == pytest.approx(size, abs=300)
    assert world.receiver.messages[0]["id"] == said.wamid
    (posted,) = world.sandbox.outbox.posts
    assert posted.size == len(world.receiver.requests[0].body)
    assert len(posted.body) == 64_000


async def test_without_contacts(start, blog_post):
    world = await start(connections=1)
    world.sandbox.fault("no_contacts", ANNA)
    await world.sandbox.say(ANNA, "Hallo")
    await world.post(blog_post(ANNA))
    await world.sandbox.say("+491713920002", "Hallo")
    await world.sandbox.settled()
    present = ["contacts" in value for value in world.receiver.values]
    assert sorted(present) == [False] * 4 + [True]


async def test_milliseconds(start, blog_post, clock):
    world = await start(connections=1, now=clock)
    world.sandbox.fault("ms_timestamps", times=2)
    for text in ("eins", "zwei", "drei"):
        await world.sandbox.say(ANNA, text)
    whole = str(int(clock.at))
    assert [m["timestamp"] for m in world.receiver.messages] == [f"{whole}000"] * 2 + [whole]


async def test_chance_decides_by_what_was_said(start):
    """Seeded like faults of sends: the same people, whatever the order."""

    async def hit(people):
        world = await start()
        world.sandbox.fault("no_contacts", probability=0.5)
        for person in people:
            await world.sandbox.say(person, "Hallo")
        return {
            value["messages"][0]["from"]
            for value in world.receiver.values
            if "contacts" not in value
        }

    people = [f"+4917139200{n:02}" for n in range(30)]
    one = await hit(people)
    assert one == await hit(reversed(people))
    assert 5 < len(one) < 25
