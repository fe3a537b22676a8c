"""One POST over a kept connection, for `gateway.http` alone.

What httpx and httpcore lay between a request and its socket cost more CPU than all the rest of a
delivery; reads, which are few, keep them (`gateway.wire`).  A plain answer is taken apart by
`gateway.plain`, any other by h11.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

import h11
import httpx
import msgspec
import trio

from gateway import plain
from gateway.sockets import Connected
from gateway.wire import (
    KEEPALIVE,
    Body,
    Deadlines,
    Failed,
    Reason,
    Response,
    joined,
    why_no_connection,
)

CHUNK = 65536  # bytes of one read
HEAD_BYTES = 100 * 1024  # of an answer

Step = Literal["connect", "write", "read"]
TOO_SLOW: dict[Step, Reason] = {
    "connect": "connect_timeout",
    "write": "write_timeout",
    "read": "read_timeout",
}


class Address(msgspec.Struct, frozen=True):
    """Where to.  A connection can be used again for the same `origin`; `at` is the address to
    connect to, "" to look the host up."""

    url: httpx.URL
    origin: str
    host: str
    port: int
    tls: bool
    at: str = ""


class Post(msgspec.Struct, frozen=True):
    """What is sent, and how many bytes the answer may have.  `raw`: the head as it is written."""

    address: Address
    head: h11.Request
    raw: bytes
    content: bytes
    max_bytes: int


NOTHING = 0.001
"""Seconds by which a step may take less or more than is said."""


class Watch:
    """One exchange's time: a single scope whose deadline moves from step to step.

    `tell` is called when the first byte is about to leave.  `left`: one may have left.
    """

    __slots__ = ("_limits", "_scope", "_step", "_tell", "_until", "left")

    def __init__(self, limits: Deadlines, tell: Callable[[], None]) -> None:
        self._limits = limits
        self._tell = tell
        self._step: Step | None = None
        now = trio.current_time()
        self._until = now + limits.total
        # Most posts find an open connection, and wait for nothing but the answer.
        self._scope = trio.CancelScope(deadline=min(now + limits.read, self._until))
        self.left = False

    def __enter__(self) -> Self:
        self._scope.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self._scope.__exit__(kind, error, trace)

    def step(self, step: Step) -> None:
        """This is waited for now, with a time of its own."""
        self._step = step
        seconds: float = getattr(self._limits, step)
        until = min(trio.current_time() + seconds, self._until)
        if abs(until - self._scope.deadline) > NOTHING:  # each change sorts trio's deadlines anew
            self._scope.deadline = until

    async def first_byte(self) -> None:
        """It leaves now, unless this was cancelled already."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self.left = True
        self._tell()

    def too_slow(self) -> Reason:
        """What ran out, if the scope ended the exchange."""
        if self._step is None or self._scope.deadline >= self._until:
            return "deadline"
        return TOO_SLOW[self._step]


