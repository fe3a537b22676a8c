"""The client of these tests leaves nothing behind, whatever becomes of its request."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncGenerator, Callable

import httpx
import pytest
import trio
import trio.testing

from tests.wire.client import open_client

MUCH = b"x" * (64 << 20)
"""More than a connection takes if nobody reads."""

HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nx"


async def broken(client: httpx.AsyncClient, how: str) -> None:
    """Post to somebody who hangs up in the midst, or be cancelled there."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"

    async def other_end() -> None:
        async with await listener.accept() as stream:
            await stream.receive_some()
            if how == "cancelled while it reads":
                await stream.send_all(HALF)
            if how != "hung up":
                await trio.testing.wait_all_tasks_blocked()
                limit.cancel()

    async with client, listener, trio.open_nursery() as nursery:
        nursery.start_soon(other_end)
        with trio.CancelScope() as limit:
            content = b"x" if how == "cancelled while it reads" else MUCH
            with pytest.raises(httpx.TransportError):
                await client.post(url, content=content)
    gc.collect()


@pytest.mark.parametrize(
    ("make", "how", "left"),
    [
        (open_client, "hung up", 0),
        (open_client, "cancelled while it writes", 0),
        (open_client, "cancelled while it reads", 0),
        (httpx.AsyncClient, "hung up", 1),  # once it is 0 here too, open_client may go
    ],
)
async def test_no_generator_is_left(
    make: Callable[[], httpx.AsyncClient], how: str, left: int
) -> None:
    collected: list[AsyncGenerator[object, None]] = []
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(finalizer=collected.append)
    try:
        await broken(make(), how)
    finally:
        sys.set_asyncgen_hooks(*hooks)
    for generator in collected:
        await generator.aclose()
    assert len(collected) == left
