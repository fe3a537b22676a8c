"""The clock that does not believe a jump; an instant is one number, however often it is asked for."""

from __future__ import annotations

import time

import pytest
import trio
from trio.testing import MockClock

from gateway.clock import DRIFT, FAR, LATE, STEP, SystemClock, WallTime
from tests.gateway.machine import HOUR, NOON, SECOND, Machine


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


# --- the clock that does not believe a jump -----------------------------------------------------
def test_small_steps_are_followed() -> None:
    """Slewing, and steps of up to a minute, each way."""
    machine = Machine()
    clock = machine.clock()
    for step in (STEP, -STEP, 1, -SECOND, STEP):
        machine.step(step)
        machine.run(5)
        assert clock.micros() == machine.wall
        assert clock.jump == 0


@pytest.mark.parametrize("step", [STEP + SECOND, -STEP - SECOND, 30 * 86_400 * SECOND, -HOUR])
def test_a_jump_is_not_believed(step: int) -> None:
    """Time goes on as if it had not happened, until the clock is back."""
    machine = Machine()
    clock = machine.clock()
    machine.run(60)
    before = clock.micros()
    machine.step(step)
    assert clock.micros() == before
    assert clock.jump == step
    machine.run(3600)
    assert clock.micros() == before + HOUR
    assert clock.now().timestamp() == (before + HOUR) / 1e6
    machine.step(-step)
    assert clock.jump == 0
    assert clock.micros() == machine.wall == before + HOUR


def test_a_jump_that_a_person_believes() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.step(-5 * HOUR)
    clock.believe()
    assert clock.micros() == machine.wall
    assert clock.jump == 0


def test_suspension_is_no_jump() -> None:
    """The time since boot goes on while suspended, as the clock on the wall does."""
    machine = Machine()
    clock = machine.clock()
    machine.run(8 * 3600)
    assert clock.jump == 0
    assert clock.micros() == machine.wall


def test_stopped_between_two_looks_at_the_clocks() -> None:
    """A process that stands still between the two readings sees no jump."""
    machine = Machine()
    clock = machine.clock()
    machine.between = 300 * SECOND
    clock.micros()
    machine.between = 0
    assert clock.micros() == machine.wall
    assert clock.jump == 0


def test_a_clock_that_is_behind_what_is_known() -> None:
    """At the start it shows 1970: time goes on from what was stored last; as soon as the machine's
    clock is past that, it is followed."""
    machine = Machine(wall=0)
    clock = machine.clock()
    clock.not_before(NOON)
    assert clock.behind
    assert clock.micros() == NOON
    machine.run(20)
    assert clock.micros() == NOON + 20 * SECOND
    machine.step(NOON - HOUR)  # still before what is known
    assert clock.micros() == NOON + 20 * SECOND
    machine.step(25 * HOUR)
    assert clock.micros() == machine.wall
    assert not clock.behind
    assert clock.jump == 0


@pytest.mark.parametrize(
    ("ahead", "behind"),
    [
        (-7 * 86_400 * SECOND, False),
        (LATE, False),
        (LATE + 1, True),
        (FAR, True),
        (FAR + 1, False),
    ],
)
def test_what_a_provider_names_as_over(ahead: int, behind: bool) -> None:
    """It is never later than the true time; a webhook that comes again is much earlier, and an odd
    timestamp is no time."""
    machine = Machine()
    clock = machine.clock()
    clock.heard(NOON + ahead)
    assert clock.behind is behind
    assert clock.micros() == (NOON + ahead if behind else NOON)


def test_a_person_knows_better_than_what_was_stored() -> None:
    """A clock that once was years ahead has left its mark; a person says so once."""
    machine = Machine()
    clock = machine.clock()
    clock.not_before(NOON + 10_000 * HOUR)
    clock.believe()
    clock.heard(NOON + HOUR)
    assert clock.micros() == machine.wall
    assert not clock.behind


def test_the_machine_s_own_clocks_fit() -> None:
    clock = SystemClock()
    assert clock.jump == 0
    assert abs(clock.now().timestamp() - time.time()) < 1
