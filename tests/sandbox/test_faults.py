"""Each fault at the wire, and who is hit."""

import json

import pytest
import trio

from gateway_sandbox.faults import delivery_key

TOKEN = "sandbox-token"


def request_bytes(body):
    raw = json.dumps(body).encode()
    head = (
        "POST /v25.0/100000000000001/messages HTTP/1.1\r\nHost: a\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw


async def exchange(world, body):
    """Send one message by hand: what came back until the end, and how it ended."""
    stream = await trio.open_tcp_stream("127.0.0.1", world.sandbox.port)
    async with stream:
        await stream.send_all(request_bytes(body))
        received = b""
        try:
            while data := await stream.receive_some(65536):
                received += data
        except trio.BrokenResourceError as error:
            return received, "reset" if isinstance(error.__cause__, ConnectionResetError) else "?"
        return received, "closed"


async def kinds(world):
    await world.sandbox.settled()
    return [status["status"] for status in world.receiver.statuses]


async def test_drop_before_accept(start, blog_post):
    world = await start()
    world.sandbox.fault("drop_before_accept", times=1)
    assert await exchange(world, blog_post()) == (b"", "reset")
    world.sandbox.fault("drop_before_accept", times=1, how="close")
    assert await exchange(world, blog_post()) == (b"", "closed")
    assert world.sandbox.received() == []
    assert await kinds(world) == []


@pytest.mark.parametrize("cut", [0, 17])
async def test_drop_after_accept(start, blog_post, cut):
    world = await start(connections=1)
    world.sandbox.fault("drop_after_accept", cut=cut)
    assert await exchange(world, blog_post()) == (b"HTTP/1.1 200 \r\nContent-Type"[:cut], "reset")
    assert len(world.sandbox.received()) == 1
    assert await kinds(world) == ["sent", "delivered", "read"]


@pytest.mark.parametrize("code", [None, 503])
async def test_5xx(start, blog_post, code):
    world = await start()
    world.sandbox.fault("5xx", code=code)
    answer = await world.post(blog_post())
    assert answer.status_code == (code or 500)
    assert answer.headers["content-type"] == "text/html"
    assert "error" not in answer.text
    assert world.sandbox.received() == []


@pytest.mark.parametrize(
    ("code", "http", "expected"),
    [
        (131049, None, 400),
        (130429, None, 400),
        (130429, 429, 429),
        (131000, None, 500),
        (2, None, 503),
        (0, None, 401),
        (190, None, 401),
        (368, None, 403),
        (132001, None, 404),
        (999999, None, 400),
    ],
)
async def test_error(start, blog_post, code, http, expected):
    world = await start(webhook=False)
    world.sandbox.fault("error", code=code, http=http)
    answer = await world.post(blog_post())
    assert (answer.status_code, answer.json()["error"]["code"]) == (expected, code)
    assert world.sandbox.received() == []


async def test_slow_is_accepted_at_once_and_answered_late(start, blog_post):
    world = await start(connections=1)
    world.sandbox.fault("slow", seconds=0.12)
    began = trio.current_time()
    with trio.move_on_after(0.06):
        await world.post(blog_post())
    assert len(world.sandbox.received()) == 1
    assert await kinds(world) == ["sent", "delivered", "read"]
    assert (await world.post(blog_post())).status_code == 200
    assert trio.current_time() - began > 0.12


async def test_hang_open_for_everyone_concerns_new_connections(start, blog_post):
    world = await start(webhook=False)
    assert (await world.post(blog_post())).status_code == 200
    world.sandbox.fault("hang_open", seconds=5)
    assert (await world.post(blog_post())).status_code == 200
    stream = await trio.open_tcp_stream("127.0.0.1", world.sandbox.port)
    async with stream:
        await stream.send_all(request_bytes(blog_post()))
        with trio.move_on_after(0.05) as scope:
            await stream.receive_some(1)
    assert scope.cancelled_caught
    assert len(world.sandbox.received()) == 2


async def test_hang_open_for_one_person_delays_acceptance(start, blog_post):
    world = await start(webhook=False)
    world.sandbox.fault("hang_open", "+491713920001", seconds=0.1)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.post, blog_post())
        await trio.sleep(0.05)
        assert world.sandbox.received() == []
    assert trio.current_time() - began >= 0.1
    line = world.sandbox.received()[0]
    assert line.arrival - line.first_byte < 0.05


async def test_connects_can_be_held(start):
    world = await start(webhook=False)
    async with world.sandbox.connects_held():
        with trio.move_on_after(0.1) as scope:
            await trio.open_tcp_stream("127.0.0.1", world.sandbox.port)
        assert scope.cancelled_caught
    assert (await world.control("GET", "stats")).status_code == 200


