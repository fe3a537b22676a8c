"""`cpu_us_per_message`: where the CPU time of one delivery goes, part by part, and in all.

The parts run alone in this process; the total is the daemon's, with three statuses that come
back one by one.  What the parts leave of it is tasks, metrics, and threads that share one
interpreter.
"""

from __future__ import annotations

from collections.abc import Iterator

import trio

from tests.benchmarks import parts
from tests.benchmarks.figures import Figure, middle, told
from tests.benchmarks.scene import Scene, scene, settle

FIGURE = "cpu_us_per_message"
NAMES = (FIGURE,)

HOW = {
    "chain": "process and limits of consent, filter, ratelimit and footer, on a template",
    "limits": "sender's rate and pair rate taken and counted",
    "begin_and_settle": "lease, begin and settle, each on disk, 64 deliveries at a time",
    "client": "one POST and its answer, 10 at a time, at the lean sandbox",
    "webhooks": "three statuses, each a webhook of its own: the daemon with them less without",
    "total": "the daemon's, with three statuses",
}


def measure(rounds: int = 5, people: int = 300) -> Iterator[Figure]:
    """Yield every part and the total, side by side in each round."""
    spent: dict[str, list[float]] = {part: [] for part in HOW}
    with scene(people) as silent, scene(3 * people, topics=1, statuses=True) as answering:
        for running in (silent, answering):
            running.campaign()  # not counted
        for _ in range(rounds):
            settle()
            spent["chain"].append(trio.run(parts.chain, 3000))
            spent["limits"].append(trio.run(parts.limits, 3000))
            spent["begin_and_settle"].append(trio.run(parts.begin_and_settle, 3 * people))
            spent["client"].append(
                trio.run(parts.client, silent.url("main"), silent.bodies(people))
            )
            without, total = _per_send(silent), _per_send(answering)
            spent["webhooks"].append(total - without)
            spent["total"].append(total)
    for part, values in spent.items():
        value = middle(values) * 1e6
        told(f"CPU of {part}: {value:.1f} µs")
        how = f"process CPU time (not wall), {HOW[part]}; median of {rounds} rounds"
        yield Figure(FIGURE, value, "µs", None, how, part)


def _per_send(running: Scene) -> float:
    campaign = running.campaign()
    return campaign.gateway_cpu / campaign.sends
