"""When bytes came in, by the kernel's clock: a process that is busy looks later than they came."""

from __future__ import annotations

import socket
import struct
import sys
import time

import trio

KERNEL_TELLS = sys.platform == "linux"

_SO_TIMESTAMPNS = 35  # Linux, socket(7): each read tells when its bytes came in
_TIME = struct.Struct("@ll")


def stamp(sock: trio.socket.SocketType) -> None:
    """Ask the kernel to note when bytes come in; a listener's connections inherit that.

    It has to be asked before they come: while no socket of the machine wants to know it, Linux
    notes nothing, and what waits unread has no time.
    """
    if KERNEL_TELLS:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


async def receive(sock: trio.socket.SocketType) -> tuple[bytes, float]:
    """What came, and at which unix second; if the kernel does not tell, now."""
    if not KERNEL_TELLS:
        return await sock.recv(65536), time.time()
    data, told, _, _ = await sock.recvmsg(65536, 64)
    for level, kind, value in told:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIME.unpack_from(value)
            return data, seconds + nanoseconds / 1e9
    return data, time.time()
