"""`chain_per_httpx`, `chain_per_wire`: a whole campaign against loops that do nothing but post.

Plain httpx, and the gateway's own transport alone, both at the same sandbox as the campaign.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from tests.benchmarks.figures import Figure, middle, told
from tests.benchmarks.scene import TOPICS, Scene, per_second, scene, settle

HTTPX = {1: 700, 10: 700, 50: 300}  # connections → sends; 50 are slow in one pool of httpx
WIRE = {10: 1500, 50: 1500}
NAMES = ("chain_per_httpx", "chain_per_wire")


def measure(rounds: int = 6, people: int = 500) -> Iterator[Figure]:
    """Yield the two ratios, with the rates that they are made of."""
    ours: list[float] = []
    httpx: list[float] = []
    wire: list[float] = []
    shares: list[float] = []
    with scene(people, topics=len(TOPICS), feed=True) as running:
        running.campaign()  # not counted: both templates are fetched, all connections open
        counts = {*HTTPX.values(), *WIRE.values()}
        bodies = running.bodies(max(counts))  # to so many people that no pair rate is met
        for count in counts:
            (running.folder / f"bodies-{count}").write_bytes(b"\n".join(bodies[:count]))
        for _ in range(rounds):
            settle()
            begun, used = time.monotonic(), running.sandbox_cpu()
            ours.append(running.campaign().per_second)
            shares.append((running.sandbox_cpu() - used) / (time.monotonic() - begun))
            httpx.append(max(loop(running, "plain_httpx", *one) for one in HTTPX.items()))
            wire.append(max(loop(running, "plain_wire", *one) for one in WIRE.items()))
            told(f"chain {ours[-1]:.0f}/s; httpx {httpx[-1]:.0f}/s; transport {wire[-1]:.0f}/s")
    how = (
        f"median of {rounds} rounds side by side, {len(TOPICS) * people} sends each; chain"
        f" {middle(ours):.0f}/s (daemon, consent+filter+ratelimit+footer, SQLite synchronous=FULL,"
        " fan-out included), {other}, all read off the same lean sandbox, which took"
        f" {100 * middle(shares):.0f} % of a core meanwhile; a feed parsed every second"
    )
    for name, goal, theirs, other in (
        ("chain_per_httpx", 1.5, httpx, "best of httpx.AsyncClient at 1, 10 and 50 connections"),
        ("chain_per_wire", 0.5, wire, "best of the gateway's HTTP client alone at 10 and 50"),
    ):
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        said = how.format(other=f"{other} {middle(theirs):.0f}/s")
        yield Figure(name, middle(ratios), "ratio", goal, said)


def loop(running: Scene, module: str, connections: int, sends: int) -> float:
    """Sends per second of a loop that runs as a process of its own."""
    before = running.count()
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", running.url("main")]
    command += ["test-token", str(running.folder / f"bodies-{sends}"), str(connections)]
    subprocess.run(command, check=True, timeout=120)
    return per_second(running.lines(before))
