"""The GET that asks a callback for its challenge, and what is told about the answer."""

from urllib.parse import parse_qs

import pytest
import trio

from gateway_sandbox.handshake import shake
from gateway_sandbox.server import Hangup, Response

GOOD = "my verify token & more"


async def meta_like(request):
    """What a good receiver does."""
    asked = parse_qs(request.query)
    if asked.get("hub.verify_token") != [GOOD] or asked["hub.mode"] != ["subscribe"]:
        return Response(status=403)
    return Response(body=asked["hub.challenge"][0].encode(), content_type="text/plain")


async def test_a_good_answer(start):
    world = await start(verify_token=GOOD)
    world.receiver.answer = meta_like
    answer = (await world.control("POST", "handshake")).json()
    assert answer["ok"] is True
    assert answer["problem"] is None
    assert answer["status"] == 200
    assert answer["answer"] == answer["challenge"]
    (request,) = world.receiver.requests
    assert (request.method, request.path) == ("GET", "/hook")
    assert request.header(b"x-hub-signature-256") is None
    asked = parse_qs(request.query)
    assert asked["x"] == ["1"]  # what the address had already
    assert asked["hub.challenge"] == [answer["challenge"]]


async def test_another_token(start):
    world = await start(verify_token=GOOD)
    world.receiver.answer = meta_like
    answer = (await world.control("POST", "handshake", {"verify_token": "wrong"})).json()
    assert (answer["ok"], answer["status"]) == (False, 403)
    assert "token" in answer["problem"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Response(status=404), "404"),
        (Response(status=201, body=b"x"), "201"),
        (Response(body=b"ok"), "challenge alone"),
        (Response(body=b""), "challenge alone"),
        (Response(body=b"x" * 50_000), "challenge alone"),
        (Hangup(), "reached"),
        (Hangup(reset=False), "reached"),
    ],
)
async def test_an_answer_that_meta_would_not_take(start, answer, says):
    world = await start(verify_token=GOOD)

    async def bad(request):
        return answer

    world.receiver.answer = bad
    told = (await world.control("POST", "handshake")).json()
    assert told["ok"] is False
    assert says in told["problem"]
    assert len(told["answer"] or "") <= 200


async def test_a_receiver_that_is_silent(start):
    world = await start(verify_token=GOOD, webhook_timeout=0.05)

    async def never(request):
        await trio.sleep_forever()

    world.receiver.answer = never
    told = (await world.control("POST", "handshake")).json()
    assert told["status"] is None
    assert "no answer" in told["problem"]


async def test_nobody_listens_there():
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    for listener in listeners:
        await listener.aclose()
    told = await shake(f"http://127.0.0.1:{port}/hook", GOOD)
    assert (told.ok, told.status) == (False, None)
    assert "reached" in (told.problem or "")


@pytest.mark.parametrize(
    ("members", "body", "says"),
    [
        ({"webhook": False}, {"verify_token": "x"}, "--webhook"),
        ({}, {}, "verify_token"),
        ({}, {"verify_token": "x", "url": "https://a.example/"}, "http://"),
        ({}, {"token": "x"}, "token"),
    ],
)
async def test_what_cannot_be_asked(start, members, body, says):
    world = await start(**members)
    answer = await world.control("POST", "handshake", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert world.receiver.requests == []
