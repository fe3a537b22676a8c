"""Signature, escaping, statuses, redelivery and batches as a receiver sees them."""

import json
from contextlib import suppress

import pytest
import trio

from gateway_sandbox.client import Target
from gateway_sandbox.people import with_phone
from gateway_sandbox.server import Hangup, Response
from gateway_sandbox.webhooks import meta_style_dump, signature

SECRET = b"sandbox-app-secret"
USER = "DE.10000000000000000042"


def test_the_vectors_of_section_6_3():
    raw = meta_style_dump({"text": "ä a/b <%@"})
    assert raw == rb'{"text":"\u00e4 a\/b \u003C\u0025\u0040"}'
    assert signature(SECRET, raw) == (
        "sha256=5cbd91f64e46d5a8e14ed12bccb864d00eb1098331e95dbe99fd9e8b20dd8201"
    )
    plain = '{"text":"ä a/b <%@"}'.encode()
    assert signature(SECRET, plain) == (
        "sha256=ad4a12072e3cb00c388cd977290c33fe852524b7295e13203c0e10c0ce9c454f"
    )


@pytest.mark.parametrize("text", ["😀 @ ü", '"\\/ %41 \\u003C', "\u2028<script>\x00"])
def test_escaping_can_be_read_back(text):
    raw = meta_style_dump({"a": text})
    assert json.loads(raw) == {"a": text}
    assert raw.isascii()
    assert not set(b"<%@") & set(raw)
    assert b"/" not in raw.replace(b"\\/", b"")


async def test_requests_are_signed_over_their_bytes(start, blog_post):
    world = await start()
    await world.post(blog_post(biz_opaque_callback_data="ä/@1"))
    await world.sandbox.settled()
    assert len(world.receiver.requests) == 3
    for request in world.receiver.requests:
        assert (request.method, request.path, request.query) == ("POST", "/hook", "x=1")
        assert request.header(b"content-type") == "application/json"
        assert request.header(b"x-hub-signature-256") == signature(SECRET, request.body)
        assert rb"\u00e4\/\u00401" in request.body


async def test_the_three_statuses_of_a_template(start, blog_post, clock):
    world = await start(now=clock, connections=1)
    answer = await world.post(blog_post(biz_opaque_callback_data="out:1"))
    await world.sandbox.settled()
    wamid = answer.json()["messages"][0]["id"]
    person = with_phone("491713920001")
    base = {
        "id": wamid,
        "timestamp": str(int(clock.at)),
        "recipient_id": "491713920001",
        "recipient_user_id": person.user_id,
        "biz_opaque_callback_data": "out:1",
    }
    price = {
        "billable": True,
        "pricing_model": "PMP",
        "type": "regular",
        "category": "marketing",
    }
    assert world.receiver.statuses == [
        base | {"status": "sent", "pricing": price},
        base | {"status": "delivered", "pricing": price},
        base | {"status": "read"},
    ]
    first = json.loads(world.receiver.requests[0].body)
    assert first["object"] == "whatsapp_business_account"
    assert first["entry"][0]["id"] == "100000000000002"
    change = first["entry"][0]["changes"][0]
    assert change["field"] == "messages"
    assert change["value"]["metadata"] == {
        "display_phone_number": "491713920099",
        "phone_number_id": "100000000000001",
    }
    assert change["value"]["contacts"][0]["wa_id"] == "491713920001"


async def test_a_reply_in_the_window_costs_nothing(start, text):
    world = await start()
    await world.sandbox.say("+491713920001", "Hallo")
    await world.post(text())
    await world.sandbox.settled()
    assert world.receiver.statuses[0]["pricing"] == {
        "billable": False,
        "pricing_model": "PMP",
        "type": "free_customer_service",
        "category": "service",
    }
    assert "biz_opaque_callback_data" not in world.receiver.statuses[0]


async def test_statuses_of_a_person_without_a_phone(start, blog_post):
    world = await start(connections=1)
    await world.post(blog_post(None, recipient=USER))
    await world.sandbox.settled()
    for status in world.receiver.statuses:
        assert "recipient_id" not in status
        assert status["recipient_user_id"] == USER
    profiles = [value["contacts"][0]["profile"] for value in world.receiver.values]
    assert ["username" in profile for profile in profiles] == [False, True, True]
    assert all("wa_id" not in value["contacts"][0] for value in world.receiver.values)


async def test_without_webhook_nothing_is_kept_for_later(start, blog_post):
    world = await start(webhook=False)
    await world.post(blog_post())
    assert world.sandbox.stats()["webhooks"]["pending"] == 0


async def test_lean_sends_no_statuses_unless_told(start, blog_post):
    for members, expected in (({"statuses": False}, 0), ({}, 3)):
        world = await start(lean=True, **members)
        await world.post(blog_post())
        await world.sandbox.settled()
        assert len(world.receiver.statuses) == expected
        assert world.sandbox.received()[0].text.startswith("Neuer Beitrag")


async def test_a_refused_webhook_comes_again_with_the_same_bytes(start, blog_post):
    world = await start(delays=(0.0, 0.5, 0.5), redelivery=(0.0, 0.005, 0.01))
    world.sandbox.fault("undeliverable")
    statuses = iter([500, 302, 201, 200])

    async def answer(request):
        return Response(status=next(statuses))

    world.receiver.answer = answer
    await world.post(blog_post())
    await world.sandbox.settled()
    assert len({request.body for request in world.receiver.requests}) == 1
    counts = world.sandbox.stats()["webhooks"]
    assert counts == {"posted": 1, "failed": 3, "given_up": 0, "dropped": 0, "pending": 0}
    assert world.sandbox.stats()["statuses"] == {"failed": 1}


