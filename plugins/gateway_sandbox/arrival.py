"""When bytes came in, by the kernel's clock: a process that is busy looks later than they came."""

from __future__ import annotations

import socket
import struct
import sys
import time
from math import inf
from typing import NamedTuple

import trio

KERNEL_TELLS = sys.platform == "linux"

_SO_TIMESTAMPNS = 35  # Linux, socket(7): each read tells when its bytes came in
_TIME = struct.Struct("@ll")
_CLOSE_WAIT = 8  # tcp_states.h: the other side has ended
_LAST_DATA = struct.Struct("=B51xI")  # of tcp_info: the state, and tcpi_last_data_recv
_TICK = 0.010  # seconds, the longest that a kernel has


def stamp(sock: trio.socket.SocketType) -> None:
    """Ask the kernel to note when bytes come in; a listener's connections inherit that.

    It has to be asked before they come: while no socket of the machine wants to know it, Linux
    notes nothing, and of what waits unread the time is known to a tick only.
    """
    if KERNEL_TELLS:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


class Came(NamedTuple):
    """What came, and at which unix second; or so many seconds (`unsure`) before, at most."""

    data: bytes
    at: float
    unsure: float = 0.0


async def receive(sock: trio.socket.SocketType) -> Came:
    """Read.  Where the kernel does not tell when it came, it came now."""
    if not KERNEL_TELLS:
        return Came(await sock.recv(65536), time.time())
    data, told, _, _ = await sock.recvmsg(65536, 64)
    at = inf
    for level, kind, value in told:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIME.unpack_from(value)
            at = seconds + nanoseconds / 1e9
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA.size)
    now = time.time()
    state, milliseconds = _LAST_DATA.unpack(info)
    if at < inf and state != _CLOSE_WAIT:
        return Came(data, at)
    # It came before Linux had begun to note times, or the other side ended the connection while it
    # waited unread: then both have the time of that end (tcp_try_coalesce joins them).  How long
    # ago the last data came is always known, to the tick.
    latest = min(now, now - milliseconds / 1e3 + _TICK)
    return Came(data, at) if at <= latest else Came(data, latest, 2 * _TICK)
