"""One clock for time stamps, windows, limits, delays, redelivery and addresses of media."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway_sandbox.clock import Clock
from gateway_sandbox.events import FaultStruck, WebhookTried
from gateway_sandbox.server import Response
from gateway_sandbox.settings import SEVEN_DAYS

HOUR = 3600.0
ANNA = "+491713920001"


def watch(world):
    """What happens in the sandbox from now on."""
    send, events = trio.open_memory_channel(1000)
    world.sandbox.state.listeners.append(send.send_nowait)
    return events


async def happened(events, kind):
    """Wait for the next event of a kind."""
    with trio.fail_after(5):
        while not isinstance(await events.receive(), kind):
            pass


async def test_it_wakes_those_who_sleep(autojump_clock):
    clock = Clock(lambda: 1000.0)
    ended = []

    async def sleep(seconds):
        await clock.sleep(seconds)
        ended.append((seconds, clock()))

    async with trio.open_nursery() as nursery:
        for seconds in (5.0, 7200.0):
            nursery.start_soon(sleep, seconds)
        await wait_all_tasks_blocked()
        clock.forward(HOUR)
        await wait_all_tasks_blocked()
        assert ended == [(5.0, 1000.0 + HOUR)]
        began = trio.current_time()
    assert trio.current_time() - began == pytest.approx(HOUR, abs=1)
    assert [seconds for seconds, _ in ended] == [5.0, 7200.0]


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_it_does_not_go_back(seconds):
    clock = Clock(lambda: 0.0)
    with pytest.raises(ValueError, match="forward"):
        clock.forward(seconds)


async def test_delays_of_hours_pass_at_once(start, blog_post, clock):
    world = await start(delays=(HOUR, 2 * HOUR, 30 * HOUR), now=clock, connections=1)
    events = watch(world)
    await world.post(blog_post())
    answer = await world.control("POST", "clock", {"forward": 3 * HOUR})
    assert answer.json() == {"now": clock.at + 3 * HOUR, "ahead": 3 * HOUR}
    for _ in range(2):
        await happened(events, WebhookTried)
    assert world.sandbox.stats()["webhooks"]["pending"] == 1
    world.sandbox.forward(27 * HOUR)
    await world.sandbox.settled()
    stamps = [int(status["timestamp"]) - int(clock.at) for status in world.receiver.statuses]
    assert stamps == [HOUR, 2 * HOUR, 30 * HOUR]


async def test_the_window_closes_by_the_clock(start, text, clock):
    world = await start(webhook=False, now=clock)
    await world.sandbox.say(ANNA, "Hallo")
    world.sandbox.forward(24 * HOUR - 1)
    assert (await world.post(text())).status_code == 200
    world.sandbox.forward(1)
    assert (await world.post(text())).json()["error"]["code"] == 131047


async def test_limits_refill_by_the_clock(start, blog_post, clock):
    world = await start(webhook=False, rate=1, now=clock)
    codes = []
    for seconds in (0, 0, 1):
        world.sandbox.forward(seconds)
        codes.append((await world.post(blog_post())).json().get("error", {}).get("code"))
    assert codes == [None, 130429, None]


async def test_a_fault_that_waits_does_so_by_the_clock(start, blog_post):
    world = await start(webhook=False)
    world.sandbox.fault("slow", seconds=HOUR)
    events = watch(world)
    answers = []

    async def send():
        answers.append(await world.post(blog_post()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await happened(events, FaultStruck)
        await wait_all_tasks_blocked()
        assert answers == []
        world.sandbox.forward(HOUR)
    assert answers[0].status_code == 200


async def test_seven_days_of_redelivery(start, clock):
    """As slow as Meta, and the same body each time, until a week is over."""
    world = await start(redelivery_factor=1.0, now=clock)

    async def refuse(request):
        return Response(status=503)

    world.receiver.answer = refuse
    assert (await world.sandbox.say(ANNA, "STOP")).status == 503
    events = watch(world)
    for pause in SEVEN_DAYS:
        assert world.sandbox.stats()["webhooks"]["pending"] == 1
        world.sandbox.forward(pause)
        await happened(events, WebhookTried)
    await world.sandbox.settled()
    counts = world.sandbox.stats()["webhooks"]
    assert (counts["given_up"], counts["failed"]) == (1, 16)
    assert world.sandbox.state.clock.ahead == pytest.approx(7 * 24 * HOUR, rel=0.01)
    assert len({request.body for request in world.receiver.requests}) == 1


@pytest.mark.parametrize("body", [{"forward": -1}, {"forward": "1"}, {"back": 1}, {}])
async def test_a_time_that_makes_no_sense(start, body):
    world = await start(webhook=False)
    answer = await world.control("POST", "clock", body)
    assert answer.status_code == 400
    assert (await world.control("GET", "clock")).json()["ahead"] == 0
