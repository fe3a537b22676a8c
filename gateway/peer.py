"""One peer of a server: HTTP/1.1 on a connection, read whole and in bounds; for `gateway.web`.

h11 parses; what is refused here never reaches an app.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import h11
import msgspec
import trio

IDLE = 75.0  # seconds between requests; longer than a proxy waits, so that the proxy closes
HEAD_SECONDS = 10.0  # for a request's head, from its first byte
LINGER = 2.0  # for a peer that is still sending what was refused
CHUNK = 65536
SMALL = 65536  # bytes of a body that is always held: a STOP comes in less

CLOSE = (b"connection", b"close")

Address = tuple[str, int] | None
"""A TCP address; a unix socket has none."""


class Limits(msgspec.Struct, frozen=True):
    """Bytes, seconds and numbers that one listener allows."""

    body_bytes: int = 1 << 20
    body_seconds: float = 10.0  # for the whole body
    header_bytes: int = 16 * 1024
    connections: int = 1000
    held_bytes: int = 64 << 20  # of all bodies that are on their way and not small


class Request(msgspec.Struct, frozen=True):
    """A whole request."""

    head: h11.Request
    body: bytes


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

    @contextmanager
    def waiting(self) -> Iterator[trio.CancelScope]:
        """Wait for a request in this block, and be given up there."""
        with trio.CancelScope() as scope:
            self._held[scope] = 0
            try:
                yield scope
            finally:
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


class Peer:
    """Requests of one peer, one after the other.  What it raises: the connection broke."""

    def __init__(self, stream: trio.SocketStream, limits: Limits, crowd: Crowd) -> None:
        self._stream = stream
        self._limits = limits
        self._crowd = crowd
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.header_bytes)
        self.server = _address(stream.socket.getsockname())
        self.client = _address(stream.socket.getpeername())

    async def request(self) -> Request | None:
        """The next request; None if there is none, or it was refused, or given up for others.

        Too large is refused with 413 or 431, too slow with 408, no HTTP/1 with 400 or 505, all
        of them without a body.
        """
        with self._crowd.waiting() as scope:
            return await self._request(scope)
        return None

    async def _request(self, scope: trio.CancelScope) -> Request | None:
        try:
            head = await self._head()
            if head is None:
                return None
            body = self._refusal(head) or await self._body(scope)
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint)
            return None
        if isinstance(body, bytes):
            return Request(head, body)
        await self._refuse(body)
        return None

    async def _head(self) -> h11.Request | None:
        event: Any = None
        begun = bool(self._http.trailing_data[0])
        seconds = HEAD_SECONDS if begun else IDLE
        idle = self._crowd.idle
        with trio.CancelScope(deadline=trio.current_time() + seconds) as scope:
            if not begun:
                idle.add(scope)
            try:
                while (event := self._http.next_event()) is h11.NEED_DATA:
                    self._http.receive_data(await self._stream.receive_some(CHUNK))
                    if scope in idle:
                        idle.discard(scope)
                        scope.deadline = trio.current_time() + HEAD_SECONDS
            finally:
                idle.discard(scope)
        return event if isinstance(event, h11.Request) else None

    def _refusal(self, head: h11.Request) -> int | None:
        """The status that refuses a request for its head alone."""
        fields = dict(head.headers)
        size = sum(len(name) + len(value) for name, value in head.headers) + len(head.target)
        if head.http_version not in (b"1.0", b"1.1"):
            return 505
        if size > self._limits.header_bytes:
            return 431  # h11's own limit holds for what comes in more than one read
        if b"transfer-encoding" in fields and b"content-length" in fields:
            return 400  # two lengths: a proxy before us may have believed the other
        if int(fields.get(b"content-length", b"0")) > 2 * self._limits.body_bytes:
            return 413
        return None

    async def _body(self, scope: trio.CancelScope) -> bytes | int:
        """The body, or the status that refuses it."""
        most = self._limits.body_bytes
        came = 0
        parts = bytearray()
        with trio.move_on_after(self._limits.body_seconds):
            # Read on for a while when it is too large: a peer that is cut off in mid-sending
            # often never sees the answer.
            while came <= 2 * most:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    if self._http.they_are_waiting_for_100_continue:
                        await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                    self._http.receive_data(await self._stream.receive_some(CHUNK))
                elif isinstance(event, h11.Data):
                    came += len(event.data)
                    if came <= most:
                        parts += event.data
                    else:
                        parts.clear()
                    self._crowd.hold(scope, len(parts))
                else:
                    break
            return bytes(parts) if came <= most else 413
        return 408

    async def _refuse(self, status: int) -> None:
        """Answer, wait a little for what is still under way, and be done with it."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        with trio.move_on_after(LINGER):
            await self.send(*empty(status, CLOSE))
            await self._stream.send_eof()
            left = 2 * self._limits.body_bytes
            while left > 0 and (data := await self._stream.receive_some(CHUNK)):
                left -= len(data)

    async def send(self, *events: h11.Event) -> None:
        """Send events in one piece."""
        await self._stream.send_all(b"".join(self._http.send(event) or b"" for event in events))

    async def hung_up(self) -> None:
        """Wait until the peer goes away; what it sends meanwhile is its next request."""
        while data := await self._stream.receive_some(CHUNK):
            self._http.receive_data(data)
            if len(self._http.trailing_data[0]) > self._limits.header_bytes:
                await trio.sleep_forever()

    def again(self) -> bool:
        """Get ready for the next request.  False: this was the last."""
        if not (self._http.our_state is self._http.their_state is h11.DONE):
            return False
        self._http.start_next_cycle()
        return True


def empty(status: int, *fields: tuple[bytes, bytes]) -> tuple[h11.Event, ...]:
    """Return an answer without a body."""
    headers = [*dated(), (b"content-length", b"0"), *fields]
    return h11.Response(status_code=status, headers=headers), h11.EndOfMessage()


def dated() -> list[tuple[bytes, bytes]]:
    """Return the field that every answer of a server with a clock has (RFC 9110, 6.6.1)."""
    return [(b"date", formatdate(usegmt=True).encode())]


def _address(name: Any) -> Address:
    return (name[0], name[1]) if isinstance(name, tuple) else None
