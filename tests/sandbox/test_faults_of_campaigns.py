"""Faults as a campaign mixes them: drawn by what is sent, codes drawn too, answers cut anywhere."""

import json
import socket
import time
from collections import Counter

import pytest
import trio

ANNA = "+491713920001"
PEOPLE = [f"+4917139200{n:02}" for n in range(60)]


async def answers(world, blog_post, first, **members):
    """Who is hit, with callback data that no other run has."""
    hit = {}
    for n, phone in enumerate(PEOPLE):
        body = blog_post(phone, biz_opaque_callback_data=f"{first + n}:1", **members)
        answer = await world.post(body)
        if answer.status_code != 200:
            hit[phone] = answer.json()["error"]["code"]
    return hit


async def test_drawn_by_content(start, blog_post):
    """The same message to the same person meets the same fault, whatever its ids; another message
    or another attempt meets another."""
    codes = [131026, 131049, 130472]

    async def run(first, **members):
        world = await start(webhook=False)
        world.sandbox.fault("error", codes=codes, probability=0.4, by="content")
        return await answers(world, blog_post, first, **members)

    one = await run(1000)
    assert one == await run(77000)
    assert one != await run(1000, values={"title": "Kälte"})
    assert 10 < len(one) < 40
    assert set(one.values()) == set(codes)


async def test_another_attempt_is_another_draw(start, blog_post):
    """By the number in the callback data: what was never received counts too."""

    async def run(attempt):
        world = await start(webhook=False)
        world.sandbox.fault("error", code=131026, probability=0.5, by="content")
        hit = set()
        for phone in PEOPLE:
            body = blog_post(phone, biz_opaque_callback_data=f"7:{attempt}")
            if (await world.post(body)).status_code != 200:
                hit.add(phone)
        return hit

    assert await run(2) == await run(2)
    assert await run(1) != await run(2)


async def test_codes_of_failed_statuses(start, blog_post):
    world = await start(connections=1)
    world.sandbox.fault("undeliverable", codes=[131026, 131049, 132000])
    for n, phone in enumerate(PEOPLE):
        await world.post(blog_post(phone, biz_opaque_callback_data=f"1{n}:1"))
    await world.sandbox.settled()
    codes = Counter(status["errors"][0]["code"] for status in world.receiver.statuses)
    assert set(codes) == {131026, 131049, 132000}
    assert codes.total() == len(PEOPLE)


@pytest.mark.parametrize(
    ("name", "members", "problem"),
    [
        ("slow", {"codes": [1]}, "the fault slow has no codes"),
        ("5xx", {"codes": [500, 404]}, "between 500 and 599"),
    ],
)
async def test_codes_that_make_no_sense(start, name, members, problem):
    world = await start(webhook=False)
    with pytest.raises(ValueError, match=problem):
        world.sandbox.fault(name, **members)


async def raw(world, body):
    """Send one message by hand: what came back until the end, and whether it was a reset."""
    content = json.dumps(body).encode()
    head = (
        "POST /v25.0/100000000000001/messages HTTP/1.1\r\nHost: a\r\n"
        f"Authorization: Bearer sandbox-token\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    async with await trio.open_tcp_stream("127.0.0.1", world.sandbox.port) as stream:
        await stream.send_all(head.encode() + content)
        received = b""
        try:
            while data := await stream.receive_some(65536):
                received += data
        except trio.BrokenResourceError:
            return received, True
        return received, False


async def test_cut_anywhere(start, blog_post):
    """At each place of the answer: nothing of it, part of its head, part of its body."""
    world = await start(webhook=False)
    world.sandbox.fault("drop_after_accept", how="anywhere", by="content")
    lengths = []
    for phone in PEOPLE:
        received, was_reset = await raw(world, blog_post(phone))
        assert was_reset
        lengths.append(len(received))
    assert len(set(lengths)) > 30
    assert min(lengths) < 40
    assert max(lengths) > 200
    assert len(world.sandbox.received()) == len(PEOPLE)


async def test_never_after_the_last_byte(start, blog_post):
    """Who got all of it has an answer, whatever becomes of the connection."""
    world = await start(webhook=False)
    world.sandbox.fault("close_after", times=1)
    whole, _ = await raw(world, blog_post())
    world.sandbox.fault("drop_after_accept", cut=5000)
    received, was_reset = await raw(world, blog_post())
    assert (len(received), was_reset) == (len(whole) - 1, True)


@pytest.mark.parametrize("how", ["page", "half", "empty", "no_id"])
async def test_answers_that_say_nothing(start, blog_post, how):
    world = await start(webhook=False)
    world.sandbox.fault("malformed", how=how)
    answer = await world.post(blog_post())
    assert answer.status_code == 200
    assert "wamid" not in answer.text or how == "half"
    if how != "no_id":
        with pytest.raises(ValueError):
            answer.json()
    assert len(world.sandbox.received()) == 1


async def test_closed_without_a_word(start, blog_post):
    """The answer is whole and promises another request on the connection, which then ends."""
    world = await start(webhook=False)
    world.sandbox.fault("close_after")
    received, was_reset = await raw(world, blog_post())
    assert not was_reset
    assert b'"wamid.' in received
    assert b"connection: close" not in received.lower()


async def test_a_status_that_is_lost(start, blog_post):
    """Each status for itself; the sandbox does not wait for it."""
    world = await start(connections=1)
    world.sandbox.fault("status_lost", probability=0.5, by="content")
    for phone in PEOPLE:
        await world.post(blog_post(phone))
    await world.sandbox.settled()
    counts = Counter(status["status"] for status in world.receiver.statuses)
    assert all(10 < counts[name] < 50 for name in ("sent", "delivered", "read")), counts
    assert world.sandbox.stats()["webhooks"]["pending"] == 0


async def test_in_a_batch_each_status_decides(start, blog_post):
    """What is drawn for one status strikes whichever body it shares with others."""

    async def doubled(batch):
        world = await start(connections=1, batch=batch, batch_tick=0.05)
        world.sandbox.fault("webhook_double", how="sequential", probability=0.03, by="content")
        for phone in PEOPLE:
            await world.post(blog_post(phone))
        await world.sandbox.settled()
        bodies = Counter(request.body for request in world.receiver.requests)
        twice = [body for body, n in bodies.items() if n == 2]
        statuses = [
            (status["recipient_id"], status["status"])
            for body in twice
            for entry in json.loads(body)["entry"]
            for change in entry["changes"]
            for status in change["value"]["statuses"]
        ]
        return set(statuses)

    alone, together = await doubled(1), await doubled(20)
    assert 1 <= len(alone) < 20
    assert alone < together


@pytest.mark.parametrize("accepted", [True, False])
async def test_the_time_is_that_of_the_kernel(start, blog_post, accepted):
    """A request that comes while the sandbox is busy counts from when it came, also if its
    connection waits to be accepted."""
    world = await start(webhook=False)
    content = json.dumps(blog_post()).encode()
    head = (
        "POST /v25.0/100000000000001/messages HTTP/1.1\r\nHost: a\r\n"
        f"Authorization: Bearer sandbox-token\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", world.sandbox.port)) as client:
        if accepted:
            await trio.sleep(0.05)  # and waits to be read
        sent_at = time.time()
        client.sendall(head.encode() + content)
        time.sleep(0.2)  # noqa: ASYNC251 - nobody is to have a turn meanwhile
        await trio.to_thread.run_sync(client.recv, 1000)
    (line,) = world.sandbox.received()
    assert abs(line.first_byte - sent_at) < 0.1
