"""`accept_to_wire_…`: from handing a message in to its first byte at the other end.

Single messages at random moments, each to one person; with and without a big feed that changes
and is parsed every second.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from tests.benchmarks.figures import Figure, percentile, told
from tests.benchmarks.scene import Scene, scene
from tests.wire.world import Site, feed

SPACING = (0.03, 0.13)  # seconds
GOAL = {50: None, 99: 50.0}
NAMES = tuple(f"accept_to_wire_ms_p{p}{end}" for end in ("", "_with_feed") for p in GOAL)

INPUT = """
[topics.other]
title    = "Anderes"
purpose  = "Anderes"
template = "blog_post"
[inputs.heavy]
plugin = "rss"
url    = "{url}/heavy.xml"
topic  = "other"
every  = "1s"
"""
POSTS = [(f"h{n}", f"Schwer {n}") for n in range(200)]


def measure(rounds: int = 3, messages: int = 70) -> Iterator[Figure]:
    """Yield the percentiles of all rounds together, quiet and heavy ones in turn."""
    heavy = feed(POSTS, pad=1600)
    site = Site()
    quiet_feed = feed(POSTS[:1])
    site.documents["/heavy.xml"] = quiet_feed
    waits: dict[str, list[float]] = {"": [], "_with_feed": []}
    with scene(messages, more=INPUT.format(url=site.url)) as running:
        _round(running, messages)  # not counted
        for _ in range(rounds):
            for end, document in (("", quiet_feed), ("_with_feed", _changing(heavy))):
                site.documents["/heavy.xml"] = document
                time.sleep(1.2)
                waits[end] += _round(running, messages)
    site.close()
    for end, found in waits.items():
        told(f"accept to wire{end}: p99 {percentile(found, 99):.1f} ms")
        size = f"a {len(heavy) // 1000} KB feed parsed every second" if end else "nothing else"
        how = (
            f"from the call to the first byte read by the sandbox, {len(found)} single messages"
            f" at random moments, {size}"
        )
        for percent, goal in GOAL.items():
            name = f"accept_to_wire_ms_p{percent}{end}"
            yield Figure(name, percentile(found, percent), "ms", goal, how)


def _changing(document: bytes) -> Callable[[], bytes]:
    """Differs each time, so that no shortcut spares the parser."""
    return lambda: document.replace(b"<description>d", f"<description>{time.time()}".encode(), 1)


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
