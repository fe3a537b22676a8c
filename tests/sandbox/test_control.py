"""What the sandbox tells about itself, and those who watch it."""

import json

import pytest
import trio

from gateway_sandbox import control
from gateway_sandbox.events import (
    Accepted,
    FaultStruck,
    Forgotten,
    SomebodyWrote,
    StatusLeft,
    WebhookTried,
)
from gateway_sandbox.fault_kinds import KINDS
from gateway_sandbox.faults import Fault
from gateway_sandbox.server import Response

ANNA = "+491713920001"


async def test_it_describes_itself(start):
    world = await start(webhook=False)
    told = (await world.client.get("/sandbox")).json()
    assert list(told["faults"]) == list(KINDS)
    for name, row in told["faults"].items():
        assert row["does"], name
        assert row["when"], name
    for name in ("say", "faults", "templates", "account", "clock", "handshake", "reset"):
        assert any(route.split("[")[0].endswith(name) for route in told["routes"]), name


async def test_every_route_that_it_tells_is_there(start):
    world = await start(webhook=False)
    for route in control.ROUTES:
        method, path = route.split("[")[0].split()
        path = path.replace("{person}", "%2B491713920001")
        async with world.client.stream(
            method, path.format(seq=1, id=1, number=491713920099)
        ) as answer:
            if answer.status_code == 404:
                await answer.aread()
                assert "GET /sandbox tells" not in answer.text, route


@pytest.mark.parametrize("name", KINDS)
async def test_every_fault_can_be_set_and_takes_what_the_table_says(start, name):
    """Its own members pass, those of others are refused."""
    world = await start(webhook=False)
    needs = {"error": {"code": 2}, "number_change": {"to": ANNA}}.get(name, {})
    answer = await world.control("POST", "faults", {"fault": name, **needs})
    assert answer.status_code == 200, answer.text
    kind = KINDS[name]
    every = {"seconds", "code", "http", "cut", "how", "sync", "to", "size"}
    takes = set(kind.takes) | ({"how"} if kind.how else set())
    for member in every - takes:
        with pytest.raises(ValueError, match="has no"):
            Fault(fault=name, **{**needs, member: 1})
    completed = answer.json()
    assert {key for key in every if completed[key] is not None} <= takes


async def test_where_there_is_nothing(start):
    world = await start(webhook=False)
    answer = await world.control("GET", "weather")
    assert answer.status_code == 404
    assert "GET /sandbox tells" in answer.json()["error"]


def watch(world):
    events = []
    world.sandbox.state.listeners.append(events.append)
    return events


async def test_those_who_watch_are_told_everything(start, blog_post):
    world = await start(connections=1)
    events = watch(world)
    world.sandbox.fault("undeliverable", "+491713920002")
    wamid = (await world.post(blog_post(ANNA))).json()["messages"][0]["id"]
    await world.sandbox.settled()
    await world.post(blog_post("+491713920002"))
    await world.sandbox.settled()
    said = await world.sandbox.say(ANNA, "Hallo")
    world.sandbox.reset()
    kinds = [type(event) for event in events]
    assert kinds == [
        Accepted,
        *[StatusLeft, WebhookTried] * 3,
        FaultStruck,
        Accepted,
        StatusLeft,
        WebhookTried,
        WebhookTried,
        SomebodyWrote,
        Forgotten,
    ]
    assert events[0].received == events[0].received
    assert events[0].received.wamid == wamid
    assert [e.status for e in events if isinstance(e, StatusLeft)] == [
        "sent", "delivered", "read", "failed",
    ]  # fmt: skip
    failed = events[kinds.index(FaultStruck) + 2]
    assert (failed.contact, failed.code) == ("+491713920002", 131026)
    struck = events[kinds.index(FaultStruck)]
    assert (struck.fault, struck.contact) == ("undeliverable", "+491713920002")
    wrote = events[-2]
    assert (wrote.wamid, wrote.contact, wrote.status) == (said.wamid, ANNA, 200)
    assert wrote.message["text"] == {"body": "Hallo"}


async def test_the_last_webhooks_are_kept_with_what_was_answered(start, blog_post):
    world = await start(connections=1, redelivery=(0.0,))
    codes = iter([500, 200])

    async def answer(request):
        return Response(status=next(codes))

    world.receiver.answer = answer
    said = await world.sandbox.say(ANNA, "Grüße")
    await world.sandbox.settled()
    (posted,) = (await world.control("GET", "webhooks")).json()["webhooks"]
    assert posted["body"].encode() == world.receiver.requests[0].body
    assert json.loads(posted["body"])["object"] == "whatsapp_business_account"
    assert (posted["fields"], posted["kinds"]) == (["messages"], ["text"])
    assert posted["wamids"] == [said.wamid]
    assert [(one["status"], one["signature"]) for one in posted["tries"]] == [
        (500, "good"),
        (200, "good"),
    ]
    assert all(one["seconds"] >= 0 for one in posted["tries"])


async def test_a_webhook_without_an_answer_says_why(start):
    world = await start(redelivery=(), webhook_timeout=0.02)

    async def never(request):
        await trio.sleep_forever()

    world.receiver.answer = never
    await world.sandbox.say(ANNA, "Hallo")
    (posted,) = world.sandbox.outbox.posts
    assert [(one.status, one.problem) for one in posted.tries] == [(None, "TooSlowError")]


async def test_only_the_last_200_webhooks_are_kept(start):
    world = await start(rate=1e6)
    for n in range(205):
        await world.sandbox.say(ANNA, str(n))
    posts = world.sandbox.outbox.posts
    assert [posts[0].seq, posts[-1].seq, len(posts)] == [6, 205, 200]


async def test_a_lean_sandbox_tells_and_keeps_nothing(start, blog_post):
    world = await start(lean=True)
    events = watch(world)
    await world.post(blog_post())
    await world.sandbox.say(ANNA, "Hallo")
    await world.sandbox.settled()
    assert len(world.receiver.requests) == 4
    assert events == []
    assert list(world.sandbox.outbox.posts) == []
