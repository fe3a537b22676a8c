"""Bounds of one listener, and who is given up when it gets crowded; for `gateway.peer`."""

from __future__ import annotations

import msgspec
import trio

SMALL = 65536  # bytes of a body that is always held: a STOP comes in less


class Limits(msgspec.Struct, frozen=True):
    """Bytes, seconds and numbers that one listener allows."""

    body_bytes: int = 1 << 20
    body_seconds: float = 10.0  # for the whole body
    header_bytes: int = 16 * 1024
    connections: int = 1000
    held_bytes: int = 64 << 20  # of all bodies that are on their way and not small


class Crowd:
    """The connections of a listener that have no whole request yet.

    When there are too many, or they hold too much, the one that has waited longest is given up:
    who hangs on cannot keep others out, and an honest request is whole in a moment.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = limits.held_bytes
        self._held: dict[trio.CancelScope, int] = {}  # bytes; the longest waiting first
        self.idle: set[trio.CancelScope] = set()
        """The waits for a request of which nothing came."""

    def enter(self, scope: trio.CancelScope) -> None:
        """Whoever runs in `scope` waits for a request from now on, and may be given up."""
        self._held[scope] = 0

    def leave(self, scope: trio.CancelScope) -> None:
        """It waits no more."""
        self._held.pop(scope, None)

    def hold(self, scope: trio.CancelScope, size: int) -> None:
        """Who waits in `scope` holds so many bytes by now."""
        if size > SMALL and scope in self._held:
            self._held[scope] = size
            while sum(self._held.values()) > self._most:
                self.give_up(SMALL)

    def give_up(self, above: int = -1) -> bool:
        """Cancel the longest wait that holds more than `above` bytes.  False: there is none."""
        longest = next((scope for scope, size in self._held.items() if size > above), None)
        if longest is not None:
            del self._held[longest]
            longest.cancel()
        return longest is not None
