"""kill -9 at random moments of a campaign: nobody gets it twice, nothing accepted is lost."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections import Counter

from tests.wire.test_campaign import pending
from tests.wire.world import BLOG, World, feed, numbers, query

KILLS = 10
SUBSCRIBERS = 1000
AIR = 64  # most requests of one sender at a time: gateway/delivery.py IN_THE_AIR


def test_killed_ten_times(world: World) -> None:
    """None twice; what arrived is known; at most kills × requests in the air stay unknown."""
    seed = os.environ.get("SEED") or secrets.token_hex(4)
    print(f"seed {seed}")
    chance = random.Random(seed)
    people = numbers(SUBSCRIBERS)
    world.write_settings(BLOG.format(url=world.site.url))
    world.site.documents["/feed.xml"] = feed([("1", "Alt")])
    world.start_sandbox("--delays", "0.05,0.1,0.3")
    world.import_contacts(people)
    world.start_gateway()
    world.until(lambda: world.site.fetches.get("/feed.xml", 0) >= 2, "the feed is read")
    world.site.documents["/feed.xml"] = feed([("2", "Neu"), ("1", "Alt")])
    for kill in range(KILLS):
        before = len(world.received())
        goal = min(before + chance.randint(5, 90), SUBSCRIBERS - (KILLS - kill))
        world.until(lambda g=goal: len(world.received()) >= g, "the campaign goes on")  # type: ignore[misc]
        time.sleep(chance.random() * 0.02)
        world.kill_gateway()
        world.start_gateway()
    restarted = time.monotonic()
    world.until(lambda: done(world), "the rest arrives", 60)
    world.until(lambda: pending(world) == 0, "all statuses are posted", 20)
    lines = world.received()
    got = Counter(line["contact"] for line in lines)
    assert max(got.values()) == 1, "somebody got it twice"
    arrived = {line["callback_data"] for line in lines}
    world.until(
        lambda: arrived <= accepted_or_further(world),
        "what arrived is known here",
        max(1.0, 10 - (time.monotonic() - restarted)),
    )
    states = delivery_states(world)
    unknown = states.get(5, 0)
    assert set(states) <= {5, 6, 7, 8, 9}, states
    assert unknown <= KILLS * AIR
    assert len(lines) + unknown == SUBSCRIBERS, "somebody is neither reached nor unknown"
    counts = dict(query(world, "SELECT name, count(*) FROM journal GROUP BY name"))  # type: ignore[arg-type]
    assert counts["delivery.read"] == len(lines), counts  # type: ignore[index]
    assert counts["message.accepted"] == 1, counts  # type: ignore[index]
    print({"kills": KILLS, "received": len(lines), "unknown and never received": unknown})


def delivery_states(world: World) -> dict[int, int]:
    """Return how many deliveries are in which state."""
    return dict(query(world, "SELECT state, count(*) FROM deliveries GROUP BY state"))  # type: ignore[arg-type]


def done(world: World) -> bool:
    """Return whether nothing is open any more."""
    states = delivery_states(world)
    return bool(states) and all(state >= 5 for state in states)


def accepted_or_further(world: World) -> set[str]:
    """Return the callback data of attempts that the provider accepted."""
    return {
        f"{delivery}:{n}"
        for delivery, n in query(world, "SELECT delivery_id, n FROM attempts WHERE state >= 2")
    }
