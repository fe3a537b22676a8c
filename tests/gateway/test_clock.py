"""An instant is one number, whoever asks and however often."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from gateway.clock import DRIFT, WallTime

NOON = 1_800_000_000_000_000


async def test_an_instant_is_the_same_number_whenever_it_is_asked_for(
    autojump_clock: MockClock,
) -> None:
    """The two clocks are never read at one moment; what waits for one instant is still in order."""
    late = [0, 15, 3, 40, 7]
    begun = trio.current_time()

    def micros() -> int:
        return NOON + round((trio.current_time() - begun) * 1e6) + late[0]

    wall = WallTime(micros)
    found = set()
    while len(late) > 1:
        found.add(wall.micros(begun + 60))
        late.pop(0)
        await trio.sleep(7)
    assert found == {NOON + 60_000_000}


async def test_a_clock_that_was_set_is_believed(autojump_clock: MockClock) -> None:
    """An hour forward, or back: what is asked for then is told by the new time."""
    now = [NOON]
    begun = trio.current_time()
    wall = WallTime(lambda: now[0])
    assert wall.micros(begun) == NOON
    for moved in (3_600_000_000, -3_600_000_000, DRIFT + 1):
        now[0] += moved
        assert wall.micros(begun) == now[0]
    now[0] += DRIFT // 2
    assert wall.micros(begun) != now[0]
