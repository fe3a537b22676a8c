"""`fan_out_…`: from one message to a delivery for each subscriber."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from gateway.clock import SystemClock
from gateway.fan_out import Preparing
from gateway.ids import new_id
from gateway.inbound import ConsentEvent, Person
from gateway.message import Identity, Message, Text
from gateway.pipeline import Pipeline
from gateway.store.protocol import Screened, moment
from gateway.store.sqlite import SqliteStore
from tests.benchmarks.figures import Figure, middle, percentile, told

NAMES = ("fan_out_per_second", "fan_out_chunk_ms_p99")


def measure(rounds: int = 5, people: int = 40_000) -> Iterator[Figure]:
    """Yield rows per second as the daemon makes them, and how long one transaction takes."""
    rates, chunks = trio.run(_all, rounds, people)
    told(f"fan-out: {middle(rates):.0f} rows/s, a chunk at most {max(chunks) * 1e3:.1f} ms")
    how = (
        f"{people} subscribers, rows committed by the daemon's own loop, median of {rounds}"
        f" messages after the other"
    )
    yield Figure("fan_out_per_second", middle(rates), "rows/s", 200_000.0, how)
    how = f"transactions of the same fan-outs with their commits, {len(chunks)} of them"
    yield Figure("fan_out_chunk_ms_p99", percentile(chunks, 99) * 1e3, "ms", 10.0, how)


async def _all(rounds: int, people: int) -> tuple[list[float], list[float]]:
    """Rows per second of each message, and the seconds of each transaction."""
    recent: list[float] = []
    transactions: list[float] = []
    rates = []
    pipeline = Pipeline([])
    with TemporaryDirectory(prefix="bench-") as folder:
        async with SqliteStore(
            Path(folder) / "fan_out.sqlite", lambda seconds, jobs, ok: recent.append(seconds)
        ) as store:
            await _subscribe(store, people)
            preparing = Preparing(store, pipeline, {}, {}, SystemClock())
            for n in range(rounds):
                await _ready(store, pipeline, str(n))
                recent.clear()
                started = time.perf_counter()
                while await preparing.round():
                    pass
                rates.append(people / (time.perf_counter() - started))
                transactions += recent
                assert sum((await store.depths()).values()) == people * (n + 1)
    return rates, transactions


async def _subscribe(store: SqliteStore, people: int) -> None:
    at = SystemClock().micros()
    agreed = ConsentEvent(name="confirmed", at=moment(at), topic="blog", source="bench")
    for first in range(0, people, 500):
        some = [
            Person(identities=(Identity("phone", f"+49171{n:07d}"),), events=(agreed,))
            for n in range(first, min(first + 500, people))
        ]
        await store.accept("bench", [], at=at, people=some)


async def _ready(store: SqliteStore, pipeline: Pipeline, key: str) -> None:
    message = Message(
        external_id=key, id=new_id(), topic="blog", sender="main", forms=(Text(body="Hallo"),)
    )
    at = SystemClock().micros()
    await store.accept("bench", [message], at=at)
    await store.screened(
        [Screened(message=message, state="ready", chain=pipeline.fingerprint)], at=at
    )