@pytest.mark.parametrize("answer", [Hangup(), Hangup(reset=False), Response(status=503)])
async def test_redelivery_ends(start, blog_post, answer):
    world = await start(redelivery=(0.0, 0.0))

    async def refuse(request):
        return answer

    world.receiver.answer = refuse
    world.sandbox.fault("undeliverable")
    await world.post(blog_post())
    await world.sandbox.settled()
    counts = world.sandbox.stats()["webhooks"]
    assert (counts["posted"], counts["failed"], counts["given_up"]) == (0, 3, 1)


async def test_a_receiver_that_is_not_there(start, blog_post):
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    for listener in listeners:
        await listener.aclose()
    world = await start(redelivery=())
    world.sandbox.outbox._dispatch.target.port = port
    await world.post(blog_post())
    await world.sandbox.settled()
    assert world.sandbox.stats()["webhooks"]["given_up"] == 3
    said = await world.sandbox.say("+491713920001", "Hallo")
    assert said.status is None
    assert said.error is not None


async def test_a_receiver_that_closes_idle_connections_loses_nothing(start):
    world = await start(redelivery=())

    async def close(request):
        return Response(headers=(("Connection", "close"),))

    for answer in (None, close, None):
        world.receiver.answer = answer
        said = await world.sandbox.say("+491713920001", "Hallo")
        assert said.status == 200
    assert len(world.receiver.messages) == 3


async def test_a_slow_receiver_does_not_slow_sending_and_is_not_flooded(start, blog_post):
    world = await start(connections=3, delays=(0.0, 0.0, 0.0))
    released = trio.Event()

    async def hold(request):
        await released.wait()
        return Response()

    world.receiver.answer = hold
    for _ in range(10):
        assert (await world.post(blog_post())).status_code == 200
    await world.receiver.reached(3)
    assert world.sandbox.stats()["webhooks"]["pending"] == 30
    released.set()
    await world.sandbox.settled()
    assert (len(world.receiver.statuses), world.receiver.most) == (30, 3)


async def test_a_receiver_that_never_answers_is_given_up(start, blog_post):
    world = await start(webhook_timeout=0.02, redelivery=())

    async def never(request):
        await trio.sleep_forever()

    world.receiver.answer = never
    said = await world.sandbox.say("+491713920001", "Hallo")
    assert (said.status, said.error) == (None, "TooSlowError")


async def test_what_waits_is_bounded(start, blog_post):
    world = await start(pending_limit=4, delays=(5.0, 5.0, 5.0))
    for _ in range(3):
        await world.post(blog_post())
    counts = world.sandbox.stats()["webhooks"]
    assert (counts["pending"], counts["dropped"]) == (4, 5)


async def test_a_batch_shares_a_post(start, blog_post):
    world = await start(batch=4, batch_tick=0.2, delays=(0.0, 0.0, 0.0))
    people = [f"+4917139200{n:02}" for n in range(1, 4)]
    for person in people:
        await world.post(blog_post(person))
    await world.sandbox.settled()
    sizes = [len(value["statuses"]) for value in world.receiver.values]
    assert sum(sizes) == 9
    assert max(sizes) == 4
    for value in world.receiver.values:
        ids = [contact["wa_id"] for contact in value["contacts"]]
        assert len(ids) == len(set(ids))
        assert set(ids) == {status["recipient_id"] for status in value["statuses"]}


async def test_reset_forgets_what_waits(start, blog_post):
    world = await start(delays=(0.05, 5.0, 5.0))
    await world.post(blog_post())
    assert (await world.control("POST", "reset")).json() == {"success": True}
    await world.sandbox.settled()
    stats = world.sandbox.stats()
    assert stats["received"] == 0
    assert stats["webhooks"]["pending"] == 0
    assert (await world.control("GET", "received")).text == ""


@pytest.mark.parametrize("url", ["https://a.example/", "a.example", "http://"])
def test_a_webhook_that_cannot_be(url):
    with pytest.raises(ValueError, match="http://"):
        Target(url)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200),
        (b"HTTP/1.1 204 \r\n\r\n", 204),
        (b"HTTP/1.0 200 OK\r\n\r\nok", 200),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 200),
        (b"SSH-2.0-x\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Len", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok", None),
        (b"HTTP/1.1 100 Continue\r\n\r\n", None),
        (b"", None),
    ],
)
@pytest.mark.parametrize("single", [False, True])
async def test_answers_of_every_kind_are_understood(start, raw, status, single, nursery):
    """The end of each answer is found: the next one on the connection is right, too."""
    connections = 0

    async def receiver(stream):
        nonlocal connections
        connections += 1
        async with stream:
            with suppress(trio.BrokenResourceError):  # the client needs no body of HTTP/1.0
                await serve(stream)

    async def serve(stream):
        while await stream.receive_some(65536):
            for part in [raw[n : n + 1] for n in range(len(raw))] if single else [raw]:
                await stream.send_all(part)
            if status is None:
                return

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, receiver, listeners)
    port = listeners[0].socket.getsockname()[1]
    world = await start(redelivery=(), webhook_timeout=2.0)
    world.sandbox.outbox._dispatch.target.port = port
    for _ in range(3):
        assert (await world.sandbox.say("+491713920001", "Hallo")).status == status
    kept = status is not None and b"1.0" not in raw and b"close" not in raw
    assert connections == (1 if kept else 3)