async def test_malformed(start, blog_post):
    world = await start()
    world.sandbox.fault("malformed")
    answer = await world.post(blog_post())
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()
    assert len(world.sandbox.received()) == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("undeliverable", 131026),
        ("blocked", 131026),
        ("opted_out", 131050),
        ("marketing_cap", 131049),
        ("experiment", 130472),
    ],
)
async def test_failed_later(start, blog_post, name, code):
    world = await start()
    world.sandbox.fault(name)
    assert (await world.post(blog_post(biz_opaque_callback_data="out:1"))).status_code == 200
    assert await kinds(world) == ["failed"]
    status = world.receiver.statuses[0]
    error = status["errors"][0]
    assert set(error) == {"code", "title", "message", "error_data", "href"}
    assert (error["code"], error["title"]) == (code, error["message"])
    assert status["biz_opaque_callback_data"] == "out:1"
    assert "pricing" not in status
    assert "recipient_user_id" not in status
    assert "contacts" not in world.receiver.values[0]


async def test_a_failed_send_to_a_user_id_names_no_phone(start, blog_post):
    world = await start()
    world.sandbox.fault("undeliverable")
    await world.post(blog_post(None, recipient="DE.10000000000000000042"))
    await world.sandbox.settled()
    status = world.receiver.statuses[0]
    assert "recipient_id" not in status
    assert status["recipient_user_id"] == "DE.10000000000000000042"


async def test_marketing_faults_spare_replies(start, text):
    world = await start(connections=1)
    world.sandbox.fault("opted_out")
    await world.sandbox.say("+491713920001", "Frage")
    await world.post(text())
    assert await kinds(world) == ["sent", "delivered", "read"]


async def test_statuses_doubled(start, blog_post):
    world = await start()
    world.sandbox.fault("status_double")
    await world.post(blog_post())
    assert sorted(await kinds(world)) == sorted(["sent", "delivered", "read"] * 2)
    assert world.sandbox.stats()["statuses"] == {"sent": 2, "delivered": 2, "read": 2}


async def test_statuses_in_reverse_keep_their_time_stamps(start, blog_post, clock):
    world = await start(connections=1, delays=(0.0, 1.0, 2.0), now=clock)
    world.sandbox.fault("status_reorder")
    schedule = world.sandbox.outbox.schedule  # the seconds of the time stamps, fifty times as fast
    world.sandbox.outbox.schedule = lambda delay, event: schedule(delay / 50, event)
    await world.post(blog_post())
    assert await kinds(world) == ["read", "delivered", "sent"]
    stamps = [int(status["timestamp"]) - int(clock.at) for status in world.receiver.statuses]
    assert stamps == [2, 1, 0]


async def test_no_statuses(start, blog_post):
    world = await start()
    world.sandbox.fault("status_none")
    await world.post(blog_post())
    assert await kinds(world) == []


async def test_a_fault_has_a_number_and_a_count(start, blog_post):
    world = await start(webhook=False)
    answer = await world.control(
        "POST", "faults", {"number": "49 171 3920001", "fault": "5xx", "times": 2}
    )
    assert answer.json()["number"] == "+491713920001"
    assert (await world.post(blog_post("+491713920002"))).status_code == 200
    statuses = [(await world.post(blog_post())).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]
    listed = (await world.control("GET", "faults")).json()["faults"]
    assert [(fault["fault"], fault["times"], fault["struck"]) for fault in listed] == [
        ("5xx", 2, 2)
    ]
    assert world.sandbox.stats()["faults"] == {"5xx": 2}
    assert (await world.control("DELETE", "faults")).json() == {"faults": []}
    assert (await world.control("GET", "faults")).json() == {"faults": []}


@pytest.mark.parametrize(
    "body",
    [
        {"fault": "earthquake"},
        {"number": "+491713920001"},
        {"fault": "slow", "number": "you"},
        {"fault": "error"},
        {"fault": "slow", "probability": 1.5},
        {"fault": "slow", "times": 0},
        {"fault": "slow", "seconds": -1},
        {"fault": "5xx", "code": 404},
        {"fault": "error", "code": 1, "http": 200},
        {"fault": "slow", "second": 1},
        {"fault": "slow", "after": -1},
        {"fault": "slow", "attempts": 0},
        {"fault": "slow", "cut": 5},
        {"fault": "drop_before_accept", "how": "slowly"},
        {"fault": "number_change"},
        {"fault": "number_change", "to": "DE.1"},
        {"fault": "username_user", "times": 1},
        {"fault": "webhook_large", "size": 5_000_000},
    ],
)
async def test_a_fault_that_makes_no_sense(start, body):
    world = await start(webhook=False)
    answer = await world.control("POST", "faults", body)
    assert answer.status_code == 400
    assert answer.json()["error"]


