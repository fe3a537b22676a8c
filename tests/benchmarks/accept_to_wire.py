"""`accept_to_wire_…`: from handing a message in to its first byte at the other end.

Single messages at random moments, each to one person; with and without a big feed that changes
and is parsed every second.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from tests.benchmarks.figures import Figure, percentile, told
from tests.benchmarks.scene import Scene, scene

SPACING = (0.03, 0.13)  # seconds
GOAL = {50: None, 99: 50.0}
NAMES = tuple(f"accept_to_wire_ms_p{p}{end}" for end in ("", "_with_feed") for p in GOAL)


def measure(rounds: int = 3, messages: int = 70) -> Iterator[Figure]:
    """Yield the percentiles of all rounds together, quiet and heavy ones in turn."""
    waits: dict[str, list[float]] = {"": [], "_with_feed": []}
    with scene(messages, feed=True) as running:
        size = len(running.heavy_feed) // 1000
        _round(running, messages)  # not counted
        for _ in range(rounds):
            for end in waits:
                running.feed(heavy=bool(end))
                time.sleep(1.2)
                waits[end] += _round(running, messages)
    for end, found in waits.items():
        told(f"accept to wire{end}: p99 {percentile(found, 99):.1f} ms")
        beside = f"a {size} KB feed parsed every second" if end else "nothing else"
        how = (
            f"from the call to the first byte read by the sandbox, {len(found)} single messages"
            f" at random moments, {beside}"
        )
        for percent, goal in GOAL.items():
            name = f"accept_to_wire_ms_p{percent}{end}"
            yield Figure(name, percentile(found, percent), "ms", goal, how)


def _round(running: Scene, messages: int) -> list[float]:
    """Milliseconds of each message, to another person each."""
    before = running.count()
    called: dict[str, float] = {}
    chance = random.Random(before)
    for phone in running.people[:messages]:
        time.sleep(chance.uniform(*SPACING))
        called[phone] = time.time()
        running.hand_in(topic="blog", to=phone)
    running.until(lambda: running.count() >= before + messages, "all arrive")
    return [(line["first_byte"] - called[line["contact"]]) * 1e3 for line in running.lines(before)]
