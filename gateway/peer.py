"""One peer of a server: HTTP/1.1 on a connection, read whole and in bounds; for `gateway.web`.

h11 parses; what is refused here never reaches an app.
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import h11
import msgspec
import trio

IDLE = 75.0  # seconds between requests; longer than a proxy waits, so that the proxy closes
HEAD_SECONDS = 10.0  # for a request's head, from its first byte
LINGER = 2.0  # for a peer that is still sending what was refused
CHUNK = 65536

CLOSE = (b"connection", b"close")

Address = tuple[str, int] | None
"""A TCP address; a unix socket has none."""


class Limits(msgspec.Struct, frozen=True):
    """Bytes, seconds and numbers that one listener allows."""

    body_bytes: int = 1 << 20
    body_seconds: float = 10.0  # for the whole body
    header_bytes: int = 16 * 1024
    connections: int = 1000


class Request(msgspec.Struct, frozen=True):
    """A whole request."""

    head: h11.Request
    body: bytes


class Peer:
    """Requests of one peer, one after the other.  What it raises: the connection broke."""

    def __init__(
        self, stream: trio.SocketStream, limits: Limits, idle: set[trio.CancelScope]
    ) -> None:
        """While nothing of a request came, the wait for it stands in `idle`, to be cancelled."""
        self._stream = stream
        self._limits = limits
        self._idle = idle
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.header_bytes)
        self.server = _address(stream.socket.getsockname())
        self.client = _address(stream.socket.getpeername())

    async def request(self) -> Request | None:
        """The next request; None if there is none, or it was refused.

        Too large is refused with 413 or 431, too slow with 408, no HTTP/1 with 400 or 505, all
        of them without a body.
        """
        try:
            head = await self._head()
            if head is None:
                return None
            body = self._refusal(head) or await self._body()
        except h11.RemoteProtocolError as error:
            await self._refuse(error.error_status_hint)
            return None
        if isinstance(body, bytes):
            return Request(head, body)
        await self._refuse(body)
        return None

    async def _head(self) -> h11.Request | None:
        event: Any = None
        with trio.CancelScope(deadline=trio.current_time() + IDLE) as scope:
            if not self._http.trailing_data[0]:
                self._idle.add(scope)
            try:
                while (event := self._http.next_event()) is h11.NEED_DATA:
                    self._http.receive_data(await self._stream.receive_some(CHUNK))
                    if scope in self._idle:
                        self._idle.discard(scope)
                        scope.deadline = trio.current_time() + HEAD_SECONDS
            finally:
                self._idle.discard(scope)
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

    async def _body(self) -> bytes | int:
        """The body, or the status that refuses it."""
        most = self._limits.body_bytes
        parts = bytearray()
        with trio.move_on_after(self._limits.body_seconds):
            # Read on for a while when it is too large: a peer that is cut off in mid-sending
            # often never sees the answer.
            while len(parts) <= 2 * most:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    if self._http.they_are_waiting_for_100_continue:
                        await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                    self._http.receive_data(await self._stream.receive_some(CHUNK))
                elif isinstance(event, h11.Data):
                    parts += event.data
                else:
                    break
            return bytes(parts) if len(parts) <= most else 413
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
