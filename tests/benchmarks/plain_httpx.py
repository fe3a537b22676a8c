"""The yardstick, as a process of its own: nothing but httpx.AsyncClient in a loop, on trio."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import httpx
import trio


async def post_all(url: str, token: str, bodies: list[bytes], connections: int) -> None:
    """Post every body once, over so many connections.  Raises if one is not accepted."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    left = iter(bodies)
    async with httpx.AsyncClient(headers=headers, limits=limits, trust_env=False) as client:

        async def work() -> None:
            for body in left:
                (await client.post(url, content=body)).raise_for_status()

        async with trio.open_nursery() as nursery:
            for _ in range(connections):
                nursery.start_soon(work)


if __name__ == "__main__":
    address, secret, file, count = sys.argv[1:]
    trio.run(partial(post_all, address, secret, Path(file).read_bytes().splitlines(), int(count)))
