"""`held_per_second`, `held_batched_per_second`, `pace_…`: a rate held for a minute, with its statuses.

Held is what the whole chain sends, all of it on disk, while every status comes back as a webhook
(`sent`, `delivered`, `read`), with nothing left over at the end.  The pace is looked at in the
same runs: windows of one second at the sender's first byte (as the database has it) and at the
sandbox.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from math import ceil

import msgspec

from tests.benchmarks.figures import Figure, told
from tests.benchmarks.scene import Scene, per_second, scene

NAMES = (
    "held_per_second",
    "held_batched_per_second",
    "pace_80_worst_window",
    "pace_80_mean_share",
    "pace_max_worst_window",
    "pace_max_mean_share",
)
RATES = (900.0, 700.0, 520.0, 400.0, 300.0)  # tried in turn
BATCHED = (1200.0, 1020.0, 800.0, 600.0)  # of two senders: one may not be set to more than 1000
PEOPLE = 3000
CONNECTIONS = ("--connections", "48")  # Meta opens as many as it needs
BATCH = ("--batch", "50", "--connections", "8")
LEFT_OVER = 1.0
"""Seconds that webhooks may take to be answered once the last send was made."""


class Held(msgspec.Struct, frozen=True):
    """What a run gave.  `worst`, `worst_seen`: the fullest second, at the sender and the sandbox."""

    asked: float
    rate: float
    left_over: float
    worst: int
    worst_seen: int
    share: float
    """Of the cores: the daemon's and the sandbox's CPU time per second."""
    gateway: float
    sandbox: float

    @property
    def held(self) -> bool:
        return self.rate >= 0.97 * self.asked and self.left_over <= LEFT_OVER


def measure(seconds: float = 60.0, probe: float = 8.0) -> Iterator[Figure]:
    """Yield what was held, and the pace of the same sends."""
    slow = held(80.0, min(seconds, 15.0), 1, CONNECTIONS)
    yield from pace("80", slow, "80 a second to be kept", 80)
    single = highest(RATES, seconds, probe, 1, CONNECTIONS)
    yield _figure("held_per_second", single, seconds, 500, "one status webhook per POST")
    yield from pace("max", single, f"{single.asked:g} a second to be kept", int(single.asked))
    batched = highest(BATCHED, seconds, probe, 2, BATCH)
    yield _figure("held_batched_per_second", batched, seconds, 1000, "50 statuses per POST")


def highest(
    rates: Sequence[float], seconds: float, probe: float, senders: int, options: Sequence[str]
) -> Held:
    """The first of the rates that is held; the best of all runs if none is."""
    runs = []
    for rate in rates:
        if probe < seconds and not held(rate, probe, senders, options).held and rate != rates[-1]:
            continue
        runs.append(held(rate, seconds, senders, options))
        if runs[-1].held:
            break
    return max(runs, key=lambda run: (run.held, run.rate))


def held(rate: float, seconds: float, senders: int, options: Sequence[str]) -> Held:
    """Send so fast for so long."""
    wanted = int(rate * seconds)
    people = min(PEOPLE, wanted // senders)
    messages = ceil(wanted / people / senders)
    with scene(
        people, topics=senders, rate=rate / senders, statuses=True, options=options, feed=True
    ) as running:
        sends = messages * people * senders
        begun, ours, theirs = time.monotonic(), running.gateway_cpu(), running.sandbox_cpu()
        for _ in range(messages):
            for topic in running.topics:
                running.hand_in(topic=topic)
        running.until(lambda: running.count() >= sends, "all is sent", 3 * seconds + 60)
        last = time.monotonic()
        ours, theirs = running.gateway_cpu() - ours, running.sandbox_cpu() - theirs
        running.until(lambda: running.stats()["webhooks"]["pending"] == 0, "all is told", 90)
        left_over = time.monotonic() - last
        lines = running.lines(0)
        found = Held(
            asked=rate,
            rate=per_second(lines),
            left_over=left_over,
            worst=fullest(_first_bytes(running)),
            worst_seen=fullest([line["first_byte"] for line in lines]),
            share=per_second(lines) / rate,
            gateway=ours / (last - begun),
            sandbox=theirs / (last - begun),
        )
        _check(running, sends)
    told(
        f"asked {rate:g}/s for {seconds:g} s: {found.rate:.0f}/s, all told {left_over:.1f} s later;"
        f" daemon {100 * found.gateway:.0f} %, sandbox {100 * found.sandbox:.0f} % of a core"
    )
    return found


def _first_bytes(running: Scene) -> list[float]:
    return [at / 1e6 for (at,) in _rows(running, "SELECT first_byte FROM attempts")]


def _check(running: Scene, sends: int) -> None:
    """Every send was read, as its last status said, and that is on disk."""
    (row,) = _rows(running, "SELECT count(*) FROM attempts WHERE read_at IS NOT NULL")
    assert row == (sends,), f"{row[0]} of {sends} were told to be read"


def _rows(running: Scene, sql: str) -> list[tuple[int]]:
    path = running.folder / "gateway.sqlite"
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return list(database.execute(sql))
    finally:
        database.close()


def fullest(times: Sequence[float]) -> int:
    """Return how many the fullest window of one second holds, wherever it begins."""
    ordered = sorted(times)
    most = first = 0
    for index, at in enumerate(ordered):
        while at - ordered[first] >= 1.0:
            first += 1
        most = max(most, index - first + 1)
    return most


def pace(name: str, run: Held, what: str, limit: int) -> Iterator[Figure]:
    """Yield how well a rate was kept, and how much of it was used."""
    how = f"{what}; windows of one second wherever they begin, a feed parsed every second"
    # Two of the sends that left in one second may arrive in another.
    for part, value, goal in (
        ("sender", run.worst, limit),
        ("sandbox", run.worst_seen, max(limit + 2, round(limit * 1.025))),
    ):
        yield Figure(f"pace_{name}_worst_window", value, "sends", goal, how, part)
    yield Figure(f"pace_{name}_mean_share", run.share, "ratio", 0.97, how)


def _figure(name: str, run: Held, seconds: float, goal: float, statuses: str) -> Figure:
    how = (
        f"asked for {run.asked:g}/s for {seconds:g} s, through the whole chain, on disk; three"
        f" statuses each, {statuses}, the last of them answered {run.left_over:.2f} s after the"
        f" last send; the daemon took {100 * run.gateway:.0f} % of a core, the lean sandbox"
        f" {100 * run.sandbox:.0f} %; a feed parsed every second"
    )
    return Figure(name, run.rate if run.held else 0.0, "sends/s", goal, how)
