"""Jobs are gathered when many come, and nobody waits when few do."""

from __future__ import annotations

import pytest

from gateway.store.gathering import GATHER, MANY, WITHIN, Gathering


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def gathering(time: Time) -> Gathering:
    return Gathering(time.clock, time.sleep)


def test_few_jobs_are_not_waited_for(gathering: Gathering, time: Time) -> None:
    """One message on its way is some jobs, one right after the other: each at once."""
    for _ in range(MANY - 1):
        gathering.wait()
        gathering.done(1)
    assert time.slept == []


def test_many_jobs_are_gathered(gathering: Gathering, time: Time) -> None:
    """From then on a transaction begins so long after the last one ended, and no longer."""
    gathering.done(MANY)
    time.now += GATHER / 4
    gathering.wait()
    assert time.slept == [pytest.approx(GATHER * 3 / 4)]
    gathering.done(1)
    time.now += GATHER * 2
    gathering.wait()
    assert len(time.slept) == 1, "long enough has passed"


def test_it_ends_when_fewer_come(gathering: Gathering, time: Time) -> None:
    """What was many a moment ago delays nobody later."""
    gathering.done(10 * MANY)
    time.now += 2 * WITHIN
    gathering.done(1)
    gathering.wait()
    assert time.slept == []
