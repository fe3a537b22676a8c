"""`status_posts_per_second`, `status_answer_ms_p50`: one status per webhook, while sending.

Each is on disk before it is answered 200.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from gateway_sandbox.webhooks import envelope, messages_value, meta_style_dump
from tests.benchmarks.figures import Figure, middle, percentile, told
from tests.benchmarks.scene import SENDERS, Scene, scene, settle

CONNECTIONS = 64
SENDING = 100.0
"""Sends per second meanwhile."""
NAMES = ("status_posts_per_second", "status_answer_ms_p50")


def measure(rounds: int = 5, people: int = 1000) -> Iterator[Figure]:
    """Yield both; a round posts three statuses for everybody who got a message before."""
    rates: list[float] = []
    waits: list[float] = []
    with scene(people, topics=1, rate=SENDING, feed=True) as running:
        known = people  # all of them wait to be sent to, again and again
        for _ in range(rounds + 1):
            running.hand_in(topic="blog")
        for number in range(rounds):
            running.until(lambda n=number: running.count() >= (n + 1) * known // 2, "sends", 60)
            settle()
            lines = running.lines(number * known // 2)[: known // 2]
            (running.folder / "statuses").write_bytes(b"\n".join(bodies(lines)))
            before, sends, cpu = time.monotonic(), running.count(), running.gateway_cpu()
            found = posted(running)
            span, took = time.monotonic() - before, running.gateway_cpu() - cpu
            beside = (running.count() - sends) / span
            rates.append(3 * len(lines) / found["seconds"])
            waits.append(percentile([1e3 * one for one in found["answers"]], 50))
            told(
                f"{rates[-1]:.0f} status POSTs/s, answered in {waits[-1]:.1f} ms, {beside:.0f}"
                f" sends/s beside; {1e6 * took / 3 / len(lines):.0f} µs of CPU per POST, sends too"
            )
            _check(running, lines)
    how = (
        f"median of {rounds} rounds, {3 * known // 2} POSTs of one status each over {CONNECTIONS}"
        f" connections, on disk before the 200, while {SENDING:g} sends/s go on and a feed is"
        " parsed every second"
    )
    yield Figure("status_posts_per_second", middle(rates), "POSTs/s", 1000, how)
    yield Figure("status_answer_ms_p50", middle(waits), "ms", 250, how)


def bodies(lines: list[dict[str, Any]]) -> Iterator[bytes]:
    """What Meta posts about these sends: each sent, then each delivered, then each read."""
    now = int(time.time())
    for name in ("sent", "delivered", "read"):
        for line in lines:
            status = {
                "id": line["wamid"],
                "status": name,
                "timestamp": str(now),
                "recipient_id": line["contact"].removeprefix("+"),
                "biz_opaque_callback_data": line["callback_data"],
                "pricing": {"billable": True, "pricing_model": "PMP", "category": "marketing"},
            }
            value = messages_value(SENDERS["main"], "491713920099", statuses=[status])
            yield meta_style_dump(envelope("100000000000002", [("messages", value)], now))


def posted(running: Scene) -> dict[str, Any]:
    """Post what lies ready, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.status_poster"]
    command += [f"http://127.0.0.1:{running.public}/hook/main/", "test-app-secret"]
    command += [str(running.folder / "statuses"), str(CONNECTIONS)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=120)
    return dict(json.loads(done.stdout))


def _check(running: Scene, lines: list[dict[str, Any]]) -> None:
    """All of it is on disk."""
    database = sqlite3.connect(f"file:{running.folder / 'gateway.sqlite'}?mode=ro", uri=True)
    sql = "SELECT count(*) FROM attempts WHERE provider_id = ? AND read_at IS NOT NULL"
    read = sum(database.execute(sql, (line["wamid"],)).fetchone()[0] for line in lines)
    database.close()
    assert read == len(lines), f"{read} of {len(lines)} were told to be read"
