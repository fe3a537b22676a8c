"""Many feeds: no host is asked twice at once, and never without a pause."""

from __future__ import annotations

from typing import Any, get_args

import trio

from gateway.wire import Reason as NotFetched
from gateway_plugins.inputs.feed import fetching, sharing
from gateway_plugins.inputs.feed.sharing import Shared
from gateway_plugins.inputs.feed.wire import Reason as Refused


async def test_one_request_to_a_host_and_a_pause_after_it(autojump_clock: Any) -> None:
    shared, turns = Shared(), []

    async def ask(url: str) -> None:
        async with shared.turn(url, 900):
            turns.append((url, trio.current_time() - start))
            await trio.sleep(2)

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        for url in ("https://a.example/1", "http://A.example:8080/2", "https://a.example/3"):
            nursery.start_soon(ask, url)
        nursery.start_soon(ask, "https://b.example/")
    at = sorted(round(when) for url, when in turns if "b.example" not in url)
    assert at == [0, 3, 6]
    assert ("https://b.example/", 0.0) in turns


async def test_the_pause_is_short_where_looks_are_frequent(autojump_clock: Any) -> None:
    shared = Shared()
    start = trio.current_time()
    for _ in range(3):
        async with shared.turn("http://127.0.0.1/", 1.0):
            pass
    assert trio.current_time() - start == 0.5


async def test_few_requests_at_once(autojump_clock: Any) -> None:
    shared, most, now = Shared(), 0, 0

    async def ask(n: int) -> None:
        nonlocal most, now
        async with shared.turn(f"https://blog{n}.example/", 900):
            now += 1
            most = max(most, now)
            await trio.sleep(1)
            now -= 1

    async with trio.open_nursery() as nursery:
        for n in range(50):
            nursery.start_soon(ask, n)
    assert most == sharing.AT_ONCE


async def test_a_cancelled_request_gives_its_turn_back(autojump_clock: Any) -> None:
    shared = Shared()
    with trio.move_on_after(1):
        async with shared.turn("https://a.example/", 900):
            await trio.sleep_forever()
    with trio.fail_after(5):
        async with shared.turn("https://a.example/", 900):
            pass


def test_every_failure_has_a_sentence() -> None:
    assert set(fetching.UNREACHED) == set(get_args(NotFetched))
    assert set(fetching.REFUSED) == set(get_args(Refused))
