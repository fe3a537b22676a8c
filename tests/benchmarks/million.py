"""`million_…`: a million deliveries that wait, against ten thousand, and what is left of them later.

Two gateways stand side by side, each with a sandbox of its own, and send in turns.  People and
consents are put into their databases directly: getting a million people in is another matter.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import trio

from gateway.clock import SystemClock
from gateway.store.sqlite import SqliteStore
from tests.benchmarks.figures import Figure, middle, percentile, told
from tests.benchmarks.scene import Scene, per_second, settle

NAMES = (
    "million_rate_ratio",
    "million_rss_ratio",
    "million_rss_mb",
    "restart_to_send_s",
    "million_purge_commit_ms_max",
)
STEP = 100
"""Deliveries that one step of the purge takes, as the daemon's own does."""

CONTACT = "INSERT INTO contacts (id, language, created_at) VALUES (?, 'de', ?)"
IDENTITY = "INSERT INTO identities (kind, value, contact_id, first_seen) VALUES ('phone', ?, ?, ?)"
CONSENT = "INSERT INTO consents VALUES (?, ?, 'confirmed', ?, ?)"
DELIVERED = """
UPDATE deliveries SET state = 8, tries = 1, node = NULL;
INSERT OR IGNORE INTO attempts (delivery_id, n, state, form, content, began_at, delivered_at)
  SELECT d.id, 1, 5, 'template', (SELECT hash FROM contents LIMIT 1), 0, 0 FROM deliveries d;
DELETE FROM in_flight;
DELETE FROM depths;
INSERT INTO depths SELECT message_id, 8, count(*) FROM deliveries GROUP BY message_id;
UPDATE messages SET state = 'started';
"""

SENDERS = 3


class Queue(Scene):
    """A gateway that is paused, and `queued` deliveries that wait in it."""

    def __init__(self, folder: Path, queued: int) -> None:
        self.each = queued // SENDERS
        super().__init__(folder, 0, topics=SENDERS)
        self.run("pause")
        self.fill()

    def _import(self) -> None:
        trio.run(self._people)

    async def _people(self) -> None:
        path, at = self.folder / "gateway.sqlite", SystemClock().micros() - 60_000_000
        async with SqliteStore(path):
            pass  # makes the tables
        database = apsw.Connection(str(path))
        people = range(1, self.each + 1)
        with database:
            database.executemany(CONTACT, ((n, at) for n in people))
            database.executemany(IDENTITY, ((f"+49171{n:08d}", n, at) for n in people))
            for topic in self.topics:
                database.executemany(CONSENT, ((topic, n, n, at) for n in people))
        database.close()

    def fill(self) -> None:
        """Hand in one message for each topic, and wait until everybody is in the queue."""
        before = self.queued()
        for topic in self.topics:
            self.hand_in(topic=topic)
        wanted = before + self.each * SENDERS
        self.until(lambda: self.queued() >= wanted, "everybody waits", 300)

    def queued(self) -> int:
        """Return how many deliveries wait."""
        (found,) = (self._session.call("status")["senders"],)
        depths = [depth for figures in found.values() for depth in figures["depths"]]
        return sum(int(depth["n"]) for depth in depths if depth["state"] == "queued")

    def sends(self, count: int) -> float:
        """Let it send so many and a few; returns the rate."""
        before = self.count()
        self.run("resume")
        self.until(lambda: self.count() >= before + count, "they go out", 60)
        self.run("pause")
        settle(0.5)
        return per_second(self.lines(before)[:count])

    def restarted(self) -> float:
        """Kill it; return the seconds from starting it again to its first byte."""
        first = self.count()
        self.run("resume")
        self.until(lambda: self.count() > first, "it sends", 60)
        self.kill_gateway()
        before, started = int(self.stats()["received"]), time.time()
        self.start_gateway(wait=False)
        self.until(lambda: self.count() > before, "it sends again", 60)
        return float(min(line["first_byte"] for line in self.lines(before))) - started

    def memory(self, what: str) -> float:
        """Return `VmRSS` (now) or `VmHWM` (at most) of the gateway, in MB."""
        assert self.gateway is not None
        text = Path(f"/proc/{self.gateway.pid}/status").read_text()
        found = re.search(rf"^{what}:\s+(\d+) kB", text, re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024


def measure(
    rounds: int = 4, many: int = 1_000_000, few: int = 10_000, sends: int = 2000, restarts: int = 3
) -> Iterator[Figure]:
    """Yield the ratios, the memory, the restart and the purge."""
    with TemporaryDirectory(prefix="bench-") as folder, ExitStack() as ending:
        queues = []
        for queued in (few, many):
            own = Path(folder) / str(queued)
            own.mkdir()
            queues.append(Queue(own, queued))
            ending.callback(queues[-1].close)
            told(f"{queued:,} deliveries wait")
        small, large = queues
        yield from _side_by_side(small, large, rounds, sends)
        seconds = []
        for _ in range(restarts):
            seconds.append(large.restarted())
            large.run("pause")
        told(f"from the start to the first byte: {', '.join(f'{s:.2f}' for s in seconds)} s")
        how = f"median of {restarts}, killed with -9 while {many:,} deliveries wait, to the first byte sent"
        yield Figure("restart_to_send_s", middle(seconds), "s", 2.0, how)
        large.kill_gateway()
        commits = trio.run(_purged, large.folder / "gateway.sqlite")
        slow = percentile(commits, 99)
        told(f"purge: {len(commits)} commits, p99 {slow * 1e3:.1f} ms, {sum(commits):.0f} s")
        how = (
            f"the longest of {len(commits)} of them: {many:,} deliveries with their attempts,"
            f" {STEP} in a step; p99 {slow * 1e3:.1f} ms"
        )
        yield Figure("million_purge_commit_ms_max", max(commits) * 1e3, "ms", 20.0, how)


def _side_by_side(small: Queue, large: Queue, rounds: int, sends: int) -> Iterator[Figure]:
    ratios, rates, memory = [], [], []
    for queue in (small, large):
        queue.sends(sends)  # not counted: connections are opened, templates fetched
    for _ in range(rounds):
        if small.queued() < small.each * SENDERS - sends:
            small.fill()
        few, many = small.sends(sends), large.sends(sends)
        told(f"{few:.0f}/s with few, {many:.0f}/s with a million")
        ratios.append(many / few)
        rates.append((few, many))
        memory.append(large.memory("VmRSS") / small.memory("VmRSS"))
    how = (
        f"median of {rounds} rounds in turns, {sends} sends each: {middle([m for _, m in rates]):.0f}"
        f" against {middle([f for f, _ in rates]):.0f} per second"
    )
    yield Figure("million_rate_ratio", middle(ratios), "ratio", 0.9, how)
    how = f"resident memory of the two after each of the same rounds, median of {rounds}"
    yield Figure("million_rss_ratio", middle(memory), "times", 1.2, how)
    how = "the most that was ever resident, the fan-out of a million included, of 1 gateway"
    yield Figure("million_rss_mb", large.memory("VmHWM"), "MB", 200.0, how)


async def _purged(path: Path) -> list[float]:
    """Purge everything that was delivered; returns the seconds of each transaction."""
    database = apsw.Connection(str(path))
    database.execute(DELIVERED)
    database.close()
    commits: list[float] = []
    async with SqliteStore(path, lambda seconds, jobs, ok: commits.append(seconds)) as store:
        at, after = SystemClock().micros() + 86_400_000_000, 0
        commits.clear()
        while True:
            done = await store.purge(
                "sent", before=at, after=after, limit=STEP, at=at, observers=()
            )
            if done.after is None:
                return commits
            after = done.after
