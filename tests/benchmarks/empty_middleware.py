"""`empty_middleware_us`: what one middleware that does nothing adds to a delivery."""

from __future__ import annotations

import time
from collections.abc import Iterator

import trio

from gateway.message import Delivery
from gateway.pipeline import Pipeline
from gateway.plugin import Middleware
from tests.benchmarks.figures import Figure, middle, told
from tests.gateway.chains import DELIVERY

MANY = 20
NAMES = ("empty_middleware_us",)


class Empty(Middleware):
    """Does nothing."""

    name = "empty"

    async def process(self, delivery: Delivery) -> Delivery:
        return delivery


def measure(rounds: int = 15, calls: int = 3000) -> Iterator[Figure]:
    """Yield the CPU time of a chain with many of them, less that of an empty chain, for one."""
    none = Pipeline([])
    many = Pipeline([Empty(None, f"empty{n}") for n in range(MANY)])
    costs = []
    for _ in range(rounds):
        less, more = trio.run(_cpu, none, calls), trio.run(_cpu, many, calls)
        costs.append((more - less) / MANY * 1e6)
    told(f"an empty middleware takes {middle(costs):.2f} µs")
    how = f"CPU time of {MANY} of them less that of none, median of {rounds} rounds"
    yield Figure("empty_middleware_us", middle(costs), "µs", 8.0, how)


async def _cpu(pipeline: Pipeline, calls: int) -> float:
    """Seconds of CPU for one call."""
    started = time.process_time()
    for _ in range(calls):
        await pipeline.process(DELIVERY)
    return (time.process_time() - started) / calls
