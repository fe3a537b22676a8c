"""The circuit breaker, step by step."""

from __future__ import annotations

import pytest

from gateway.breaker import LONGEST, Breaker

# (time, what happens, what it returns, the state after it); chance is 1, so pauses are whole
STORIES: dict[str, list[tuple[float, str, object, str]]] = {
    "two failures are none": [
        (0.0, "failed", None, "closed"),
        (1.0, "failed", None, "closed"),
        (2.0, "answered", False, "closed"),
        (3.0, "failed", None, "closed"),
        (4.0, "failed", None, "closed"),
    ],
    "the third one opens it, an answer closes it": [
        (0.0, "failed", None, "closed"),
        (0.0, "failed", None, "closed"),
        (0.0, "failed", 1.0, "open"),
        (0.9, "look", None, "open"),
        (1.0, "look", None, "half_open"),
        (1.1, "answered", True, "closed"),
        (1.2, "failed", None, "closed"),
    ],
    "half open, the one that fails opens it for longer": [
        (0.0, "failed", None, "closed"),
        (0.0, "failed", None, "closed"),
        (0.0, "failed", 1.0, "open"),
        (1.0, "failed", 2.0, "open"),
        (3.0, "failed", 4.0, "open"),
        (6.9, "look", None, "open"),
        (7.0, "look", None, "half_open"),
    ],
    "what was in the air does not make it longer": [
        (0.0, "failed", None, "closed"),
        (0.0, "failed", None, "closed"),
        (0.0, "failed", 1.0, "open"),
        (0.5, "failed", None, "open"),
        (0.6, "failed", None, "open"),
        (1.0, "failed", 2.0, "open"),
    ],
    "an answer to what was in the air closes it at once": [
        (0.0, "failed", None, "closed"),
        (0.0, "failed", None, "closed"),
        (0.0, "failed", 1.0, "open"),
        (0.5, "answered", True, "closed"),
    ],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=list(STORIES))
def test_a_story(story: list[tuple[float, str, object, str]]) -> None:
    breaker = Breaker(lambda: 1.0)
    for now, what, returned, after in story:
        if what == "failed":
            assert breaker.failed(now) == returned
        elif what == "answered":
            assert breaker.answered() is returned
        assert breaker.state(now) == after
        assert breaker.failing is (after != "closed")


@pytest.mark.parametrize(("chance", "factor", "shortest"), [(0.0, 1.0, 0.5), (1.0, 0.1, 0.1)])
def test_pauses_double_up_to_the_longest(chance: float, factor: float, shortest: float) -> None:
    """By half of a pause chance decides, all of it is multiplied by the settings' factor."""
    breaker = Breaker(lambda: chance, factor)
    now, pauses = 0.0, []
    for _ in range(12):
        pause = breaker.failed(now)
        if pause is not None:
            pauses.append(pause)
            now += pause
    expected = [shortest * min(2.0**n, LONGEST) for n in range(10)]
    assert pauses == pytest.approx(expected)
