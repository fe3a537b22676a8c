"""Throughput, pair rate and windows, on a clock that the test moves."""

from gateway_sandbox.limits import Limiter


async def codes(world, body, times):
    answers = [await world.post(body) for _ in range(times)]
    return [answer.json().get("error", {}).get("code", 200) for answer in answers]


async def test_throughput_is_per_number_and_refills(start, blog_post, clock):
    world = await start(webhook=False, rate=5, now=clock)
    assert await codes(world, blog_post(), 7) == [200] * 5 + [130429] * 2
    clock.at += 0.2
    assert await codes(world, blog_post(), 2) == [200, 130429]
    clock.at += 60
    assert await codes(world, blog_post(), 6) == [200] * 5 + [130429]


async def test_inbound_counts_as_throughput(start, blog_post, clock):
    world = await start(webhook=False, rate=3, now=clock)
    await world.sandbox.say("+491713920002", "Hallo")
    assert await codes(world, blog_post(), 3) == [200, 200, 130429]


async def test_the_pair_rate_allows_45_and_then_one_in_six_seconds(start, blog_post, clock):
    world = await start(webhook=False, rate=1000, now=clock)
    assert await codes(world, blog_post(), 47) == [200] * 45 + [131056] * 2
    assert await codes(world, blog_post("+491713920002"), 1) == [200]
    clock.at += 5.9
    assert await codes(world, blog_post(), 1) == [131056]
    clock.at += 0.1
    assert await codes(world, blog_post(), 2) == [200, 131056]
    clock.at += 45 * 6
    assert await codes(world, blog_post(), 46) == [200] * 45 + [131056]


async def test_a_person_has_one_pair_rate_by_phone_and_by_user_id(start, blog_post, clock):
    from gateway_sandbox.people import with_phone

    world = await start(webhook=False, pair_burst=1, now=clock)
    user = with_phone("491713920001").user_id
    assert await codes(world, blog_post(), 1) == [200]
    assert await codes(world, blog_post(None, recipient=user), 1) == [131056]


async def test_what_is_refused_costs_nothing(start, blog_post, clock):
    world = await start(webhook=False, rate=2, now=clock)
    assert await codes(world, blog_post(name="unknown"), 5) == [132001] * 5
    assert await codes(world, blog_post(), 3) == [200, 200, 130429]


async def test_a_window_lasts_24_hours_from_the_last_message(start, text, clock):
    world = await start(webhook=False, now=clock)
    assert await codes(world, text(), 1) == [131047]
    await world.sandbox.say("+491713920001", "Hallo")
    assert await codes(world, text("+491713920002"), 1) == [131047]
    clock.at += 24 * 3600 - 1
    assert await codes(world, text(), 1) == [200]
    await world.sandbox.say("+491713920001", "Noch da")
    clock.at += 24 * 3600 - 1
    assert await codes(world, text(), 1) == [200]
    clock.at += 1
    assert await codes(world, text(), 1) == [131047]


def test_full_buckets_are_forgotten():
    limiter = Limiter(2, 1, keys=10)
    for key in range(10):
        limiter.take(key, 0.0)
    limiter.take("last", 100.0)
    assert len(limiter._buckets) == 1


def test_a_clock_that_goes_back_refills_nothing():
    limiter = Limiter(1, 1)
    limiter.take("a", 100.0)
    assert not limiter.ready("a", 50.0)
    assert not limiter.ready("a", 100.5)
    assert limiter.ready("a", 101.0)
