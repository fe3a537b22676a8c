"""One read over a kept connection of httpx: a Response, or a named failure.

Used by `gateway.http`, and by `gateway.posting` for what both have in common.
"""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import h11
import httpx
import msgspec
import trio

# bad_request: URL or header cannot be sent; protocol: closed in mid-answer, or not HTTP; encoding:
# compressed unasked, or damaged; redirects: more than allowed; deadline: the total one.
Reason = Literal[
    "bad_request", "private_address", "dns", "connect", "connect_timeout", "tls", "reset",
    "read_timeout", "write_timeout", "protocol", "encoding", "too_large", "redirects", "deadline",
]  # fmt: skip

# Below the idle time-out of every common server: a connection that the server closes just as we
# use it makes an Unknown, and an Unknown costs a person's time, a handshake only milliseconds.
KEEPALIVE = 4.0
ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE)
INFLATE_STEP = 1 << 16  # bytes decompressed at a time: what a bomb may cost beyond the cap
GZIP = frozenset({"gzip", "x-gzip"})


class Deadlines(msgspec.Struct, frozen=True):
    """Seconds.  `connect`, `write`, `read` limit one step each, `total` the whole exchange."""

    connect: float = 5.0
    write: float = 10.0
    read: float = 30.0
    total: float = 40.0


class Response(msgspec.Struct, frozen=True):
    """A complete answer.  Names in `headers` are lower case, repeated ones joined by ", ".

    `url` is the address that answered; `moved` the address reached by permanent redirects
    alone, or None.  The representation shows none of it (it may hold secrets).
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    moved: str | None = None

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"


class Failed(Exception):
    """An exchange that failed for a reason that no library names."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


# What an exchange raises that says something about the network or the other side; anything else
# is a bug here.  UnicodeError: from the resolver's codec, for labels that are too long.
FAILURES = (
    *(httpx.TransportError, httpx.InvalidURL, h11.ProtocolError),
    *(trio.BrokenResourceError, trio.ClosedResourceError),
    *(Failed, OSError, UnicodeError),
)


class _Opened:
    """Hears from httpcore which connection it made for an exchange."""

    def __init__(self) -> None:
        self.stream: Any = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self.stream = info["return_value"]


class _Slot:
    """One connection at most, and the origin that it was last used for."""

    __slots__ = ("_trust", "origin", "transport")

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust
        self.origin = ""
        self.renew()

    def renew(self) -> None:
        self.transport = httpx.AsyncHTTPTransport(
            verify=self._trust, trust_env=False, http2=False, retries=0, limits=ONE
        )

    def leftover(self) -> bool:
        """Whether more than an answer came: httpcore would take it for the next one's answer."""
        for connection in getattr(self.transport._pool, "_connections", ()):
            state = getattr(getattr(connection, "_connection", None), "_h11_state", None)
            if state is not None and state.trailing_data[0]:
                return True
        return False

    async def discard(self, opened: _Opened) -> None:
        """After a failure: httpcore loses track of connections that are cancelled while new.

        It then neither closes nor uses them, and would never let another one in.
        """
        with trio.CancelScope(shield=True):
            await self.transport.aclose()
            if opened.stream is not None:
                await opened.stream.aclose()
        self.renew()


