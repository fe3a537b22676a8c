"""When bytes came in, whenever they are read."""

from __future__ import annotations

import socket
import sys
import time

import pytest
import trio

from gateway_sandbox.arrival import Came, receive, stamp

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")

WHILE = 0.060
TICK = 0.005


async def pair() -> tuple[socket.socket, trio.socket.SocketType]:
    """A client, and the server's side of its connection."""
    with trio.socket.socket() as listener:
        await listener.bind(("127.0.0.1", 0))
        stamp(listener)
        listener.listen(1)
        client = socket.create_connection(listener.getsockname())
        server, _ = await listener.accept()
    return client, server


def a_while() -> None:
    """The kernel's clock is what is looked at: nobody can set it forward."""
    until = time.monotonic() + WHILE
    while time.monotonic() < until:
        pass


@pytest.mark.parametrize("ended", [False, True], ids=["open", "ended"])
async def test_what_is_read_late_has_the_time_at_which_it_came(ended: bool) -> None:
    client, server = await pair()
    with client, server:
        before = time.time()
        client.sendall(b"request")
        after = time.time()
        a_while()
        if ended:
            client.close()
            a_while()
        came = await receive(server)
    assert came.data == b"request"
    assert came.at - came.unsure <= after
    assert before <= came.at < after + WHILE


async def test_what_ends_at_once_has_the_time_of_its_end() -> None:
    client, server = await pair()
    with client, server:
        before = time.time()
        client.sendall(b"request")
        client.close()
        ended = time.time()
        came = await receive(server)
    assert came == Came(b"request", came.at, came.unsure)
    assert came.at - came.unsure <= ended
    assert came.unsure == 0.0 or ended - before > TICK, "it did not end at once: a busy machine"
