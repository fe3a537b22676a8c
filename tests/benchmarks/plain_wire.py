"""The transport alone, as a process of its own: the gateway's HTTP client in a loop."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import trio

from gateway.http import open_client


async def post_all(url: str, token: str, bodies: list[bytes], connections: int) -> None:
    """Post every body once, over so many connections.  Raises if one is not accepted."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    left = iter(bodies)
    async with open_client(connections=connections) as client:

        async def work() -> None:
            for body in left:
                answer = await client.post(url, body, headers)
                assert answer.status == 200, answer.body

        async with trio.open_nursery() as nursery:
            for _ in range(connections):
                nursery.start_soon(work)


if __name__ == "__main__":
    address, secret, file, count = sys.argv[1:]
    trio.run(partial(post_all, address, secret, Path(file).read_bytes().splitlines(), int(count)))