class Connections:
    """A fixed number of connections, handed out in the order of asking.

    httpx's pool is quadratic in its connections, and loses track of those that are cancelled
    while new.  Hence a pool for each connection.
    """

    def __init__(self, count: int, trust: ssl.SSLContext) -> None:
        self._all = [_Slot(trust) for _ in range(count)]
        self._free = list(self._all)
        self._turn = trio.Semaphore(count)

    async def exchange(
        self, request: httpx.Request, origin: str, limits: Deadlines, max_bytes: int
    ) -> Response:
        """Send `request` once and read the answer, of at most `max_bytes`.

        Raises one of FAILURES, perhaps in a group.  `limits.total` is the caller's to keep.
        """
        steps = {"connect": limits.connect, "write": limits.write, "read": limits.read}
        opened = _Opened()
        request.extensions = {**request.extensions, "trace": opened, "timeout": steps}
        await self._turn.acquire()
        slot = self._take(origin)
        try:
            answer = await slot.transport.handle_async_request(request)
            assert isinstance(answer.stream, httpx.AsyncByteStream)
            headers = joined(answer.headers.raw)
            body = await _read(answer.stream, headers, max_bytes)
            await answer.stream.aclose()
            if slot.leftover():
                await slot.discard(opened)
        except BaseException:
            await slot.discard(opened)
            raise
        finally:
            self._free.append(slot)
            self._turn.release()
        return Response(answer.status_code, headers, body, str(request.url))

    def _take(self, origin: str) -> _Slot:
        # The one used last is the likeliest to be open still; the coldest serves a new origin.
        free = self._free
        for index in range(len(free) - 1, -1, -1):
            if free[index].origin == origin:
                return free.pop(index)
        slot = free.pop(0)
        slot.origin = origin
        return slot

    async def aclose(self) -> None:
        for slot in self._all:
            await slot.transport.aclose()


def reason_of(group: BaseExceptionGroup[Any]) -> Reason:
    """The name of the first failure in a group of FAILURES."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case Failed():
            return error.reason
        case httpx.ConnectTimeout():
            return "connect_timeout"
        case httpx.ReadTimeout():
            return "read_timeout"
        case httpx.WriteTimeout():
            return "write_timeout"
        case httpx.ConnectError() | socket.gaierror():
            return why_no_connection(error)
        case httpx.RemoteProtocolError() | h11.RemoteProtocolError():
            return "protocol"
        case httpx.NetworkError() | OSError() | trio.BrokenResourceError():
            return "reset"
        case trio.ClosedResourceError():
            return "reset"
        case _:
            return "bad_request"


def why_no_connection(error: BaseException | None) -> Reason:
    """The name of what kept a connection from being made."""
    while error is not None:
        if isinstance(error, socket.gaierror):
            return "dns"
        if isinstance(error, ssl.SSLError):
            return "tls"
        error = error.__cause__ or error.__context__
    return "connect"


def joined(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as a Response has them."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


async def _read(stream: httpx.AsyncByteStream, headers: Mapping[str, str], max_bytes: int) -> bytes:
    body = Body(headers, max_bytes)
    with trio.CancelScope() as scope:
        async for chunk in stream:
            # Not `break`: it would leave httpcore's nested generators open until they are
            # collected.  Cancelled, the next read ends them all and closes the connection.
            if not scope.cancel_called and not body.take(chunk):
                scope.cancel()
    return body.whole()


class Body:
    """Collects a body, decompressed; never holds more than the cap and one step."""

    def __init__(self, headers: Mapping[str, str], max_bytes: int) -> None:
        self._parts = bytearray()
        self._cap = max_bytes
        self._came = 0
        self._failure: Reason | None = None
        self._inflate: zlib._Decompress | None = None
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding in GZIP:
            self._inflate = zlib.decompressobj(wbits=31)
        elif encoding not in {"", "identity"}:
            self._failure = "encoding"

    def take(self, chunk: bytes) -> bool:
        """Add what came.  False: no more is wanted."""
        self._came += len(chunk)
        if self._failure is None and self._inflate is not None:
            self._decompress(chunk, self._inflate)
        elif self._failure is None:
            self._parts += chunk
        if max(self._came, len(self._parts)) > self._cap:
            self._failure = "too_large"
        return self._failure is None

    def _decompress(self, chunk: bytes, inflate: zlib._Decompress) -> None:
        # Once at its end, whatever follows the compressed body is no part of it.
        while chunk and not inflate.eof and len(self._parts) <= self._cap:
            try:
                self._parts += inflate.decompress(chunk, INFLATE_STEP)
            except zlib.error:
                self._failure = "encoding"
                return
            chunk = inflate.unconsumed_tail

    def whole(self) -> bytes:
        """The body.  Raises Failed if it is too large or damaged."""
        if self._failure is None and self._inflate is not None and self._came:
            self._failure = None if self._inflate.eof else "encoding"
        if self._failure is not None:
            raise Failed(self._failure)
        return bytes(self._parts)
