"""Slowed down by the provider: never above the rate that is left, and always back at the old one."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.limiter import Grant, Limiter
from gateway.slowing import HEARD, SLOWEST, STEP_EVERY, STEPS, Slowing

# (time, "slow" or the rate that is expected) for a sender of 80 a second
STORIES: dict[str, list[tuple[float, float | str | None]]] = {
    "nothing": [(0.0, None)],
    "halved, then a twentieth of the old rate each quarter of a minute": [
        (0.0, "slow"), (0.0, 40.0), (14.9, 40.0), (15.0, 44.0), (149.9, 76.0), (150.0, None),
    ],
    "refusals of one moment count once": [
        (0.0, "slow"), (1.0, "known"), (4.9, "known"), (4.9, 40.0), (5.0, "slow"), (5.0, 20.0),
    ],
    "halved again from where it is": [
        (0.0, "slow"), (30.0, 48.0), (30.0, "slow"), (30.0, 24.0), (45.0, 28.0),
    ],
    "not below one a second": [
        *((n * HEARD, "slow") for n in range(9)), (8 * HEARD, SLOWEST), (8 * HEARD + 15, 5.0),
    ],
    "after it is over, the next one begins anew": [
        (0.0, "slow"), (150.0, None), (151.0, "slow"), (151.0, 40.0),
    ],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES.values(), ids=list(STORIES))
def test_a_story(story: list[tuple[float, float | str | None]]) -> None:
    slowing = Slowing("main")
    for now, what in story:
        if isinstance(what, str):
            assert slowing.slow(now, 80.0) is (what == "slow")
        else:
            assert slowing.rate(now) == what
            assert slowing.share(now) == (1.0 if what is None else what / 80.0)
            assert [limit.per_second for limit in slowing.limits(now)] == [what] * (
                what is not None
            )


@given(
    st.floats(0.1, 1000.0),
    st.lists(st.floats(0.0, 200.0), min_size=1, max_size=12),
    st.floats(0.01, 2.0),
)
@settings(derandomize=True, max_examples=200, deadline=None)
def test_it_always_recovers(full: float, gaps: list[float], factor: float) -> None:
    """Whenever it is halved: the rate stays between the floor and the full one, never falls by
    itself, and is the full one STEPS steps after the last refusal."""
    slowing = Slowing("main", factor)
    now = 0.0
    for gap in gaps:
        before = slowing.rate(now)
        now += gap * factor
        later = slowing.rate(now)
        assert before is None or later is None or later >= before
        slowing.slow(now, full)
        rate = slowing.rate(now)
        assert rate is None or SLOWEST <= rate < max(full, SLOWEST)
    assert slowing.rate(now + STEPS * STEP_EVERY * factor + 0.001) is None


@given(
    st.lists(st.tuples(st.floats(0.5, 30.0), st.booleans()), min_size=1, max_size=20),
    st.sampled_from([20.0, 80.0, 500.0]),
)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_nothing_goes_faster_than_the_rate_that_is_left(
    steps: list[tuple[float, bool]], full: float
) -> None:
    """As the limiter counts: no second after a halving ever holds more than the highest rate that
    held in it."""
    slowing, limiter = Slowing("main"), Limiter(-10.0)
    now, sent = 0.0, list[tuple[float, float]]()
    slowing.slow(now, full)
    for gap, refused in steps:
        if refused:
            slowing.slow(now, full)
        end = now + gap
        while now < end and len(sent) < 3000:
            rate = slowing.rate(now)
            if rate is None:
                break
            answer = limiter.take(slowing.limits(now), now, now)
            if isinstance(answer, Grant):
                answer.sent(now)
                sent.append((now, rate))
            else:
                now = max(answer.until, now + 1e-6)
        now = max(now, end)
    assert sent
    for index, (at, rate) in enumerate(sent):
        window = [other for other in sent[index:] if other[0] < at + 1.0]
        most = max([rate, *(other[1] for other in window)])
        assert len(window) <= ceil(most)
