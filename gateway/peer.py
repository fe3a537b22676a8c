"""One peer of a server: HTTP/1.1 on a connection, read whole and in bounds; for `gateway.web`.

What is plain is taken apart by `gateway.plain`; for any other request h11 speaks, and for any
answer that comes in parts.  What is refused here never reaches an app.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from typing import Any

import h11
import msgspec
import trio

from gateway import plain
from gateway.crowd import Crowd, Limits
from gateway.plain import Field, Head
from gateway.sockets import Connected

IDLE = 75.0  # seconds between requests; longer than a proxy waits, so that the proxy closes
HEAD_SECONDS = 10.0  # for a request's head, from its first byte
LINGER = 2.0  # for a peer that is still sending what was refused

CLOSE = (b"connection", b"close")

Address = tuple[str, int] | None
"""A TCP address; a unix socket has none."""


class Request(msgspec.Struct, frozen=True):
    """A whole request."""

    head: Head
    body: bytes


class Peer:
    """Requests of one peer, one after the other.  What it raises: the connection broke.

    Its requests are waited for in `scope`, one for the whole connection: it is cancelled, and the
    connection with it, when the peer takes too long or is given up for others.
    """

    def __init__(
        self, stream: Connected, limits: Limits, crowd: Crowd, scope: trio.CancelScope
    ) -> None:
        self._stream = stream
        self._limits = limits
        self._crowd = crowd
        self._scope = scope
        self._came = b""  # and was not taken yet
        self._spoken = b""  # the request that is being answered, as it came
        self._http: h11.Connection | None = None  # of this request, unless it is plain
        self._answered = False  # plainly
        self.server, self.client = map(_address, self._stream.names())

    # --- a request ------------------------------------------------------------------------------
    async def request(self) -> Request | None:
        """The next request; None if there is none, or it was refused.

        Too large is refused with 413 or 431, too slow with 408, no HTTP/1 with 400 or 505, all
        of them without a body.
        """
        scope, crowd = self._scope, self._crowd
        crowd.enter(scope)
        try:
            found = await self._request()
        finally:
            crowd.leave(scope)
        if scope.cancel_called:
            return None  # given up in the very moment in which it was whole
        scope.deadline = float("inf")
        return found

    async def _request(self) -> Request | None:
        if not await self._begun():
            return None
        found = plain.request(self._came)
        if (
            found is None
            or found.begin > self._limits.header_bytes
            or found.length > self._limits.body_bytes
        ):
            return await self._odd()
        end = found.begin + found.length
        if len(self._came) < end and not await self._rest(end):
            return None
        self._spoken, self._came = self._came[:end], self._came[end:]
        return Request(found.head, self._spoken[found.begin :])

    async def _begun(self) -> bool:
        """Wait for a request's first bytes.  False: there is none."""
        if self._came:
            await trio.lowlevel.checkpoint()  # who sends one after the other keeps nobody waiting
            self._scope.deadline = trio.current_time() + HEAD_SECONDS
            return True
        scope, idle = self._scope, self._crowd.idle
        scope.deadline = trio.current_time() + IDLE
        idle.add(scope)
        try:
            self._came = await self._stream.receive_some()
        finally:
            idle.discard(scope)
        return bool(self._came)

    async def _rest(self, end: int) -> bool:
        """Read on until so many bytes are there.  False: they did not come, or not in time."""
        self._scope.deadline = float("inf")
        came = bytearray(self._came)
        with trio.move_on_after(self._limits.body_seconds):
            while len(came) < end:
                data = await self._stream.receive_some()
                if not data:
                    break
                came += data
                self._crowd.hold(self._scope, len(came))
            self._came = bytes(came)
            if len(came) >= end:
                return True
            await self._refuse(self._by_h11(), 400)
            return False
        await self._refuse(self._by_h11(), 408)
        return False

    # --- a request that is not plain ------------------------------------------------------------
    async def _odd(self) -> Request | None:
        http = self._http = _server(self._limits)
        http.receive_data(self._came)
        self._came = b""
        try:
            head = await self._head(http)
            if head is None:
                return None
            self._scope.deadline = float("inf")
            body = self._refusal(head) or await self._body(http)
        except h11.RemoteProtocolError as error:
            await self._refuse(http, error.error_status_hint)
            return None
        if isinstance(body, bytes):
            return Request(head, body)
        await self._refuse(http, body)
        return None

    async def _head(self, http: h11.Connection) -> Head | None:
        self._scope.deadline = trio.current_time() + HEAD_SECONDS
        event: Any
        while (event := http.next_event()) is h11.NEED_DATA:
            http.receive_data(await self._stream.receive_some())
        return plain.head_of(event) if isinstance(event, h11.Request) else None

    def _refusal(self, head: Head) -> int | None:
        """The status that refuses a request for its head alone."""
        fields = dict(head.fields)
        size = sum(len(name) + len(value) for name, value in head.fields) + len(head.target)
        if head.version not in (b"1.0", b"1.1"):
            return 505
        if size > self._limits.header_bytes:
            return 431  # h11's own limit holds for what comes in more than one read
        if b"transfer-encoding" in fields and b"content-length" in fields:
            return 400  # two lengths: a proxy before us may have believed the other
        if int(fields.get(b"content-length", b"0")) > 2 * self._limits.body_bytes:
            return 413
        return None

    async def _body(self, http: h11.Connection) -> bytes | int:
        """The body, or the status that refuses it."""
        most = self._limits.body_bytes
        came = 0
        parts = bytearray()
        with trio.move_on_after(self._limits.body_seconds):
            # Read on for a while when it is too large: a peer that is cut off in mid-sending
            # often never sees the answer.
            while came <= 2 * most:
                event = http.next_event()
                if event is h11.NEED_DATA:
                    if http.they_are_waiting_for_100_continue:
                        await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                    http.receive_data(await self._stream.receive_some())
                elif isinstance(event, h11.Data):
                    came += len(event.data)
                    if came <= most:
                        parts += event.data
                    else:
                        parts.clear()
                    self._crowd.hold(self._scope, len(parts))
                else:
                    break
            return bytes(parts) if came <= most else 413
        return 408

    async def _refuse(self, http: h11.Connection, status: int) -> None:
        """Answer, wait a little for what is still under way, and be done with it."""
        self._scope.deadline = float("inf")
        if http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        with trio.move_on_after(LINGER):
            await self.send(*empty(status, CLOSE))
            self._stream.send_eof()
            left = 2 * self._limits.body_bytes
            while left > 0 and (data := await self._stream.receive_some()):
                left -= len(data)

    # --- its answer -----------------------------------------------------------------------------
    def plainly(self, status: int, fields: list[Field], body: bytes) -> bytes | None:
        """Return the bytes of a whole answer; None if `send` is needed, for the request or the
        answer is not plain.  Raises h11.LocalProtocolError for what cannot be said."""
        if self._http is not None or (b"content-length", str(len(body)).encode()) not in fields:
            return None
        head = _written(status, tuple(fields))
        return b"%sDate: %s\r\n\r\n%s" % (head, _date(int(time.time())), body)

    async def say(self, whole: bytes) -> None:
        """Send a whole answer."""
        self._answered = True
        await self._stream.send_all(whole)

    async def send(self, *events: h11.Event) -> None:
        """Send events in one piece."""
        http = self._http or self._by_h11()
        await self._stream.send_all(b"".join(http.send(event) or b"" for event in events))

    def _by_h11(self) -> h11.Connection:
        """Tell h11 of the request that was plain, so that it can answer."""
        http = self._http = _server(self._limits)
        http.receive_data(self._spoken or self._came)
        while isinstance(http.next_event(), h11.Request | h11.Data):
            pass
        return http

    async def hung_up(self) -> None:
        """Wait until the peer goes away; what it sends meanwhile is its next request."""
        while data := await self._stream.receive_some():
            self._came += data
            if len(self._came) > self._limits.header_bytes:
                await trio.sleep_forever()

    def again(self) -> bool:
        """Get ready for the next request.  False: this was the last."""
        http, self._http, self._spoken = self._http, None, b""
        if http is None:
            answered, self._answered = self._answered, False
            return answered
        if not (http.our_state is http.their_state is h11.DONE):
            return False
        self._came = http.trailing_data[0] + self._came
        return True


def empty(status: int, *fields: Field) -> tuple[h11.Event, ...]:
    """Return an answer without a body."""
    headers = [dated(), (b"content-length", b"0"), *fields]
    return h11.Response(status_code=status, headers=headers), h11.EndOfMessage()


def dated() -> Field:
    """Return the field that every answer of a server with a clock has (RFC 9110, 6.6.1)."""
    return b"date", _date(int(time.time()))


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


@lru_cache(maxsize=256)
def _written(status: int, fields: tuple[Field, ...]) -> bytes:
    """The head of an answer as h11 writes it, up to where its date follows.

    Raises h11.LocalProtocolError if it cannot be said.
    """
    http = h11.Connection(h11.SERVER)
    http.receive_data(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    while isinstance(http.next_event(), h11.Request):
        pass
    return (http.send(h11.Response(status_code=status, headers=list(fields))) or b"")[:-2]


def _server(limits: Limits) -> h11.Connection:
    return h11.Connection(h11.SERVER, max_incomplete_event_size=limits.header_bytes)


def _address(name: Any) -> Address:
    return (name[0], name[1]) if isinstance(name, tuple) else None