async def test_a_seed_fixes_who_is_hit(start, blog_post):
    async def hit(seed):
        world = await start(webhook=False)
        world.sandbox.fault("5xx", probability=0.5, seed=seed)
        answers = [
            await world.post(blog_post(biz_opaque_callback_data=f"out:{n}")) for n in range(40)
        ]
        return [answer.status_code for answer in answers]

    one = await hit(1)
    assert one == await hit(1)
    assert one != await hit(2)
    assert 8 < one.count(500) < 32


async def test_neither_order_nor_concurrency_change_who_is_hit(start, blog_post):
    """Three requests of each of 30 deliveries, once in a row, once backwards and all at once."""
    bodies = {n: blog_post(biz_opaque_callback_data=f"9{n:03}:1") for n in range(30)}

    async def hit(order, at_once):
        world = await start(webhook=False, rate=1000, pair_burst=1000)
        world.sandbox.fault("5xx", probability=0.5, seed="fixed")
        fates = {n: [] for n in bodies}

        async def send(n):
            for _ in range(3):
                fates[n].append((await world.post(bodies[n])).status_code)

        async with trio.open_nursery() as nursery:
            for n in order:
                if at_once:
                    nursery.start_soon(send, n)
                else:
                    await send(n)
        return fates

    one = await hit(list(bodies), at_once=False)
    assert one == await hit(reversed(bodies), at_once=True)
    assert {tuple(sorted(set(fate))) for fate in one.values()} >= {(200,), (200, 500)}


async def test_by_contact_the_same_people_are_hit_whatever_the_ids(start, blog_post):
    async def hit(prefix):
        world = await start(webhook=False)
        world.sandbox.fault("5xx", probability=0.5, by="contact")
        people = [f"+4917139200{n:02}" for n in range(30)]
        return [
            (
                await world.post(blog_post(one, biz_opaque_callback_data=f"{prefix}{one}:1"))
            ).status_code
            for one in people
        ]

    one = await hit("a")
    assert one == await hit("b")
    assert 5 < one.count(500) < 25


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ("123:1", "123"),
        ("123:2", "123"),
        ("out:7f3a:attempt1", "out:7f3a"),
        ("out:7f3a:attempt12", "out:7f3a"),
        ("out:1", "out:1"),
        ("order 17", "order 17"),
        ("a1:99999", "a1:99999"),
    ],
)
def test_what_all_requests_of_a_delivery_have_in_common(data, key):
    assert delivery_key(data) == key


async def test_5xx_and_then_ok(start, blog_post):
    """The first request of each delivery fails, its second attempt goes through."""
    world = await start(webhook=False)
    world.sandbox.fault("5xx", attempts=1)
    for delivery in ("41", "42"):
        answers = [
            await world.post(blog_post(biz_opaque_callback_data=f"{delivery}:{n}")) for n in (1, 2)
        ]
        assert [answer.status_code for answer in answers] == [500, 200]
    plain = [(await world.post(blog_post())).status_code for _ in range(2)]
    assert plain == [500, 200]  # without callback data: the same contact and body


async def test_the_token_expires_after_so_many_calls(start, blog_post):
    world = await start(webhook=False)
    world.sandbox.fault("token_expired", after=2)
    answers = [await world.post(blog_post()) for _ in range(3)]
    answers.append(await world.get("/v25.0/100000000000001"))
    codes = [answer.json().get("error", {}).get("code") for answer in answers]
    assert codes == [None, None, 190, 190]
    assert [answer.status_code for answer in answers] == [200, 200, 401, 401]


async def test_deliver_spares_one_person_from_what_is_set_for_all(start, blog_post):
    world = await start(connections=1)
    world.sandbox.fault("5xx")
    world.sandbox.fault("undeliverable")
    world.sandbox.fault("deliver", "+491713920002")
    assert (await world.post(blog_post("+491713920001"))).status_code == 500
    assert (await world.post(blog_post("+491713920002"))).status_code == 200
    assert await kinds(world) == ["sent", "delivered", "read"]


async def test_faults_are_deleted_by_name_and_person(start):
    world = await start(webhook=False)
    for name in ("slow", "5xx"):
        for number in ("+491713920001", None):
            world.sandbox.fault(name, number)

    async def left(query):
        answer = await world.control("DELETE", f"faults?{query}")
        return [(fault["fault"], fault["number"]) for fault in answer.json()["faults"]]

    first = await left("fault=slow&number=%2B491713920001")
    assert first == [("slow", None), ("5xx", "+491713920001"), ("5xx", None)]
    assert await left("number=%2B491713920001") == [("slow", None), ("5xx", None)]
    assert await left("fault=5xx") == [("slow", None)]
    assert (await world.control("DELETE", "faults?name=slow")).status_code == 400
    assert await left("") == []
