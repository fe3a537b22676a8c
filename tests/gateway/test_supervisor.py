"""An input is started again, later each time, and never in the dark."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from gateway.errors import ConfigError
from gateway.supervisor import FIRST_PAUSE, HEALTHY_AFTER, LAST_PAUSE, supervise


class Runs:
    """Runs as long as it is told, then crashes; notes when it was started and what was told."""

    def __init__(self, *lengths: float, end: BaseException | None = None) -> None:
        self.lengths = list(lengths)
        self.end = end
        self.starts: list[float] = []
        self.states: list[str] = []

    async def run(self) -> None:
        self.starts.append(trio.current_time())
        if not self.lengths:
            if self.end is not None:
                raise self.end
            return
        await trio.sleep(self.lengths.pop(0))
        raise ValueError

    def told(self, label: str, state: str) -> None:
        assert label == "blog"
        self.states.append(state)

    def pauses(self, *lengths: float) -> list[float]:
        """Return the pauses between the runs."""
        ends = [start + length for start, length in zip(self.starts, lengths, strict=False)]
        return [start - end for end, start in zip(ends, self.starts[1:], strict=False)]


async def test_the_pause_doubles_up_to_a_limit(autojump_clock: MockClock) -> None:
    """A crash loop slows down, and goes on for ever at the longest pause."""
    lengths = [0.0] * 12
    runs = Runs(*lengths)
    await supervise("blog", runs.run, told=runs.told)
    pauses = runs.pauses(*lengths)
    assert pauses[:4] == [FIRST_PAUSE * 2**n for n in range(4)]
    assert pauses[-1] == LAST_PAUSE
    assert pauses == sorted(pauses)
    assert runs.states == ["running", "pausing"] * 12 + ["running", "ended"]


async def test_only_a_long_healthy_run_resets_the_pause(autojump_clock: MockClock) -> None:
    """Starting well is not enough: it has to have run for a while."""
    lengths = [0, 0, 0, HEALTHY_AFTER - 1, HEALTHY_AFTER + 1, 0]
    runs = Runs(*lengths)
    await supervise("blog", runs.run, told=runs.told)
    assert runs.pauses(*lengths) == [1, 2, 4, 8, 1, 2]


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("the token was refused"),
        ExceptionGroup("g", [ExceptionGroup("h", [ConfigError("the token was refused")])]),
        ExceptionGroup("g", [OSError(), ConfigError("the token was refused")]),
    ],
)
async def test_wrong_settings_park_it(
    error: Exception, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What only other settings can help is not tried again, and the reason is in the log."""
    runs = Runs(0.0, end=error)
    await supervise("blog", runs.run, told=runs.told)
    assert runs.states == ["running", "pausing", "running", "parked"]
    assert len(runs.starts) == 2
    assert "the token was refused" in caplog.text


async def test_returning_ends_it(autojump_clock: MockClock) -> None:
    """An input that is done is not started again."""
    runs = Runs()
    await supervise("blog", runs.run, told=runs.told)
    assert runs.states == ["running", "ended"]


@pytest.mark.parametrize("after", [0.5, 1.5])
async def test_a_stop_ends_it_at_once(after: float, autojump_clock: MockClock) -> None:
    """Running or pausing, a cancellation ends it and counts as no crash."""
    runs = Runs(1.0, 1000.0)
    with trio.move_on_after(after) as scope:
        await supervise("blog", runs.run, told=runs.told)
    assert scope.cancelled_caught
    assert trio.current_time() == after
    assert "ended" not in runs.states
