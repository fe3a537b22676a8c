"""What the chain declares beforehand: limits, who acts when, the fingerprint, its cost."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import pytest

from gateway.message import Delivery
from gateway.pipeline import MOST_LIMITS, Pipeline
from gateway.plugin import Middleware
from gateway.verdicts import Closed, Hold, Quota, Rate
from tests.gateway.chains import AWARE, DELIVERY, NAIVE, Failures, Limits, adds, held, raises


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (raises(ValueError()), "raised"),
        (lambda d: None, "raised"),
        (lambda d: 5, "raised"),
        (lambda d: ["80 per second"], "nonsense"),
        (lambda d: [Rate("k", 0)], "nonsense"),
        (lambda d: [Rate("k", -5)], "nonsense"),
        (lambda d: [Rate("k", float("nan"))], "nonsense"),
        (lambda d: [Rate("k", float("inf"))], "nonsense"),
        (lambda d: [Rate("k", 1e-300)], "nonsense"),
        (lambda d: [Rate("k", "80")], "raised"),  # type: ignore[arg-type]
        (lambda d: [Rate("k", 80, 0)], "nonsense"),
        (lambda d: [Rate(None, 80)], "nonsense"),  # type: ignore[arg-type]
        (lambda d: [Quota("k", 5, 0)], "nonsense"),
        (lambda d: [Quota("k", 2.5, 60)], "nonsense"),  # type: ignore[arg-type]
        (lambda d: [Quota("k", 5, 1e12)], "nonsense"),
        (lambda d: [Quota("k", 5, 60, distinct=d.contact)], "nonsense"),
        (lambda d: [Closed(NAIVE, "night")], "nonsense"),
        (lambda d: [Closed(None, "night")], "nonsense"),  # type: ignore[arg-type]
        (lambda d: (Rate("k", 1) for _ in iter(int, 1)), "nonsense"),
        (lambda d: (Rate("k", 1 / n) for n in (1, 0)), "raised"),
    ],
)
def test_unusable_limits_hold(act: Callable[[Delivery], Any], reason: str) -> None:
    """A limit that nobody can keep holds the delivery."""
    failures = Failures()
    held(Pipeline([Limits(act)], failed=failures).limits(DELIVERY), reason, "limits")
    assert failures == [("limits", "limits", reason)]


def test_async_limits_hold() -> None:
    """limits() written as a coroutine by mistake holds, and leaves no warning behind."""

    class Mistake(Limits):
        async def limits(self, delivery: Delivery) -> Any:
            return []

    verdict = Pipeline([Mistake(lambda d: None)]).limits(DELIVERY)
    gc.collect()
    held(verdict, "nonsense", "limits")
    assert isinstance(verdict, Hold)
    assert "async" in verdict.text


def test_limits_are_collected_in_order() -> None:
    """All that the chain declares comes together, from lists and generators."""
    all_of = [Rate("a", 80, 3), Quota("b", 0, 60.0, "x"), Closed(AWARE, "night"), Rate("c", 1)]
    chain = [Limits(lambda d: all_of[:2]), adds("x"), Limits(lambda d: iter(all_of[2:]))]
    assert Pipeline(chain).limits(DELIVERY) == all_of
    assert len(all_of) < MOST_LIMITS


def test_who_does_nothing_is_not_asked() -> None:
    """A middleware stands only where it overrides the method."""
    does, limits, silent = adds("a"), Limits(lambda d: ()), Middleware(None, "silent")
    assert Pipeline([silent, does, limits]).moments() == {
        "screen": [],
        "process": [does],
        "limits": [limits],
    }


def test_the_fingerprint_is_that_of_order_and_salt() -> None:
    """Verdicts are kept by fingerprint: it changes with the chain and with the settings."""
    a, b = adds("a"), adds("b")
    chains = ([a, b], [b, a], [a], [a, b, a], [], [Limits(lambda d: ())])
    prints = {Pipeline(chain, salt=salt).fingerprint for chain in chains for salt in ("", "s")}
    assert len(prints) == 2 * len(chains)
    assert Pipeline([a, b], salt="s").fingerprint == Pipeline([a, b], salt="s").fingerprint


async def test_an_empty_middleware_costs_little() -> None:
    """One that answers its delivery adds well below 50 microseconds (measured: 2 to 3)."""

    async def cost(pipeline: Pipeline) -> float:
        best = 1.0
        for _ in range(5):
            started = time.process_time()
            for _ in range(500):
                await pipeline.process(DELIVERY)
            best = min(best, (time.process_time() - started) / 500)
        return best

    class Empty(Middleware):
        name = "empty"

        async def process(self, delivery: Delivery) -> Delivery:
            return delivery

    bare = await cost(Pipeline([]))
    ten = await cost(Pipeline([Empty(None, "empty")] * 10))
    assert (ten - bare) / 10 < 50e-6
