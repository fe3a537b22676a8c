"""One client's HTTP/1.1 connection: knows when each byte came, can be cut at any, can stream."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import h11
import trio

from gateway_sandbox.arrival import KERNEL_TELLS, receive

MAX_BODY = 5_000_000
DRAINED = 110_000_000
"""Bytes that a refused client may send before it reads; Meta takes files of up to 100 MB."""
MAX_HEADERS = 16_384
IDLE = 75.0
"""Seconds a connection may be silent between requests."""
READING = 30.0
"""Seconds a request may take to arrive."""

_NO_WAIT = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Request:
    """One complete request.

    `path` is as sent, percent-encoding included, without the query.  `first_byte` and
    `arrival` are unix seconds at which the first and the last byte came in, by the kernel's clock
    (or were read, on a clock that is not the system's); the first may have come so many seconds
    before, at most, as `unsure` says.  `nth` counts the requests of this connection from 0.
    """

    method: str
    path: str
    query: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    first_byte: float
    arrival: float
    nth: int
    unsure: float = 0.0

    def header(self, name: bytes) -> str | None:
        """The first header of this (lower-case) name."""
        return next((v.decode("latin-1") for n, v in self.headers if n == name), None)


@dataclass(slots=True)
class Response:
    """An answer.  With `cut`, only so many of its bytes leave, never the last, then the connection is
    reset; with `close`, it is closed after all of them, unannounced."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=UTF-8"
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None
    close: bool = False


@dataclass(slots=True)
class Hangup:
    """No answer: the connection ends, by a reset or an orderly close."""

    reset: bool = True


Send = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class Stream:
    """An answer without a length: what `run` sends leaves at once; the connection ends with it.

    `run` is cancelled when the client leaves, or takes longer than `patience` seconds for one
    part: a client that stands still must not be waited for.
    """

    run: Callable[[Send], Awaitable[None]]
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()
    patience: float = 10.0


Answer = Response | Hangup | Stream
Handler = Callable[[Request], Awaitable[Answer]]
BodyLimit = Callable[[str], int]
"""Bytes that the body of a request to this path may have."""


def reset(stream: trio.SocketStream) -> None:
    """Close so that the other side sees a reset, whatever is still under way."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_WAIT)
    stream.socket.close()


def usual_limit(path: str) -> int:
    """Bytes that a body may have, whatever its path."""
    return MAX_BODY


def _check_head(head: h11.Request, limit: int) -> None:
    """Refuse a head or an announced body beyond the limits."""
    size = len(head.target)
    for name, value in head.headers:
        size += len(name) + len(value)
        if name == b"content-length" and int(value) > limit:
            raise h11.RemoteProtocolError("body too long", error_status_hint=413)
    if size > MAX_HEADERS:
        raise h11.RemoteProtocolError("headers too long", error_status_hint=431)


class Connection:
    """One client's connection, from accept to close."""

    def __init__(
        self,
        stream: trio.SocketStream,
        handler: Handler,
        now: Callable[[], float],
        body_limit: BodyLimit = usual_limit,
        ahead: Callable[[], float] | None = None,
    ) -> None:
        """`ahead`: seconds by which `now` is ahead of the system's clock, and the listener was told
        to `stamp`; None: another clock."""
        self._stream = stream
        self._ahead = ahead if KERNEL_TELLS else None
        self._body_limit = body_limit
        self._handler = handler
        self._now = now
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADERS)
        self._read_at = self._unsure = 0.0
        self._scope = trio.CancelScope()

    async def run(self) -> None:
        """Serve requests until either side has enough."""
        try:
            with self._scope:
                await self._serve()
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            pass
        finally:
            self._stream.socket.close()

    async def _serve(self) -> None:
        nth = 0
        while True:
            try:
                request = await self._read(nth)
            except h11.RemoteProtocolError as error:
                await self._refuse(error.error_status_hint)
                return
            if request is None:
                return
            self._scope.deadline = float("inf")
            answer = await self._handler(request)
            if isinstance(answer, Hangup):
                if answer.reset:
                    reset(self._stream)
                return
            if isinstance(answer, Stream):
                await self._stream_out(answer)
                return
            await self._answer(answer, request.method)
            if answer.cut is not None or answer.close or self._http.our_state is not h11.DONE:
                return
            if self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()
            nth += 1

    async def _read(self, nth: int) -> Request | None:
        """The next request, or None at the end of the connection."""
        http = self._http
        first = (self._read_at, self._unsure) if http.trailing_data[0] else None
        self._scope.deadline = trio.current_time() + (IDLE if first is None else READING)
        head: h11.Request | None = None
        chunks: list[bytes] = []
        size = limit = 0
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                if http.they_are_waiting_for_100_continue:
                    await self._send(h11.InformationalResponse(status_code=100, headers=[]))
                data = await self._receive()
                if first is None:
                    first = self._read_at, self._unsure
                    self._scope.deadline = trio.current_time() + READING
                http.receive_data(data)
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size > limit:
                    raise h11.RemoteProtocolError("body too long", error_status_hint=413)
                chunks.append(bytes(event.data))
            elif isinstance(event, h11.Request):
                head = event
                limit = self._body_limit(event.target.partition(b"?")[0].decode("latin-1"))
                _check_head(event, limit)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                path, _, query = head.target.decode("latin-1").partition("?")
                began, unsure = first or (self._read_at, self._unsure)
                return Request(
                    method=head.method.decode("latin-1"),
                    path=path,
                    query=query,
                    headers=list(head.headers),
                    body=chunks[0] if len(chunks) == 1 else b"".join(chunks),
                    first_byte=began,
                    arrival=self._read_at,
                    nth=nth,
                    unsure=unsure,
                )
            else:  # the end of the connection, or a switch of protocols nobody asked for
                return None

    async def _receive(self) -> bytes:
        """What came, with `_read_at` and `_unsure`."""
        if self._ahead is None:
            data = bytes(await self._stream.receive_some(65536))
            self._read_at = self._now()
            return data
        came = await receive(self._stream.socket)
        self._read_at, self._unsure = came.at + self._ahead(), came.unsure
        return came.data

    async def _answer(self, answer: Response, method: str) -> None:
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            *answer.headers,
        ]
        raw = self._encode(h11.Response(status_code=answer.status, headers=headers))
        if method != "HEAD":
            raw += self._encode(h11.Data(data=answer.body))
        raw += self._encode(h11.EndOfMessage())
        if answer.cut is None:
            await self._stream.send_all(raw)
            return
        if answer.cut:
            await self._stream.send_all(raw[: min(answer.cut, len(raw) - 1)])
            await trio.sleep(0.01)  # a reset throws away what the kernel did not send yet
        reset(self._stream)

    async def _stream_out(self, answer: Stream) -> None:
        async def send(part: bytes) -> None:
            with trio.fail_after(answer.patience):
                await self._send(h11.Data(data=part))

        headers = [("Content-Type", answer.content_type), ("Connection", "close"), *answer.headers]
        await self._send(h11.Response(status_code=200, headers=headers))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._until_left, nursery.cancel_scope)
            with suppress(trio.TooSlowError, trio.BrokenResourceError):
                await answer.run(send)
                await self._send(h11.EndOfMessage())
            nursery.cancel_scope.cancel()

    async def _until_left(self, scope: trio.CancelScope) -> None:
        """End the scope when the client closes its side; what else it says is not heard."""
        with suppress(trio.BrokenResourceError):
            while await self._stream.receive_some(65536):
                pass
        scope.cancel()

    async def _refuse(self, status: int) -> None:
        """Answer what is not HTTP, and wait a little so that the client can read it."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        what = "The body is too long" if status == 413 else "Invalid request"
        body = (
            b'{"error":{"message":"(#100) %s","type":"OAuthException","code":100}}' % what.encode()
        )
        headers = [
            ("Content-Type", "application/json; charset=UTF-8"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        self._scope.deadline = trio.current_time() + 5.0
        await self._send(h11.Response(status_code=status, headers=headers), h11.Data(data=body))
        await self._stream.send_eof()
        left = DRAINED
        while left > 0 and (data := await self._stream.receive_some(65536)):
            left -= len(data)

    async def _send(self, *events: h11.Event) -> None:
        await self._stream.send_all(b"".join(self._encode(event) for event in events))

    def _encode(self, event: h11.Event) -> bytes:
        return self._http.send(event) or b""
