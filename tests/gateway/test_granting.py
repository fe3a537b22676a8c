"""Who waits for a limit, in which order they go, and what a busy event loop costs them."""

from __future__ import annotations

import itertools
from functools import partial

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from gateway.granting import AHEAD, Granting
from gateway.limiter import Limiter
from gateway.message import Delivery
from gateway.store.protocol import Decision
from gateway.testing import delivery
from gateway.verdicts import Limit, Quota, Rate

FAST: list[Limit] = [Rate("sender:main", per_second=1000.0, burst=20)]
STEADY: list[Limit] = [Rate("sender:main", per_second=1000.0)]
QUICK: list[Limit] = [Rate("sender:main", per_second=50.0)]
SLOW: list[Limit] = [Rate("sender:main", per_second=25.0)]
MOMENT = 1e-5  # seconds from one that comes to the next


class Clock:
    """A wall clock that goes with trio's."""

    def micros(self) -> int:
        return int((1_800_000_000 + trio.current_time()) * 1e6)


class Report:
    """Takes the figures, and drops them."""

    def stage(self, name: str, seconds: float) -> None: ...
    def waited(self, limit: str, seconds: float) -> None: ...
    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"a limit has nothing to do with {name}")


class Desk:
    """The limits of one sender, and what was decided of its deliveries."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.stopping = trio.Event()
        self.limiter = Limiter(trio.current_time() - 5.0)  # it has been at it for a while
        self.decisions: list[Decision] = []
        self.paused: list[tuple[int, float]] = []
        self.went: list[tuple[int, float]] = []  # delivery, steady seconds
        self.granting = Granting(
            self.limiter,
            self.clock,
            Report(),  # type: ignore[arg-type]
            self.stopping,
            self._decide,
            lambda priority, until: self.paused.append((priority, until)),
        )

    async def _decide(self, one: Delivery, decision: Decision) -> None:
        self.decisions.append(decision)

    async def go(self, id: int, limits: list[Limit] = FAST, *, priority: int = 2) -> None:
        """Wait for the limits of one delivery, and send it at once."""
        grant = await self.granting.granted(delivery(id=id, priority=priority), limits)
        if grant is not None:
            grant.sent(trio.current_time())
            self.went.append((id, trio.current_time()))


async def test_first_come_first_served(autojump_clock: MockClock) -> None:
    """One to the millisecond, in the order in which they came."""
    desk = Desk()
    async with trio.open_nursery() as nursery:
        for id in range(1, 21):
            nursery.start_soon(desk.go, id, STEADY)
            await trio.sleep(MOMENT)
    assert [id for id, _ in desk.went] == list(range(1, 21))
    times = [at for _, at in desk.went]
    assert all(b - a >= 0.001 for a, b in itertools.pairwise(times))
    assert times[-1] - times[0] == pytest.approx(0.019, abs=0.002)


async def test_a_reply_goes_before_what_waits(autojump_clock: MockClock) -> None:
    """Also before the first in line, which has waited for a while; that one goes next."""
    desk = Desk()
    async with trio.open_nursery() as nursery:
        for id in (1, 2, 3):
            nursery.start_soon(desk.go, id, QUICK)
            await trio.sleep(MOMENT)
        await trio.sleep(0.010)
        nursery.start_soon(partial(desk.go, 4, QUICK, priority=0))
    assert [id for id, _ in desk.went] == [1, 4, 2, 3]
    times = [at for _, at in desk.went]
    assert times == pytest.approx([times[0] + n / 50 for n in range(4)], abs=0.002)


async def test_a_busy_event_loop_slows_nobody_down(mock_clock: MockClock) -> None:
    """If the loop comes round every 5 ms only, five go each time instead of one."""
    desk, rounds = Desk(), 0
    async with trio.open_nursery() as nursery:
        for id in range(1, 61):
            nursery.start_soon(desk.go, id)
        while len(desk.went) < 60:
            rounds += 1
            mock_clock.jump(0.005)
            await trio.lowlevel.checkpoint()
    assert rounds <= 20, "one in each round would take 60 of them"
    span = desk.went[-1][1] - desk.went[0][1]
    assert span >= 60 / 1000 - 20 / 1000 - 0.005, "no more than the limit and its credit allow"


async def test_many_come_and_go_at_a_busy_loop(mock_clock: MockClock) -> None:
    """They come in bursts while others wait, and each goes once, at the pace that is kept."""
    desk, coming = Desk(), 0
    async with trio.open_nursery() as nursery:
        while len(desk.went) < 400:
            for _ in range(40 if coming % 80 == 0 else 3):
                if coming < 400:
                    coming += 1
                    nursery.start_soon(desk.go, coming)
            mock_clock.jump(0.003)
            for _ in range(coming % 4 + 1):
                await trio.lowlevel.checkpoint()
    assert sorted(id for id, _ in desk.went) == list(range(1, 401))
    times = [at for _, at in desk.went]
    assert times == sorted(times)
    assert times[-1] - times[0] >= 0.36


async def test_it_stops_for_all_who_wait(autojump_clock: MockClock) -> None:
    """Each of them is given back to the queue, and none of the limits is used up."""
    desk = Desk()
    async with trio.open_nursery() as nursery:
        for id in range(1, 6):
            nursery.start_soon(desk.go, id, SLOW)
            await trio.sleep(MOMENT)
        await trio.sleep(0.010)
        desk.stopping.set()
    assert [id for id, _ in desk.went] == [1]
    assert [(one.delivery, one.to, one.due_at) for one in desk.decisions] == [
        (id, "queued", None) for id in range(2, 6)
    ]


async def test_who_is_cancelled_leaves_the_line_and_its_limits(autojump_clock: MockClock) -> None:
    """The first in line, one behind it, and all at once: the rest goes on, and nothing is lost."""
    desk = Desk()
    day = Quota("day", 5, window=86_400.0)
    limits: list[Limit] = [*STEADY, day]
    scopes = [trio.CancelScope() for _ in range(8)]

    async def go(id: int) -> None:
        with scopes[id]:
            await desk.go(id, limits)

    async with trio.open_nursery() as nursery:
        for id in range(6):
            nursery.start_soon(go, id)
            await trio.sleep(MOMENT)
        assert [id for id, _ in desk.went] == [0]
        scopes[1].cancel()  # the first in line
        scopes[3].cancel()
    assert [id for id, _ in desk.went] == [0, 2, 4, 5]
    async with trio.open_nursery() as nursery:
        for id in range(6, 8):
            nursery.start_soon(go, id)
        await trio.sleep(MOMENT)
        nursery.cancel_scope.cancel()
    used = desk.limiter.used(day, trio.current_time(), desk.clock.micros() / 1e6)
    assert used == len(desk.went), "what was never sent counts for nobody"
    assert not desk.decisions


@pytest.mark.parametrize("again", range(8))  # trio runs them in any order
async def test_who_is_cancelled_when_its_turn_comes(autojump_clock: MockClock, again: int) -> None:
    """The first in line and the next one at once: the one after them goes on."""
    desk = Desk()
    async with trio.open_nursery() as nursery:
        scopes = [trio.CancelScope() for _ in range(4)]

        async def go(id: int) -> None:
            with scopes[id]:
                await desk.go(id, STEADY)

        for id in range(4):
            nursery.start_soon(go, id)
            await trio.sleep(MOMENT)
        scopes[2].cancel()
        scopes[1].cancel()
    assert [id for id, _ in desk.went] == [0, 3]


async def test_a_long_wait_holds_nobody_up_who_comes_behind(autojump_clock: MockClock) -> None:
    """Who may go only later is given back with its time, and the next ones go on at once."""
    desk = Desk()
    person: list[Limit] = [*STEADY, Rate("pair:main:7", per_second=1 / 6)]
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for id in range(1, 6):
            nursery.start_soon(desk.go, id, person if id in (2, 4) else STEADY)
            await trio.sleep(MOMENT)
    assert [id for id, _ in desk.went] == [1, 2, 3, 5]
    assert trio.current_time() - began < AHEAD
    (one,) = desk.decisions
    assert (one.delivery, one.to) == (4, "queued")
    assert one.due_at is not None
    assert one.due_at > desk.clock.micros() + 5_000_000
    assert not desk.paused, "it is about one person"


async def test_what_is_leased_ahead_follows_the_limit_and_not_the_disk(
    autojump_clock: MockClock,
) -> None:
    """However slowly they come, the pace that they may have says how many are taken at once."""
    desk = Desk()
    for id in range(1, 4):
        await desk.go(id)
        await trio.sleep(0.5)
    assert desk.granting.interval == pytest.approx(0.001)
    for id in range(4, 7):
        await desk.go(id, [*FAST, Rate("other", per_second=10.0)])
        await trio.sleep(0.5)
    assert desk.granting.interval == pytest.approx(0.1)


async def test_without_a_common_limit_the_distance_is_learned(autojump_clock: MockClock) -> None:
    desk = Desk()
    for id in range(1, 30):
        await desk.go(id, [Rate(f"pair:main:{id}", per_second=1 / 6, burst=45)])
        await trio.sleep(0.004)
    assert desk.granting.interval == pytest.approx(0.004, rel=0.2)


async def test_the_first_in_line_is_served_once(autojump_clock: MockClock) -> None:
    """One that was served before has its turn only now, and says who goes next: that is the first in
    line, who sleeps over it, and neither asks again nor takes the place of another."""
    desk = Desk()
    async with trio.open_nursery() as nursery:
        for id in range(1, 24):  # three more than may go at once
            nursery.start_soon(desk.go, id, FAST)
            await trio.sleep(MOMENT)
        autojump_clock.jump(0.010)
        desk.granting._go_on()
    assert sorted(id for id, _ in desk.went) == list(range(1, 24))