class Line:
    """One connection."""

    def __init__(self, stream: trio.abc.Stream, socket: Connected) -> None:
        """`stream` is `socket`, or TLS over it."""
        self._stream = stream
        self._socket = socket
        self._again = False
        self._used = 0.0

    async def exchange(self, post: Post, watch: Watch) -> Response:
        """Send once and read the answer.  Raises one of FAILURES."""
        self._again = False
        raw = post.raw + post.content
        await watch.first_byte()
        before = self._socket.took
        whole = True
        try:
            took = self._socket.offer(raw) if self._stream is self._socket else 0
            if took < len(raw):
                watch.step("write")
                await self._stream.send_all(raw[took:])
        except trio.BrokenResourceError:
            if self._socket.took == before:
                watch.left = False  # the connection was dead, and nothing of the request left
                raise
            whole = False  # who hangs up early may have said why
        came = await self._more(watch)
        found = plain.answer(came) if whole else None
        if found is not None and found.length > post.max_bytes:
            raise Failed("too_large")
        while found is not None and len(came) < found.begin + found.length:
            more = await self._more(watch)
            came += more
            found = found if more else None
        if found is None:
            return await self._by_h11(post, watch, came, whole=whole)
        headers = joined(found.fields)
        body = Body(headers, post.max_bytes)
        body.take(came[found.begin : found.begin + found.length])
        self._again = len(came) == found.begin + found.length
        return Response(found.status, headers, body.whole(), str(post.address.url))

    async def _by_h11(self, post: Post, watch: Watch, came: bytes, *, whole: bool) -> Response:
        """Read an answer that is not plain, or came in pieces."""
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
        for part in (post.head, h11.Data(data=post.content), h11.EndOfMessage()):
            http.send(part)
        if not whole:
            http.send_failed()
        http.receive_data(came)
        status, headers = 0, dict[str, str]()
        body: Body | None = None
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await self._more(watch))
            elif isinstance(event, h11.Response):
                status, headers = event.status_code, joined(event.headers)
                body = Body(headers, post.max_bytes)
            elif isinstance(event, h11.InformationalResponse):
                continue  # the answer is still to come
            elif body is None or not isinstance(event, h11.Data) or not body.take(event.data):
                break
        if body is None:
            raise Failed("protocol")
        done = http.our_state is http.their_state is h11.DONE
        self._again = done and not http.trailing_data[0]
        return Response(status, headers, body.whole(), str(post.address.url))

    async def _more(self, watch: Watch) -> bytes:
        watch.step("read")
        return bytes(await self._stream.receive_some(CHUNK))

    def rest(self) -> bool:
        """Get ready for another exchange.  False: it can have none."""
        self._used = trio.current_time()
        # What follows an answer would be taken for the next one.
        return self._again and not self._unread()

    def _unread(self) -> bool:
        """Whether TLS took more from the socket than was asked of it: `fresh` would not see it."""
        tls = self._stream
        return isinstance(tls, trio.SSLStream) and bool(tls.pending() or tls._incoming.pending)

    def fresh(self) -> bool:
        """Whether the other side can be believed to be still there."""
        # It closed, or said what nobody wants to hear?
        return trio.current_time() - self._used < KEEPALIVE and self._socket.silent()

    def close(self) -> None:
        """Close it at once; what was not said by now is not said."""
        self._socket.close()


class Lines:
    """So many connections at most, handed out in the order of asking."""

    def __init__(self, count: int, trust: ssl.SSLContext) -> None:
        self._trust = trust
        self._turn = trio.Semaphore(count, max_value=count)
        self._resting: list[tuple[str, Line]] = []  # the one used last at the end

    async def post(self, post: Post, watch: Watch) -> Response:
        """Send once and read the answer.  Raises one of FAILURES."""
        try:
            self._turn.acquire_nowait()
        except trio.WouldBlock:
            await self._turn.acquire()
        origin = post.address.origin
        line = self._rested(origin)
        kept = False
        try:
            if line is None:
                if len(self._resting) > self._turn.value:
                    self._resting.pop(0)[1].close()  # the coldest makes room
                line = await _opened(post.address, self._trust, watch)
            response = await line.exchange(post, watch)
            kept = line.rest()
        finally:
            if kept and line is not None:
                self._resting.append((origin, line))
            elif line is not None:
                line.close()
            self._turn.release()
        return response

    def _rested(self, origin: str) -> Line | None:
        """Take the open connection that was used last: the likeliest to be open still."""
        for index in range(len(self._resting) - 1, -1, -1):
            if self._resting[index][0] == origin:
                line = self._resting.pop(index)[1]
                if line.fresh():
                    return line
                line.close()
        return None

    def close(self) -> None:
        """Close what rests."""
        while self._resting:
            self._resting.pop()[1].close()


async def _opened(address: Address, trust: ssl.SSLContext, watch: Watch) -> Line:
    """Open a connection.  Raises Failed."""
    watch.step("connect")
    try:
        stream = await trio.open_tcp_stream(address.at or address.host, address.port)
    except OSError as error:
        raise Failed(why_no_connection(error)) from error
    socket = Connected(stream)
    if not address.tls:
        return Line(socket, socket)
    watch.step("connect")
    tls = trio.SSLStream(socket, trust, server_hostname=address.host, https_compatible=True)
    try:
        await tls.do_handshake()
    except trio.BrokenResourceError as error:
        socket.close()
        raise Failed(why_no_connection(error)) from error
    except BaseException:
        socket.close()
        raise
    return Line(tls, socket)
