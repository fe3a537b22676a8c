"""A small HTTP/1.1 server that knows when each byte came and can cut a connection anywhere."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import h11
import trio

MAX_BODY = 5_000_000
MAX_HEADERS = 16_384
IDLE = 75.0
"""Seconds a connection may be silent between requests."""
READING = 30.0
"""Seconds a request may take to arrive."""

_NO_CAPACITY = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_NO_WAIT = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Request:
    """One complete request.

    `path` is as sent, percent-encoding included, without the query.  `first_byte` and
    `arrival` are unix seconds, taken right after the read that brought the first and the last
    byte.  `nth` counts the requests of this connection from 0.
    """

    method: str
    path: str
    query: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    first_byte: float
    arrival: float
    nth: int

    def header(self, name: bytes) -> str | None:
        """The first header of this (lower-case) name."""
        return next((v.decode("latin-1") for n, v in self.headers if n == name), None)


@dataclass(slots=True)
class Response:
    """An answer.  With `cut`, only so many of its bytes leave, then the connection is reset."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=UTF-8"
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None


@dataclass(slots=True)
class Hangup:
    """No answer: the connection ends, by a reset or an orderly close."""

    reset: bool = True


Handler = Callable[[Request], Awaitable[Response | Hangup]]


def reset(stream: trio.SocketStream) -> None:
    """Close so that the other side sees a reset, whatever is still under way."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_WAIT)
    stream.socket.close()


def _check_head(head: h11.Request) -> None:
    """Refuse a head or an announced body beyond the limits."""
    size = len(head.target)
    for name, value in head.headers:
        size += len(name) + len(value)
        if name == b"content-length" and int(value) > MAX_BODY:
            raise h11.RemoteProtocolError("body too long", error_status_hint=413)
    if size > MAX_HEADERS:
        raise h11.RemoteProtocolError("headers too long", error_status_hint=431)


class Connection:
    """One client's connection, from accept to close."""

    def __init__(
        self, stream: trio.SocketStream, handler: Handler, now: Callable[[], float]
    ) -> None:
        self._stream = stream
        self._handler = handler
        self._now = now
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADERS)
        self._read_at = 0.0
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
            await self._answer(answer, request.method)
            if answer.cut is not None or self._http.our_state is not h11.DONE:
                return
            if self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()
            nth += 1

    async def _read(self, nth: int) -> Request | None:
        """The next request, or None at the end of the connection."""
        http = self._http
        first = self._read_at if http.trailing_data[0] else None
        self._scope.deadline = trio.current_time() + (IDLE if first is None else READING)
        head: h11.Request | None = None
        chunks: list[bytes] = []
        size = 0
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                if http.they_are_waiting_for_100_continue:
                    await self._send(h11.InformationalResponse(status_code=100, headers=[]))
                data = await self._stream.receive_some(65536)
                self._read_at = self._now()
                if first is None:
                    first = self._read_at
                    self._scope.deadline = trio.current_time() + READING
                http.receive_data(data)
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size > MAX_BODY:
                    raise h11.RemoteProtocolError("body too long", error_status_hint=413)
                chunks.append(bytes(event.data))
            elif isinstance(event, h11.Request):
                head = event
                _check_head(event)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                path, _, query = head.target.decode("latin-1").partition("?")
                return Request(
                    method=head.method.decode("latin-1"),
                    path=path,
                    query=query,
                    headers=list(head.headers),
                    body=chunks[0] if len(chunks) == 1 else b"".join(chunks),
                    first_byte=first if first is not None else self._read_at,
                    arrival=self._read_at,
                    nth=nth,
                )
            else:  # the end of the connection, or a switch of protocols nobody asked for
                return None

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
            await self._stream.send_all(raw[: answer.cut])
            await trio.sleep(0.01)  # a reset throws away what the kernel did not send yet
        reset(self._stream)

    async def _refuse(self, status: int) -> None:
        """Answer what is not HTTP, and wait a little so that the client can read it."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        body = b'{"error":{"message":"(#100) Invalid request","type":"OAuthException","code":100}}'
        headers = [
            ("Content-Type", "application/json; charset=UTF-8"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        self._scope.deadline = trio.current_time() + 2.0
        await self._send(h11.Response(status_code=status, headers=headers), h11.Data(data=body))
        await self._stream.send_eof()
        left = 2 * MAX_BODY
        while left > 0 and (data := await self._stream.receive_some(65536)):
            left -= len(data)

    async def _send(self, *events: h11.Event) -> None:
        await self._stream.send_all(b"".join(self._encode(event) for event in events))

    def _encode(self, event: h11.Event) -> bytes:
        return self._http.send(event) or b""


class Server:
    """Serves connections on listeners, so many at once; more are closed at once."""

    def __init__(
        self, handler: Handler, now: Callable[[], float], max_connections: int = 1000
    ) -> None:
        self._handler = handler
        self._now = now
        self._limit = max_connections
        self.open = 0
        self._accepting: dict[trio.SocketListener, trio.CancelScope] = {}
        self._released = trio.Event()

    async def serve(
        self,
        listeners: list[trio.SocketListener],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                self._accepting[listener] = trio.CancelScope()
                nursery.start_soon(self._accept, listener, nursery)
            task_status.started()

    @asynccontextmanager
    async def connects_held(self) -> AsyncIterator[None]:
        """Inside the block, whoever opens a connection waits in `connect`, as for a far host.

        The queue of each listener is made as short as the system allows, filled, and not
        emptied.  After the block clients get through when they repeat their SYN (about 1 s).
        """
        self._released = trio.Event()
        fillers: list[trio.SocketStream] = []
        for listener, accepting in self._accepting.items():
            accepting.cancel()
            listener.socket.listen(0)
            with trio.move_on_after(0.05):
                while True:
                    fillers.append(trio.SocketStream(trio.socket.socket(listener.socket.family)))
                    await fillers[-1].socket.connect(listener.socket.getsockname())
        try:
            yield
        finally:
            for filler in fillers:
                filler.socket.close()
            for listener in self._accepting:
                listener.socket.listen(1024)
            self._released.set()

    async def _accept(self, listener: trio.SocketListener, nursery: trio.Nursery) -> None:
        async with listener:
            while True:
                with self._accepting[listener]:
                    await self._accept_until_held(listener, nursery)
                await self._released.wait()
                self._accepting[listener] = trio.CancelScope()

    async def _accept_until_held(
        self, listener: trio.SocketListener, nursery: trio.Nursery
    ) -> None:
        while True:
            try:
                nursery.start_soon(self._connection, await listener.accept())
            except OSError as error:
                if error.errno not in _NO_CAPACITY:
                    raise
                await trio.sleep(0.1)

    async def _connection(self, stream: trio.SocketStream) -> None:
        if self.open >= self._limit:
            stream.socket.close()
            return
        self.open += 1
        try:
            await Connection(stream, self._handler, self._now).run()
        finally:
            self.open -= 1
