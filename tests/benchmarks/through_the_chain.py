"""`chain_per_httpx`: a whole campaign against plain httpx loops, at the same sandbox."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks.figures import Figure, middle, told
from tests.benchmarks.scene import TOPICS, Scene, per_second, scene, settle

BODIES = {1: 700, 10: 700, 50: 300}  # connections → sends; 50 are slow in one pool of httpx
NAMES = ("chain_per_httpx",)


def measure(rounds: int = 6, people: int = 500) -> Iterator[Figure]:
    """Yield the ratio, and the two rates that it is made of."""
    ratios, ours, theirs = [], [], []
    with scene(people) as running:
        running.campaign()  # not counted: both templates are fetched, all connections open
        for connections, count in BODIES.items():
            chosen = (running.bodies() * 2)[:count]
            (running.folder / f"bodies-{connections}").write_bytes(b"\n".join(chosen))
        for _ in range(rounds):
            settle()
            chain = running.campaign().per_second
            plain = {n: httpx_rate(running, n) for n in BODIES}
            best = max(plain.values())
            told(
                f"through the chain {chain:.0f}/s; httpx at"
                + ", ".join(f" {n}: {rate:.0f}/s" for n, rate in plain.items())
            )
            ratios.append(chain / best)
            ours.append(chain)
            theirs.append(best)
    how = (
        f"median of {rounds} rounds side by side, {len(TOPICS) * people} sends each; chain"
        f" {middle(ours):.0f}/s (daemon, consent+filter+ratelimit+footer, SQLite synchronous=FULL,"
        " fan-out included),"
        f" best of httpx.AsyncClient at 1, 10 and 50 connections {middle(theirs):.0f}/s,"
        " both read off the same lean sandbox"
    )
    yield Figure("chain_per_httpx", middle(ratios), "ratio", 1.0, how)


def httpx_rate(running: Scene, connections: int) -> float:
    """Sends per second of a plain loop."""
    before = running.count()
    command = [sys.executable, "-m", "tests.benchmarks.plain_httpx", running.url("main")]
    command += ["test-token", str(running.folder / f"bodies-{connections}"), str(connections)]
    subprocess.run(command, check=True, timeout=120)
    return per_second(running.lines(before))
