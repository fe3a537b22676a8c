"""Posts statuses as fast as they are answered, as a process of its own; prints what it took.

python -m tests.benchmarks.status_poster URL SECRET FILE CONNECTIONS      a body per line of FILE
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import trio

from gateway_sandbox.client import Poster, Target
from gateway_sandbox.webhooks import signature


async def post_all(
    url: str, secret: bytes, bodies: list[bytes], connections: int
) -> tuple[float, list[float]]:
    """Post every body once; seconds in all, and of each answer.  Raises if one is not 200."""
    target, left = Target(url), iter(bodies)
    answers: list[float] = []

    async def work() -> None:
        poster = Poster(timeout=30.0)
        for body in left:
            begun = time.perf_counter()
            status = await poster.post(target, body, signature(secret, body))
            answers.append(time.perf_counter() - begun)
            assert status == 200, status
        poster.close()

    begun = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(connections):
            nursery.start_soon(work)
    return time.perf_counter() - begun, answers


if __name__ == "__main__":
    address, key, file, count = sys.argv[1:]
    lines = Path(file).read_bytes().splitlines()
    seconds, each = trio.run(post_all, address, key.encode(), lines, int(count))
    print(json.dumps({"seconds": seconds, "answers": each}))
